"""What surrounds a Dockerfile on disk: ``.dockerignore``, the files of its build context, their history.

The files and the history are looked at when a rule first asks, and once for each context. A ``stamp`` tells cheaply
whether they are still the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property, lru_cache
from hashlib import blake2b

from ...compiler.lint.settings import Settings
from ...compiler.lint.subject import Surroundings
from ...compiler.optimize.facts import NO_FACTS, Commit, ContextFile, Facts
from ...grammar.errors import LayercError
from ..errors import SourceError
from ..sources.ignore import excluded_paths, load_ignore_file

__all__ = ["Around", "around"]

# A context of more entries is no context that somebody means: the home directory, or the root.
_MOST_FILES = 100_000
_MOST_COMMITS = 200
_LARGEST_MANIFEST = 4 << 20  # bytes; a lock file may be long
_LISTED = ("file", "directory", "symlink")


class Around:
    """What surrounds a file in the build context ``directory`` (none: nothing does). ``ignore`` is the path of the
    ignore file that counts, or empty. ``guessed`` says that nobody named the context.
    """

    def __init__(self, directory: str | None, dockerfile: str | None, *, guessed: bool) -> None:
        self.directory = directory
        self.guessed = guessed
        self.dockerfile = dockerfile
        self.asked = False

    @cached_property
    def ignore(self) -> str:
        """The ignore file that counts; empty if there is none."""
        if self.directory is None:
            return ""
        own = [f"{self.dockerfile}.dockerignore"] if self.dockerfile is not None else []
        return next(filter(os.path.isfile, (*own, os.path.join(self.directory, ".dockerignore"))), "")

    @cached_property
    def key(self) -> str:
        """What every rule may look at: which paths are ignored."""
        if not self.ignore:
            return ""
        try:
            with open(self.ignore, "rb") as file:
                return f"{self.guessed} {file.read().decode('utf-8', 'surrogateescape')}"
        except OSError as error:
            raise SourceError(f"can not read {self.ignore}: {error.strerror}") from error

    @property
    def stamp(self) -> str:
        """What only rules that ask for facts look at."""
        if self.directory is None:
            return ""
        own = self.dockerfile if self.ignore == f"{self.dockerfile}.dockerignore" else None
        return _stamp(os.path.realpath(self.directory), own)

    def surroundings(self, settings: Settings) -> Surroundings:
        """For the rules. Raises ``SourceError`` for an ignore file that can not be used."""
        if self.directory is None:
            return Surroundings(settings=settings)
        matcher = load_ignore_file(self.directory, self.dockerfile) if self.ignore else None
        ignored = None if matcher is None else excluded_paths(matcher)
        return Surroundings(settings=settings, ignored=ignored, gather=self._gather, guessed=self.guessed)

    def _gather(self) -> Facts:
        self.asked = True
        assert self.directory is not None
        own = self.dockerfile if self.ignore == f"{self.dockerfile}.dockerignore" else None
        return _gather(os.path.realpath(self.directory), own)


def around(path: str | None, context: str | None) -> Around:
    """What surrounds the file ``path`` (none: a text) whose build context is the directory ``context`` (none: the
    file's own, if it has one).
    """
    if context is not None:
        return Around(context, path, guessed=False)
    return Around(None if path is None else os.path.dirname(path) or ".", path, guessed=True)


@lru_cache(maxsize=64)
def _gather(directory: str, dockerfile: str | None) -> Facts:
    from ..engine.manifest_files import is_manifest
    from ..sources.context import ContextTree

    try:
        tree = ContextTree(directory, load_ignore_file(directory, dockerfile))
    except LayercError:
        return NO_FACTS
    files: list[ContextFile] = []
    manifests: dict[str, bytes] = {}
    try:
        for entry in tree.walk():
            if entry.path and entry.kind in _LISTED:
                files.append(ContextFile(entry.path, entry.kind, entry.size, entry.target))
            if len(files) > _MOST_FILES:
                return NO_FACTS
        for file in files:
            if file.kind == "file" and file.size <= _LARGEST_MANIFEST and is_manifest(file.path):
                with tree.open(file.path) as opened:
                    manifests[file.path] = opened.read()
        commits = _commits(directory, lambda path: not tree.ignore.matches(path))
    except (LayercError, OSError):
        return NO_FACTS  # unreadable, or changed at this moment: then nobody knows
    finally:
        tree.close()
    return Facts(contexts={"": tuple(files)}, manifests=manifests, commits=commits)


def _commits(directory: str, is_seen: Callable[[str], bool]) -> tuple[Commit, ...]:
    if _repository(directory) is None:
        return ()
    from ..sources.git_history import history_of

    history = history_of(directory, _MOST_COMMITS, lambda: None)
    return tuple(
        Commit(each.id, each.time, tuple(filter(is_seen, each.paths)), frozenset(filter(is_seen, each.moved)))
        for each in history.changes
    )


@lru_cache(maxsize=64)
def _stamp(directory: str, dockerfile: str | None) -> str:
    """Names, sizes and times of the context's entries, and where the repository's HEAD stands."""
    digest = blake2b(repr((directory, dockerfile, _head(directory))).encode(), digest_size=16)
    count = 0
    for root, directories, files in os.walk(directory):
        directories[:] = sorted(name for name in directories if name != ".git")
        for name in sorted([*files, *directories]):
            try:
                status = os.lstat(os.path.join(root, name))
            except OSError:
                continue
            line = f"{root}/{name}\0{status.st_mode}\0{status.st_size}\0{status.st_mtime_ns}\n"
            digest.update(line.encode("utf-8", "surrogateescape"))
        count += len(files)
        if count > _MOST_FILES:
            return ""
    return digest.hexdigest()


@lru_cache(maxsize=256)
def _repository(directory: str) -> str | None:
    """The ``.git`` of the repository that ``directory`` lies in."""
    while True:
        path = os.path.join(directory, ".git")
        if os.path.exists(path):
            return path
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent


def _head(directory: str) -> str:
    """What HEAD is: the files that a commit changes, by their times."""
    repository = _repository(directory)
    if repository is None or not os.path.isdir(repository):
        return repository or ""
    told: list[str] = []
    for name in ("HEAD", "logs/HEAD", "packed-refs"):
        try:
            status = os.stat(os.path.join(repository, name))
        except OSError:
            continue
        told.append(f"{name} {status.st_mtime_ns} {status.st_size}")
    return " ".join(told)
