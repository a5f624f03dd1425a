"""``Reading``: a set of reads that many changes are compared with."""

from __future__ import annotations

from functools import cached_property

from ..effects.paths import Reads, Writes, ancestors

__all__ = ["Reading"]


class Reading:
    """What one step reads, prepared: :meth:`meets` is :meth:`Reads.conflict`, quicker from the second call on."""

    def __init__(self, reads: Reads) -> None:
        self.reads = reads
        self._known = reads.names | reads.lists | reads.trees

    @cached_property
    def _above(self) -> frozenset[str]:
        above: set[str] = set()
        for path in self._known:
            for parent in ancestors(path):
                if parent in above:
                    break
                above.add(parent)
        return frozenset(above)

    def meets(self, writes: Writes) -> bool:
        """Whether what is read may depend on what ``writes`` has.

        >>> Reading(Reads(lists=frozenset({"/app"}))).meets(Writes(names=frozenset({"/app/main.js"})))
        True
        """
        return (
            not self._known.isdisjoint(writes.names)
            or not self._above.isdisjoint(writes.names)
            or not self._known.isdisjoint(writes.directories)
            or self._lists_one_of(writes)
            or self._covered_by(writes)
            or any(map(self._is_inside, writes.names))
            or any(map(self._is_inside, writes.directories))
        )

    def meets_change(self, path: str, *, moved: bool) -> bool:
        """Whether it matters that the file at ``path`` is another one, or (``moved``) came or went."""
        if path in self._known or self._is_inside(path):
            return True
        return moved and (path in self._above or (path.rpartition("/")[0] or "/") in self.reads.lists)

    def _lists_one_of(self, writes: Writes) -> bool:
        lists = self.reads.lists
        return bool(lists) and any(
            (path.rpartition("/")[0] or "/") in lists
            for paths in (writes.names, writes.directories, writes.trees)
            for path in paths
        )

    def _covered_by(self, writes: Writes) -> bool:
        """Whether a whole tree is written that holds something read, or lies in a tree that is."""
        trees = writes.trees
        return bool(trees) and (
            not self._known.isdisjoint(trees)
            or not self._above.isdisjoint(trees)
            or any(not trees.isdisjoint(ancestors(path)) for path in self._known)
            or any(map(self._is_inside, trees))
        )

    def _is_inside(self, path: str) -> bool:
        """Whether ``path`` lies in a tree that is read whole."""
        trees = self.reads.trees
        return bool(trees) and (path in trees or not trees.isdisjoint(ancestors(path)))
