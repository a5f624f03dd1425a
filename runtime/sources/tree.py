"""What all trees that files are copied from have in common: following links, walking.

Build contexts, stacks of layers, git checkouts and downloaded files are read through the ``SourceTree``
protocol of ``runtime/snapshot/entry.py``, so copying is written once and knows none of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from ..oci.digests import of_bytes
from ..snapshot.entry import Entry, SourceTree

__all__ = ["Entry", "MemoryTree", "SourceTree", "TooManyLinksError", "TreeBase", "follow", "join", "walk"]

MAX_LINKS = 255


class TooManyLinksError(OSError):
    """Symbolic links lead in a circle."""


def join(directory: str, name: str) -> str:
    """``directory/name``, where the root is the empty string."""
    return f"{directory}/{name}" if directory else name


def follow(tree: SourceTree, path: str, *, follow_last: bool = True) -> str:
    """``path`` with its symbolic links followed as if the tree were the whole machine: no link and no ``..``
    leaves it. What does not exist is kept as it is. Raises :class:`TooManyLinksError`.
    """
    resolved = ""
    todo = [part for part in reversed(path.split("/")) if part not in {"", "."}]
    links = 0
    while todo:
        part = todo.pop()
        if part == "..":
            resolved = resolved.rpartition("/")[0]
            continue
        here = join(resolved, part)
        entry = tree.lstat(here) if todo or follow_last else None
        if entry is None or entry.kind != "symlink":
            resolved = here
            continue
        links += 1
        if links > MAX_LINKS:
            raise TooManyLinksError(f"too many links in {path!r}")
        if entry.target.startswith("/"):
            resolved = ""
        todo += [step for step in reversed(entry.target.split("/")) if step not in {"", "."}]
    return resolved


def walk(tree: SourceTree, path: str = "") -> Iterator[Entry]:
    """The entry at ``path`` and all below it: each directory before what is in it, names sorted."""
    entry = tree.lstat(path)
    if entry is None:
        return
    yield entry
    if entry.kind == "directory":
        for name in tree.listdir(path):
            yield from walk(tree, join(path, name))


class TreeBase:
    """The derived half of ``SourceTree`` for trees that have the other half."""

    def readlink(self: SourceTree, path: str) -> str:
        """Target of the symbolic link at ``path``. Raises ``OSError`` where there is none."""
        entry = self.lstat(path)
        if entry is None or entry.kind != "symlink":
            raise FileNotFoundError(f"no symbolic link: {path}")
        return entry.target

    def resolve(self: SourceTree, path: str, *, follow_last: bool = True) -> str | None:
        """``path`` with all links followed within the root; none if it does not exist (or is a circle)."""
        try:
            resolved = follow(self, path, follow_last=follow_last)
        except TooManyLinksError:
            return None
        return None if self.lstat(resolved) is None else resolved

    def walk(self: SourceTree, path: str = "") -> Iterator[Entry]:
        """The entry at ``path`` and all below it: each directory before what is in it, names sorted."""
        return walk(self, path)


class MemoryTree(TreeBase):
    """A few files at the top, held in memory: the files that are written inside a Dockerfile."""

    def __init__(self, files: dict[str, bytes], *, mode: int = 0o644, mtime_ns: int = 0) -> None:
        self._files = files
        self._mode = mode
        self._mtime_ns = mtime_ns

    def lstat(self, path: str) -> Entry | None:
        """The entry at ``path``, or none."""
        if not path:
            return Entry("", "directory", 0o755, mtime_ns=self._mtime_ns)
        content = self._files.get(path)
        if content is None:
            return None
        digest = of_bytes(content)
        return Entry(path, "file", self._mode, size=len(content), mtime_ns=self._mtime_ns, digest=digest)

    def listdir(self, path: str) -> list[str]:
        """Names in the root."""
        if path:
            raise NotADirectoryError(path) if path in self._files else FileNotFoundError(path)
        return sorted(self._files)

    def digest(self, path: str) -> str:
        """Digest of the content of the file at ``path``."""
        return of_bytes(self._content(path))

    def open(self, path: str) -> BinaryIO:
        """The file at ``path``, for reading."""
        return BytesIO(self._content(path))

    def _content(self, path: str) -> bytes:
        if path not in self._files:
            raise FileNotFoundError(path)
        return self._files[path]
