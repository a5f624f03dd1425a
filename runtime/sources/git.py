"""ADD of git repositories: a ref is resolved to its commit, and the commit's tree is a layer of the store."""

from __future__ import annotations

import os
import re
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from ...compiler.globs import rooted
from ...compiler.graph.operations import GitTree
from ..errors import IntegrityError, SourceError
from ..events import Reporter, TaskFinished, TaskStarted
from ..snapshot.commit import commit
from ..snapshot.view import StackView
from ..store import Store
from .git_program import GitError, GitProgram, redacted, without_credentials

__all__ = ["GitSource", "ResolvedRef"]

_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_HEX = re.compile(r"[0-9a-fA-F]+", re.ASCII)
_TRANSPORT = re.compile(r"(?:https?|ssh|git)://", re.ASCII | re.IGNORECASE)
_SCP = re.compile(r"[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+:(?!//)", re.ASCII)
_ADVICE = (
    (
        r"could not read (Username|Password)|Authentication failed|terminal prompts disabled",
        "if it is private: layerc build --secret id=GIT_AUTH_TOKEN,env=VARIABLE",
    ),
    (r"Permission denied|Host key verification", "does the ssh agent hold a key that the server knows?"),
    (
        r"resolve host|look up|unable to connect|[Ff]ailed to connect|unable to access",
        "check the host's name and the network",
    ),
    (r"not found|not a git repository|does not appear|not exported", "check the URL: is it a repository?"),
)
_GITHUB = ("https://github.com/", "https://www.github.com/")
_KIND = "git"


@dataclass(frozen=True, slots=True)
class ResolvedRef:
    """``name`` is the full name (``refs/heads/…``), or the id itself where an id was asked for. ``object`` is
    what it names, ``commit`` the commit (another one for an annotated tag; empty while not known).
    """

    name: str
    object: str
    commit: str


