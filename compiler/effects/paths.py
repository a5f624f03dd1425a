"""Sets of paths that a step may read or write, and whether two steps can get into each other's way.

Paths are absolute, cleaned, without a trailing slash, and real: no component but the last is a symbolic link.
A set may be larger than the truth, never smaller.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

__all__ = [
    "EVERYTHING",
    "NO_READS",
    "NO_WRITES",
    "WRITES_EVERYTHING",
    "Reads",
    "Writes",
    "ancestors",
    "is_below",
]

_NONE: frozenset[str] = frozenset()


class Reads(NamedTuple):
    """``names``: paths looked at, be it that nothing is there. ``lists``: directories whose names are read.
    ``trees``: paths with all that is below them (``/`` is everything).
    """

    names: frozenset[str] = _NONE
    lists: frozenset[str] = _NONE
    trees: frozenset[str] = _NONE

    def __or__(self, other: Reads) -> Reads:
        return Reads(self.names | other.names, self.lists | other.lists, self.trees | other.trees)

    def conflict(self, writes: Writes) -> str | None:
        """A path of ``writes`` on which what is read here may depend; none if there is none.

        >>> Reads(names=frozenset({"/app/package.json"})).conflict(Writes(names=frozenset({"/app/main.js"})))
        >>> Reads(lists=frozenset({"/app"})).conflict(Writes(names=frozenset({"/app/main.js"})))
        '/app/main.js'
        """
        found = self._changed(writes) or self._made(writes) or self._replaced(writes)
        return found or self._inside(writes.names | writes.directories)

    def _changed(self, writes: Writes) -> str | None:
        """What is looked at is written, or a name below which it lies: that may be removed or replaced."""
        above = {parent for path in self.names | self.lists | self.trees for parent in ancestors(path)}
        return _first((self.names | self.lists | self.trees | above) & writes.names)

    def _made(self, writes: Writes) -> str | None:
        """A directory that is made where there may have been none, or a name in a directory that is listed."""
        known = self.names | self.lists | self.trees
        listed = (
            path for path in writes.names | writes.directories | writes.trees if _parent(path) in self.lists
        )
        return _first(known & writes.directories) or _first(listed)

    def _replaced(self, writes: Writes) -> str | None:
        """A whole tree is written that holds something read here, or that lies in a tree read here."""
        known = self.names | self.lists | self.trees
        found = (item for path in known for item in (path, *ancestors(path)) if item in writes.trees)
        return (_first(found) if writes.trees else None) or self._inside(writes.trees)

    def _inside(self, paths: Iterable[str]) -> str | None:
        if not self.trees:
            return None
        return _first(
            path for path in paths if path in self.trees or not self.trees.isdisjoint(ancestors(path))
        )


class Writes(NamedTuple):
    """``names``: paths that are made, changed or removed. ``directories``: those that are made where they are
    missing and left alone where they are there. ``trees``: paths with anything below them.
    """

    names: frozenset[str] = _NONE
    directories: frozenset[str] = _NONE
    trees: frozenset[str] = _NONE

    def __or__(self, other: Writes) -> Writes:
        return Writes(
            self.names | other.names, self.directories | other.directories, self.trees | other.trees
        )

    def conflict(self, other: Writes) -> str | None:
        """A path that both may write, so that their order counts; none if there is none.

        Two steps that make a directory where it is missing do not meet there.
        """
        as_reads = Reads(names=self.names, trees=self.trees)
        back = Reads(names=other.names, trees=other.trees)
        return as_reads.conflict(other) or back.conflict(self)

    def as_reads(self) -> Reads:
        """The same paths as something that is read."""
        return Reads(names=self.names | self.directories, trees=self.trees)


def ancestors(path: str) -> Iterator[str]:
    """The directories above ``path``, the nearest first.

    >>> list(ancestors("/a/b/c"))
    ['/a/b', '/a', '/']
    """
    while path != "/":
        path = _parent(path)
        yield path


def is_below(path: str, tree: str) -> bool:
    """Whether ``path`` is ``tree`` or lies below it."""
    return tree == "/" or path == tree or path.startswith(tree + "/")


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def _first(paths: Iterable[str]) -> str | None:
    return min(paths, default=None)


NO_READS = Reads()
NO_WRITES = Writes()
EVERYTHING = Reads(trees=frozenset({"/"}))
WRITES_EVERYTHING = Writes(trees=frozenset({"/"}))
