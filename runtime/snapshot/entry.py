"""One entry of a file tree, and the protocol by which every kind of tree is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Literal, NamedTuple, Protocol

__all__ = ["Entry", "Kind", "SourceTree"]

Kind = Literal["file", "directory", "symlink", "character", "block", "fifo", "whiteout"]


class Entry(NamedTuple):
    """One name in a tree, or in the diff of a layer. (A tuple, not a dataclass: a tree has 200,000 of them.)

    ``path`` is relative to the root, ``/``-separated, without a leading slash; the root itself is ``""``.
    Names that are not UTF-8 are held with surrogate escapes, as ``os.fsdecode`` gives them. ``mode`` is the
    twelve permission bits. ``size`` is in bytes, of files only; ``digest`` (``sha256:<hex>``) is that of a
    file's content; ``target`` is a symbolic link's; ``device`` is (major, minor). ``xattrs`` are sorted.

    Only in diffs: ``link`` is the earlier path of the same layer that this is a hard link to; a ``whiteout``
    hides that name of the layers below; ``opaque`` says that a directory hides all that is below it;
    ``implied`` that the layer only passes through a directory, whose metadata is that of the layers below
    (the values here are then what the snapshot's own directory carries).
    """

    path: str
    kind: Kind
    mode: int = 0
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime_ns: int = 0
    target: str = ""
    device: tuple[int, int] = (0, 0)
    digest: str = ""
    xattrs: tuple[tuple[str, bytes], ...] = ()
    link: str = ""
    opaque: bool = False
    implied: bool = False

    @property
    def name(self) -> str:
        """The last component of the path."""
        return self.path.rpartition("/")[2]

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory (a link to one is not)."""
        return self.kind == "directory"


class SourceTree(Protocol):
    """A tree that can be read: a stack of layers, a build context.

    Paths are as in :class:`Entry` (a leading or trailing slash is tolerated). No method but ``resolve``
    follows a symbolic link, not even in the middle of a path: such a path does not exist.
    """

    def lstat(self, path: str) -> Entry | None:
        """The entry at ``path``, or none."""

    def listdir(self, path: str) -> list[str]:
        """Names in a directory, sorted by their bytes. Raises ``OSError`` where there is none."""

    def readlink(self, path: str) -> str:
        """Target of the symbolic link at ``path``. Raises ``OSError`` where there is none."""

    def digest(self, path: str) -> str:
        """Digest of the content of the file at ``path``. Raises ``OSError`` where there is none."""

    def open(self, path: str) -> BinaryIO:
        """The file at ``path``, for reading. Raises ``OSError`` where there is none."""

    def resolve(self, path: str, *, follow_last: bool = True) -> str | None:
        """``path`` with all links followed within the root; none if it does not exist (or is a circle)."""

    def walk(self, path: str = "") -> Iterator[Entry]:
        """The entry at ``path`` and all below it: each directory before what is in it, names sorted."""