class GitSource:
    """Checks trees out into a store; each ref is looked up at most once a build. Threads may share it.

    ``authorization`` gives the ``Authorization`` header for a remote, or none; ``ssh_socket`` the socket of the
    agent for remotes that are read with ssh, or none.
    """

    def __init__(
        self,
        store: Store,
        *,
        environ: Mapping[str, str] = os.environ,
        ssh_socket: Callable[[], str | None] = lambda: None,
        authorization: Callable[[str], str | None] = lambda _: None,
        report: Reporter = lambda _: None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._environ = environ
        self._ssh_socket = ssh_socket
        self._authorization = authorization
        self._report = report
        self._check = check
        self._guard = threading.Lock()
        self._locks: dict[GitTree, threading.Lock] = {}
        self._views: dict[GitTree, StackView] = {}

    def fetch(self, source: GitTree) -> StackView:
        """The tree of a repository at a ref. A commit's id that was checked out before needs no network.

        Raises :class:`SourceError`, :class:`IntegrityError`, :class:`EnvironmentLackError`.
        """
        with self._guard:
            lock = self._locks.setdefault(source, threading.Lock())
        with lock:
            view = self._views.get(source)
            if view is None:
                view = self._views[source] = self._fetch(source)
            return view

    def resolve(self, source: GitTree) -> ResolvedRef:
        """What the ref names now. Raises as :meth:`fetch`."""
        remote = _checked(source)
        ref = source.ref
        if _ID.fullmatch(ref):
            found = ResolvedRef(ref, ref, "")
        else:
            found = self._look_up(self._git(remote), remote, ref)
        wanted = (source.checksum or "").lower()
        if wanted and not any(text.startswith(wanted) for text in (found.object, found.commit)):
            got = found.object if found.commit in {"", found.object} else f"{found.object} or {found.commit}"
            raise IntegrityError(
                f"{redacted(remote)}: {ref or 'the default branch'} is {got}, not {wanted}",
                help="the ref was moved, or the checksum is for another one",
            )
        return found

    # --- refs ----------------------------------------------------------------------------------------

    def _git(self, remote: str) -> GitProgram:
        header = None if _uses_ssh(remote) else self._authorization(remote)
        headers = {} if header is None else {_scope(remote): f"Authorization: {header}"}
        socket = self._agent(remote) if _uses_ssh(remote) else None
        return GitProgram(self._environ, ssh_socket=socket, headers=headers, check=self._check)

    def _agent(self, remote: str) -> str:
        socket = self._ssh_socket()
        if socket is None:
            raise SourceError(
                f"{redacted(remote)} is read with ssh, and no ssh agent was handed in",
                help="layerc build --ssh default (the agent at $SSH_AUTH_SOCK), or --ssh default=KEY",
            )
        return socket

    def _look_up(self, git: GitProgram, remote: str, ref: str) -> ResolvedRef:
        """A branch comes before a tag of the same name, as in ``git checkout``."""
        with _told(remote, "can not read the refs of"):
            if not ref:
                head = git.run("ls-remote", "--symref", "--", remote, "HEAD")
                match = re.search(r"^ref: (refs/heads/\S+)\tHEAD$", head, re.MULTILINE)
                if match is None:
                    raise SourceError(f"{redacted(remote)} has no default branch", help="name a ref: …#main")
                ref = match[1]
            listing = git.run("ls-remote", "--", remote, ref, f"{ref}^{{}}")
        ids = {name: number for number, _, name in (line.partition("\t") for line in listing.splitlines())}
        full = [f"refs/{ref.removeprefix('refs/')}", f"refs/heads/{ref.removeprefix('refs/heads/')}"]
        tag = f"refs/tags/{ref.removeprefix('refs/tags/')}"
        name = next((name for name in [*full, tag] if name in ids), None)
        if name is None:
            raise SourceError(
                f"{redacted(remote)} has no branch or tag {ref!r}", help="check the name after #"
            )
        return ResolvedRef(name, ids[name], ids.get(f"{name}^{{}}", ids[name]))

    # --- trees ---------------------------------------------------------------------------------------

    def _fetch(self, source: GitTree) -> StackView:
        found = self.resolve(source)
        key = _key(source, found)
        known = self._known(key)
        if known is not None:
            return known
        with self._store.lock(f"{_KIND} {key}", self._check):
            known = self._known(key)
            if known is not None:
                return known
            task = f"{_KIND} {redacted(source.remote)}#{source.ref}"
            started = time.monotonic()
            self._report(TaskStarted(task, f"fetch {redacted(source.remote)} {source.ref}".rstrip()))
            diff_id = self._check_out(source, found)
            self._store.add_record(_KIND, key, diff_id.encode())
            self._report(TaskFinished(task, time.monotonic() - started, found.commit or found.object))
            return StackView(self._store, (diff_id,))

    def _known(self, key: str) -> StackView | None:
        value = self._store.record(_KIND, key)
        if value is None or self._store.layer(value.decode()) is None:
            return None
        return StackView(self._store, (value.decode(),))

    def _check_out(self, source: GitTree, found: ResolvedRef) -> str:
        """Fetch and check out into a new layer; its diff ID."""
        git = self._git(source.remote)
        subdir = rooted(source.subdir)
        keep = source.keep_git_dir and not subdir
        scratch = self._store.temporary(_KIND)
        try:
            with self._store.draft() as draft, _told(source.remote, "can not fetch"):
                tree = os.path.join(scratch, "tree") if subdir else draft.diff
                place = os.path.join(draft.diff, ".git") if keep else os.path.join(scratch, "git")
                os.makedirs(tree, exist_ok=True)
                os.makedirs(scratch, exist_ok=True)
                checkout = _Checkout(git, place, tree, source, found)
                checkout.fetch()
                checkout.check_out(submodules=source.submodules, keep=keep)
                seconds = checkout.commit_time()
                if subdir:
                    _move_content(tree, subdir, draft.diff, source)
                _set_times(draft.diff, seconds)
                return commit(self._store, draft, StackView(self._store, ())).diff_id
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


class _Checkout:
    """One fetch and checkout. ``git_dir`` is made."""

    def __init__(self, git: GitProgram, git_dir: str, tree: str, source: GitTree, found: ResolvedRef) -> None:
        self._git = git
        self._git_dir = git_dir
        self._tree = tree
        self._source = source
        self._found = found
        self._target = f"{found.object}^{{commit}}"

    def fetch(self) -> None:
        """Get the object that was looked up, and no more than is needed where the server can do that."""
        form = ["--object-format=sha256"] if len(self._found.object) == 64 else []
        self._git.run("init", "--quiet", *form, git_dir=self._git_dir, work_tree=self._tree)
        self._run("remote", "add", "origin", self._source.remote)
        name = self._found.name
        attempts = [["--depth=1", "--no-tags"], ["--no-tags"], ["--tags"]]
        refspecs = [f"+{name}:{name}"] * 2 if name.startswith("refs/") else [name] * 2
        for options, refspec in zip(
            attempts, [*refspecs, "+refs/heads/*:refs/remotes/origin/*"], strict=True
        ):
            try:
                self._run("fetch", "--quiet", "-u", *options, "--", "origin", refspec)
            except GitError as error:
                if options == attempts[-1] or not _may_help(str(error)):
                    raise
                continue
            if self._has_object():
                return
        self._run("fetch", "--quiet", "-u", "--", "origin", self._found.object)  # the ref was moved meanwhile

    def check_out(self, *, submodules: bool, keep: bool) -> None:
        """Write the files. Without ``keep``, nothing of git stays among them."""
        name = self._found.name
        if (keep and name.startswith("refs/heads/")) or keep:
            self._run("checkout", "--quiet", "--force", "--detach", self._target)
        else:
            self._run("checkout", "--quiet", "--no-overlay", self._target, "--", ".")
        if submodules and os.path.exists(os.path.join(self._tree, ".gitmodules")):
            self._update_submodules()
            if not keep:
                _remove_git_files(self._tree)
        if keep:
            self._run("remote", "set-url", "origin", redacted(self._source.remote))
            self._run("reflog", "expire", "--all", "--expire=now")
            for leftover in ("FETCH_HEAD", "ORIG_HEAD"):
                path = os.path.join(self._git_dir, leftover)
                if os.path.exists(path):
                    os.unlink(path)

    def _update_submodules(self) -> None:
        update = ("submodule", "--quiet", "update", "--init", "--recursive")
        try:
            self._run(*update, "--depth=1")
        except GitError as error:
            if not _may_help(str(error)):
                raise
            shutil.rmtree(os.path.join(self._git_dir, "modules"), ignore_errors=True)
            self._run(*update, "--force")

    def commit_time(self) -> int:
        """When the commit was made, in seconds since 1970."""
        return int(self._run("log", "-1", "--format=%ct", self._target))

    def _has_object(self) -> bool:
        try:
            self._run("cat-file", "-e", self._target)
        except GitError:
            return False
        return True

    def _run(self, *arguments: str) -> str:
        return self._git.run(*arguments, git_dir=self._git_dir, work_tree=self._tree)


def _checked(source: GitTree) -> str:
    """The remote, if it and the ref are ones that we hand to git."""
    remote = source.remote
    if not _TRANSPORT.match(remote) and not _SCP.match(remote):
        raise SourceError(
            f"{redacted(remote)} is no git remote that can be added",
            help="https://, http://, ssh://, git:// and user@host:path are",
        )
    try:
        urlsplit(remote)
    except ValueError as error:
        raise SourceError(f"the URL of a git repository is malformed: {error}") from error
    if source.ref.startswith("-"):
        raise SourceError(f"{source.ref!r} is no git ref")
    if source.checksum is not None and not _HEX.fullmatch(source.checksum):
        raise SourceError(f"the checksum {source.checksum!r} is no commit id", help="hexadecimal digits")
    return remote


def _key(source: GitTree, found: ResolvedRef) -> str:
    """What the checked out tree depends on. The commit's id stands for its content, whatever the remote."""
    subdir = rooted(source.subdir)
    parts = [found.commit or found.object, subdir, "" if source.submodules else "no submodules"]
    if source.keep_git_dir and not subdir:
        parts += [found.object, found.name, redacted(source.remote)]
    return "\n".join(parts)


def _may_help(message: str) -> bool:
    """Whether a fetch that failed like this may succeed when it asks for more."""
    return bool(re.search(r"depth|shallow|not our ref|unadvertised|not found|find remote ref|dumb", message))


def _scope(remote: str) -> str:
    """The URLs that a header is for: the remote's; at GitHub, its submodules' as well."""
    return next((site for site in _GITHUB if remote.startswith(site)), remote)


def _uses_ssh(remote: str) -> bool:
    return remote.lower().startswith("ssh://") or _SCP.match(remote) is not None


@contextmanager
def _told(remote: str, what: str) -> Iterator[None]:
    """Failures of git in the words of a build."""
    try:
        yield
    except GitError as error:
        # Git names the remote itself, or with a path after it, and may leave out a password.
        shown = without_credentials(str(error).replace(remote, redacted(remote)))
        raise SourceError(f"{what} {redacted(remote)}: {shown}", help=_advice(shown)) from error


def _advice(said: str) -> str | None:
    """What may help where git has said this."""
    return next((advice for pattern, advice in _ADVICE if re.search(pattern, said)), None)


def _move_content(tree: str, subdir: str, target: str, source: GitTree) -> None:
    """Put what is in ``subdir`` of the checkout into ``target``. No link is followed on the way."""
    directory = tree
    for part in subdir.split("/"):
        directory = os.path.join(directory, part)
        try:
            status = os.lstat(directory)
        except FileNotFoundError as error:
            raise SourceError(f"{redacted(source.remote)} has no directory {subdir}") from error
        if not stat.S_ISDIR(status.st_mode):
            raise SourceError(f"{subdir} of {redacted(source.remote)} is not a directory")
    for name in os.listdir(directory):
        os.rename(os.path.join(directory, name), os.path.join(target, name))


def _remove_git_files(tree: str) -> None:
    """Submodules have a file ``.git`` that points to a directory that will be gone."""
    for directory, names, files in os.walk(tree):
        for name in [*names, *files]:
            path = os.path.join(directory, name)
            if name == ".git" and os.path.isfile(path) and not os.path.islink(path):
                os.unlink(path)


def _set_times(tree: str, seconds: int) -> None:
    """The commit's time for every entry, so that two checkouts are equal."""
    for directory, names, files in os.walk(tree, topdown=False):
        for name in [*names, *files]:
            os.utime(os.path.join(directory, name), (seconds, seconds), follow_symlinks=False)
    os.utime(tree, (seconds, seconds))
