"""``SourceTree``: what a tree of files must answer so that files can be copied from it.

Build contexts, stacks of layers, git checkouts and downloaded files are all read through it, so copying is
written once and knows none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO, Protocol

from ..snapshot.entries import Entry

__all__ = ["SourceTree", "join"]


class SourceTree(Protocol):
    """A read-only tree. Paths are relative, "/"-separated, clean (no ``.``, ``..``, ``//``); ``""`` is the
    root, which is a directory. No method follows symbolic links: a path whose parent is one does not exist.
    """

    def lstat(self, path: str) -> Entry | None:
        """The entry at ``path``; none if there is nothing."""

    def listdir(self, path: str) -> Sequence[str]:
        """The names in directory ``path``, sorted by their bytes. Raises ``NotADirectoryError`` or
        ``FileNotFoundError``.
        """

    def readlink(self, path: str) -> str:
        """The target of the symbolic link at ``path``."""

    def digest(self, path: str) -> str:
        """The digest (``sha256:…``) of the content of the regular file at ``path``."""

    def open(self, path: str) -> BinaryIO:
        """The content of the regular file at ``path``, to be read; an unbuffered real file where there is
        one, so that its data can be cloned.
        """


def join(directory: str, name: str) -> str:
    """``directory/name``, where the root is the empty string."""
    return f"{directory}/{name}" if directory else name
