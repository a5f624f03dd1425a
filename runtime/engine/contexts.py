"""Build contexts: directories of this machine, git repositories, archives and files from URLs or a stream.

What does not lie in a directory becomes a layer of the store, so it is fetched and unpacked once. As in
BuildKit, ``.dockerignore`` is only heeded in directories, and files of archives keep their owners.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO

from ...compiler.graph.operations import GitTree, HttpFile
from ..errors import SourceError, StepError, UsageError
from ..events import Reporter, TaskFinished, TaskProgress, TaskStarted
from ..oci.compression import decompressed, sniff
from ..snapshot.view import StackView
from ..sources.context import ContextTree
from ..sources.ignore import load_ignore_file
from ..sources.standing import Standing
from ..sources.tree import SourceTree
from ..store.store import Store
from .fetch import Fetcher
from .request import BuildRequest, StreamContext, UrlContext

if TYPE_CHECKING:
    from ...compiler.gitref import GitRef
    from ..store import Draft

__all__ = ["HEAD", "Contexts", "is_archive"]

HEAD = 1024  # bytes from which an archive is told
FILE = "context"  # BuildKit's name for what a URL gives
SHOWN = "that is the build context"
_KIND = "context archive 1"
_CHUNK = 1 << 20
_KEEP_GIT = "BUILDKIT_CONTEXT_KEEP_GIT_DIR"


class _NoArchiveError(Exception):
    """What looked like an archive is none."""


class Contexts:
    """The contexts of one build: each is opened once, when it is first needed. Threads may share it.

    ``check`` is called while bytes arrive and may raise, to cancel.
    """

    def __init__(
        self,
        request: BuildRequest,
        store: Store,
        fetcher: Fetcher,
        report: Reporter = lambda _: None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._request = request
        self._store = store
        self._fetcher = fetcher
        self._report = report
        self._check = check
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._trees: dict[str, SourceTree] = {}
        self._standing: dict[str, Standing | None] = {}
        self._answers: dict[str, dict[str, str]] = {}
        self._held = ExitStack()
        self._modified_ns = 0

    def close(self) -> None:
        """Let go of directories, and keep what was learnt of their files."""
        for name, answers in self._answers.items():
            standing, tree = self._standing.get(name), self._trees.get(name)
            if standing is not None and isinstance(tree, ContextTree):
                signatures = tree.signatures()
                if signatures is not None:
                    standing.note(answers, signatures)
        self._held.close()

    def tree(self, name: str) -> SourceTree:
        """The context ``name``; the main one's is empty. Raises :class:`SourceError` where there is none, or
        it can not be had; :class:`IntegrityError`, :class:`UsageError`.
        """
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            if name not in self._trees:
                self._trees[name] = self._open(name)
            return self._trees[name]

    def recall(self, name: str, question: str) -> str | None:
        """What :meth:`remember` was told in an earlier build, where the context ``name`` is a directory of which
        nothing that was looked at has changed. It costs one ``stat`` of each such file.
        """
        with self._guard:
            if name in self._trees:
                return None
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            if name not in self._standing:
                self._standing[name] = self._open_standing(name)
            standing = self._standing[name]
            return None if standing is None else standing.answer(question)

    def remember(self, name: str, question: str, answer: str) -> None:
        """Note, for later builds, an answer that was found by reading the context ``name``."""
        with self._guard:
            self._answers.setdefault(name, {})[question] = answer

    def is_text(self) -> bool:
        """Whether the main context is a URL that gives a plain file, which is the Dockerfile then. Raises as
        :meth:`tree`.
        """
        if not isinstance(self._request.context, UrlContext):
            return False
        tree = self.tree("")
        if isinstance(tree, StackView):
            return False
        with tree.open(FILE) as file:
            return not is_archive(file.read(HEAD))

    def time(self) -> int | None:
        """The Unix time of a main context that is no directory: that of a git commit, when a URL was modified,
        else that of an archive's newest file; none where there is none of them. Raises as :meth:`tree`.
        """
        if not isinstance(self._request.context, UrlContext | StreamContext):
            return None
        tree = self.tree("")
        times = (entry.mtime_ns for entry in tree.walk() if entry.kind == "file")
        newest = self._modified_ns or max(times, default=0)
        return newest // 1_000_000_000 or None

    def stack(self, name: str) -> tuple[str, ...]:
        """The layers of a context that came from a URL, for a stage to begin with. Raises as :meth:`tree`."""
        tree = self.tree(name)
        if isinstance(tree, StackView):
            return tree.stack
        entry = tree.lstat(FILE)
        assert entry is not None  # what is no stack of layers is one downloaded file
        key = f"{entry.digest} {entry.mtime_ns}"

        def write(draft: Draft) -> None:
            path = os.path.join(draft.diff, FILE)
            with tree.open(FILE) as source, open(path, "xb") as target:
                while chunk := source.read(_CHUNK):
                    target.write(chunk)
            os.chmod(path, entry.mode)
            os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns))

        return self._layer(f"{_KIND} file", key, write).stack

    # --- opening --------------------------------------------------------------------------------------

    def _open(self, name: str) -> SourceTree:
        if name:
            named = self._request.options.contexts.get(name)
            if named is not None and named.kind in ("git", "http"):
                return self._remote(named.value, unpack=False)
        elif isinstance(self._request.context, StreamContext):
            return self._stream(self._request.context)
        elif isinstance(self._request.context, UrlContext):
            return self._remote(self._request.context.url, unpack=True)
        return self._directory(name, self._place(name))

    def _place(self, name: str) -> str | None:
        """The directory that the context ``name`` is, if it is one."""
        if name:
            named = self._request.options.contexts.get(name)
            return None if named is None or named.kind != "local" else named.value
        return self._request.context if isinstance(self._request.context, str) else None

    def _open_standing(self, name: str) -> Standing | None:
        place = self._place(name)
        if place is None:
            return None
        path = os.path.realpath(place)
        beside = None if name else self._request.dockerfile_path
        patterns = load_ignore_file(path, beside).patterns
        rules = "\n".join(("!" if pattern.exclusion else "") + pattern.text for pattern in patterns)
        # Other Dockerfiles ask other questions of the same directory.
        text = "\0".join((path, name, beside or self._request.dockerfile_name, rules))
        key = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
        return Standing(os.path.join(self._store.root, "contexts", f"{key}.standing"), path, rules)

    def _directory(self, name: str, place: str | None) -> SourceTree:
        title = f"the build context {name!r}" if name else "the build context"
        if place is None:
            raise SourceError(
                f"there is no {title.removeprefix('the ')}",
                help="name the directory that holds the files: layerc build DIRECTORY",
            )
        path = os.path.realpath(place)
        cache = os.path.join(self._store.root, "contexts", hashlib.sha256(os.fsencode(path)).hexdigest())
        beside = None if name else self._request.dockerfile_path
        tree = ContextTree(path, load_ignore_file(path, beside), cache, title)
        self._held.callback(tree.close)
        return tree

    def _remote(self, url: str, *, unpack: bool) -> SourceTree:
        """The tree behind a URL. ``unpack`` marks the main context: archives are unpacked there only."""
        # Imported here, as below: most contexts are directories.
        from ...compiler.gitref import QUERY_HELP, parse_git_ref

        try:
            found = parse_git_ref(url, context=True)
        except ValueError as error:
            raise UsageError(f"the context's URL: {error}", help=QUERY_HELP) from error
        if found is not None:
            return self._fetcher.fetch(self._git(found, main=unpack))
        tree = self._fetcher.download(HttpFile(url), FILE)
        if not unpack:
            return tree
        self._modified_ns = tree.time_ns
        with tree.open(FILE) as file:
            if not is_archive(file.read(HEAD)):
                return tree
            file.seek(0)
            return self._unpacked(file, tree.digest(FILE)) or tree

    def _git(self, found: GitRef, *, main: bool) -> GitTree:
        keep = bool(found.keep_git_dir) or (main and self._keeps_git())
        return GitTree(
            found.remote,
            found.checksum if found.fetch_by_commit else found.ref,
            found.subdir,
            keep_git_dir=keep,
            submodules=found.submodules is not False,
            checksum=found.checksum or None,
        )

    def _keeps_git(self) -> bool:
        from ...compiler.gotext import parse_bool

        try:
            return parse_bool(self._request.options.build_args.get(_KEEP_GIT, ""))
        except ValueError:
            return False

    # --- archives -------------------------------------------------------------------------------------

    def _stream(self, source: StreamContext) -> SourceTree:
        """Standard input is kept in a file of this process until it is known whether it has to be unpacked."""
        path = self._store.temporary(FILE)
        hasher = hashlib.sha256()
        started = time.monotonic()
        self._report(TaskStarted(FILE, "read the build context from standard input"))
        done = 0
        with open(path, "x+b") as file:
            chunk = source.head
            while chunk:
                self._check()
                hasher.update(chunk)
                file.write(chunk)
                done += len(chunk)
                self._report(TaskProgress(FILE, done, 0))
                chunk = source.stream.read(_CHUNK)
            self._report(TaskFinished(FILE, time.monotonic() - started))
            os.unlink(path)
            file.seek(0)
            tree = self._unpacked(file, f"sha256:{hasher.hexdigest()}")
        if tree is None:
            raise SourceError(
                "standard input is compressed, but no readable tar archive is in it",
                help="a context is piped as tar -c . | layerc build -, compressed or not",
            )
        return tree

    def _unpacked(self, file: BinaryIO, digest: str) -> StackView | None:
        """The tree in an archive; none if it is none after all."""
        # Imported here: what was unpacked before needs neither.
        from .filecopy.destination import Destination
        from .filecopy.unpack import unpack_archive

        def write(draft: Draft) -> None:
            try:
                found = unpack_archive(file, Destination(draft.diff), "/", None, SHOWN, self._check)
            except StepError as error:
                raise SourceError(error.message, help=error.help) from error
            if not found:
                raise _NoArchiveError

        try:
            return self._layer(_KIND, digest, write)
        except _NoArchiveError:
            file.seek(0)
            _check_whole(file)
            return None

    def _layer(self, kind: str, key: str, write: Callable[[Draft], None]) -> StackView:
        """The layer that was noted under ``key``, or the one that ``write`` puts into a draft."""
        known = self._known(kind, key)
        if known is not None:
            return known
        from ..snapshot.commit import commit

        with self._store.lock(f"{kind} {key}", self._check):
            known = self._known(kind, key)
            if known is not None:
                return known
            with self._store.draft() as draft:
                write(draft)
                layer = commit(self._store, draft, StackView(self._store, ()))
            self._store.add_record(kind, key, layer.diff_id.encode())
            return StackView(self._store, (layer.diff_id,))

    def _known(self, kind: str, key: str) -> StackView | None:
        value = self._store.record(kind, key)
        if value is None or self._store.layer(value.decode()) is None:
            return None
        return StackView(self._store, (value.decode(),))


def _check_whole(file: BinaryIO) -> None:
    """Tell a damaged file from one that holds something else. Raises :class:`SourceError`."""
    kind = sniff(file.read(HEAD))
    file.seek(0)
    try:
        with decompressed(file, kind) as stream:
            while stream.read(_CHUNK):
                pass
    except SourceError as error:
        raise SourceError(f"the archive {SHOWN} is no use: {error.message}", help=error.help) from error


def is_archive(head: bytes) -> bool:
    """Whether a file that begins with ``head`` (:data:`HEAD` bytes are enough) is a tar archive, or
    compressed and so may be one.
    """
    if sniff(head) != "uncompressed":
        return True
    import tarfile

    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], tarfile.ENCODING, "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True
