"""What differs between two stacks of layers, found without reading them.

Directories carry a digest of all that is in them, in each layer. Where two stacks have equal directories of equal
layers at a path, nothing below it is looked at: the work grows with the difference, not with the trees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..store import Store
from .entry import Entry
from .index import Row, timeless
from .view import Found, StackView

__all__ = ["Difference", "differences"]


class Difference(NamedTuple):
    """The entries at ``path`` before and after; none where nothing is. Times alone make no difference.

    Of a directory, the metadata: what is in it comes as differences of its own. What lies in a directory that
    is there on one side only, or that is something else on the other, is not listed. A name that is a hard link
    on one side only is a difference; the first name of the file is none.
    """

    path: str
    before: Entry | None
    after: Entry | None


def differences(store: Store, before: Sequence[str], after: Sequence[str]) -> Iterator[Difference]:
    """Differences of two stacks (diff IDs, bottom to top), each directory before what is in it.

    Raises :class:`..errors.StoreError` where a layer is missing.
    """
    left, right = StackView(store, before), StackView(store, after)
    pending: list[tuple[str, Found, Found]] = [("", left.found(""), right.found(""))]
    while pending:
        path, old, new = pending.pop()
        if _rows(old) == _rows(new):
            continue
        was = left.entry(path, old) if old or not path else None
        now = right.entry(path, new) if new or not path else None
        if _state(was) != _state(now):
            yield Difference(path, was, now)
        if was is not None and now is not None and was.is_directory and now.is_directory:
            prefix = f"{path}/" if path else ""
            names = sorted(left.changed(old, right, new), reverse=True)
            pending += [(prefix + name, left.below(old, name), right.below(new, name)) for name in names]


def _rows(found: Found) -> list[Row]:
    return [timeless(row) for _, row in found]


def _state(entry: Entry | None) -> Entry | None:
    return None if entry is None else entry._replace(mtime_ns=0, opaque=False, implied=False)
