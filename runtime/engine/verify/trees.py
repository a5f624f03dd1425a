"""Two stacks of layers compared as the trees that they come to, from the entry indexes alone.

``snapshot/compare.py`` finds what differs without a look at what is equal. Added here: what lies in directories
that only one side has, time stamps, and hard links as groups of names: which of a file's names its layer calls the
first is no part of the tree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ...snapshot.compare import differences
from ...snapshot.entry import Entry
from ...snapshot.index import IMPLIED, OPAQUE, LayerIndex, Row, open_index
from ...snapshot.view import Found, StackView
from ...store import Store
from .verdict import ADDED, REMOVED, Change

__all__ = ["changes", "count_entries", "origin"]

_KINDS = {"f": "files", "d": "directories", "l": "links", "c": "devices", "b": "devices", "p": "fifos"}
Groups = dict[str, tuple[str, ...]]


def changes(
    store: Store, before: Sequence[str], after: Sequence[str], *, times: bool = False
) -> list[Change]:
    """All entries that differ, sorted by path. Raises :class:`StoreError` where a layer is missing."""
    if tuple(before) == tuple(after):
        return []
    left, right = StackView(store, before), StackView(store, after)
    pairs = _all_pairs(left, right) if times else _pairs(store, left, right)
    found: dict[str, Change] = {}
    for path, old, new in pairs:
        aspects = _aspects(old, new, times=times)
        if aspects:
            found[path] = Change(path, aspects, old, new)
    _add_links(found, left, right, store)
    return [found[path] for path in sorted(found)]


def _pairs(
    store: Store, left: StackView, right: StackView
) -> Iterator[tuple[str, Entry | None, Entry | None]]:
    """Entries that may differ, with those in directories that are on one side only."""
    for difference in differences(store, left.stack, right.stack):
        old, new = difference.before, difference.after
        yield difference
        if old is not None and old.is_directory and (new is None or not new.is_directory):
            yield from ((entry.path, entry, None) for entry in left.walk(old.path) if entry.path != old.path)
        if new is not None and new.is_directory and (old is None or not old.is_directory):
            yield from ((entry.path, None, entry) for entry in right.walk(new.path) if entry.path != new.path)


def _all_pairs(left: StackView, right: StackView) -> Iterator[tuple[str, Entry | None, Entry | None]]:
    others = {entry.path: entry for entry in right.walk()}
    for entry in left.walk():
        yield entry.path, entry, others.pop(entry.path, None)
    yield from ((path, None, entry) for path, entry in others.items())


def _aspects(old: Entry | None, new: Entry | None, *, times: bool) -> tuple[str, ...]:
    if old is None or new is None:
        return () if old is new else (ADDED,) if old is None else (REMOVED,)
    if old.kind != new.kind:
        return ("kind",)
    unlike = {
        "mode": old.mode != new.mode and old.kind != "symlink",  # Linux gives all links one mode
        "owner": (old.uid, old.gid) != (new.uid, new.gid),
        "content": (old.size, old.digest) != (new.size, new.digest),
        "target": old.target != new.target,
        "device": old.device != new.device,
        "xattrs": old.xattrs != new.xattrs,
        "time": times and old.mtime_ns != new.mtime_ns,
    }
    return tuple(name for name, differs in unlike.items() if differs)


# --- hard links --------------------------------------------------------------------------------------


def _add_links(found: dict[str, Change], left: StackView, right: StackView, store: Store) -> None:
    """Note where the names of one file are not the same on both sides."""
    old_groups, new_groups = _groups(left, store), _groups(right, store)
    for path in old_groups.keys() | new_groups.keys():
        old, new = old_groups.get(path, (path,)), new_groups.get(path, (path,))
        change = found.get(path)
        if old == new or (change is not None and (change.before is None or change.after is None)):
            continue
        if change is None:
            change = Change(path, (), left.lstat(path), right.lstat(path))
        found[path] = change._replace(aspects=(*change.aspects, "links"), links_before=old, links_after=new)


def _groups(view: StackView, store: Store) -> Groups:
    """All names of each file that has several, by each of them."""
    groups: Groups = {}
    for number, layer in enumerate(store.layers(view.stack)):
        linked: dict[str, list[str]] = {}
        for path, first in _linked(open_index(store.index_path(layer.snapshot))):
            linked.setdefault(first, [first]).append(path)
        for names in linked.values():
            seen = tuple(sorted(name for name in names if _is_from(view.found(name), number)))
            if len(seen) > 1:
                groups |= dict.fromkeys(seen, seen)
    return groups


def _is_from(found: Found, number: int) -> bool:
    return bool(found) and found[0][0] == number and found[0][1][0] != "d"


def _linked(index: LayerIndex) -> Iterator[tuple[str, str]]:
    """Paths of one layer that are further names of a file, with its first."""
    pending: list[tuple[str, Row]] = [("", index.root)]
    while pending:
        prefix, row = pending.pop()
        for name, child in index.children(row).items():
            if child[0] == "d":
                pending.append((f"{prefix}{name}/", child))
            elif len(child) > 7 and child[7]:
                yield prefix + name, child[7]


# --- questions ---------------------------------------------------------------------------------------


def count_entries(store: Store, stack: Sequence[str]) -> dict[str, int]:
    """How many entries of each kind a tree has, its root not counted."""
    view = StackView(store, stack)
    counts: Counter[str] = Counter()
    pending = [view.found("")]
    while pending:
        for found in view.children(pending.pop()).values():
            kind = found[0][1][0]
            counts[_KINDS[kind]] += 1
            if kind == "d":
                pending.append(found)
    return dict(counts)


def origin(store: Store, stack: Sequence[str], path: str) -> int | None:
    """The number of the topmost layer that has a say about ``path``: it wrote it, or it removed it or a directory
    above it; none where no layer knows it.
    """
    layers = store.layers(stack)
    for number in reversed(range(len(layers))):
        if _decides(open_index(store.index_path(layers[number].snapshot)), path):
            return number
    return None


def _decides(index: LayerIndex, path: str) -> bool:
    row = index.root
    hides = False
    for name in path.split("/") if path else ():
        if row[0] != "d":
            return True
        hides |= bool(row[6][0] & OPAQUE)
        child = index.child(row, name)
        if child is None:
            return hides
        row = child
    return row[0] != "d" or not row[6][0] & IMPLIED or bool(row[6][0] & OPAQUE)
