"""Images with fewer layers: several of a stack written as one.

Only what is written gets fewer layers; the store, and with it the cache, keeps one a step. A group's archive is
composed from the entry indexes of its layers: what the topmost of them says of a path holds. What it says of layers
below the group (whiteouts, opaque directories) is kept where there is something to hide, and dropped elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ...compiler.optimize.squash import Budget, StackLayer, optimize_layer_stack
from ..errors import StoreError
from ..oci.documents import dump_json
from ..oci.image import ImageManifest
from ..snapshot.entry import Entry
from ..snapshot.index import IMPLIED, OPAQUE, LayerIndex, Row, entry_of, open_index
from ..snapshot.stream import LayerStream
from ..snapshot.view import StackView, open_plain
from ..store import Store
from ..store.files import store_errors

__all__ = ["group_key", "groups_of", "regrouped", "write_group"]

_RECORD = "squash groups 2"
_BLOCK = 512
_NANO = 10**9

_Rows = tuple[tuple[int, Row], ...]


# --- which layers go together --------------------------------------------------------------------------------


def groups_of(image: ImageManifest, most: int, store: Store) -> tuple[range, ...]:
    """How the layers of ``image`` are best grouped, if there may be ``most`` above those of its base image, which
    stay single. Equal images are grouped equally, whatever else the store holds.
    """
    count, base = len(image.diff_ids), image.base_layers
    if count - base < 2:
        return tuple(range(number, number + 1) for number in range(count))
    key = _key("groups", image.diff_ids, str(base), str(most), *map(str, image.rates))
    known = store.record(_RECORD, key)
    if known is None:
        layers = _stack_layers(image, store)
        groups = optimize_layer_stack(layers, Budget(base + most)).groups
        known = json.dumps([[group.start, group.stop] for group in groups]).encode()
        store.add_record(_RECORD, key, known)
    return tuple(range(start, stop) for start, stop in json.loads(known))


def _stack_layers(image: ImageManifest, store: Store) -> list[StackLayer]:
    base = image.base_layers
    stored = store.layers(image.diff_ids)
    hides = _hidden([open_index(store.index_path(layer.snapshot)) for layer in stored[base:]])
    rates = image.rates or (0.0,) * len(hides)
    sizes = [_steady(layer.size) for layer in stored]
    own = [
        StackLayer(
            size,
            rate,
            hides=tuple(
                (base + low, some * sizes[base + low] // stored[base + low].size)
                for low, some in sorted(found.items())
            ),
        )
        for size, rate, found in zip(sizes[base:], rates, hides, strict=True)
    ]
    return [*(StackLayer(size, kept=True) for size in sizes[:base]), *own]


def _steady(size: int) -> int:
    """``size`` to its first two binary digits. A step that makes a little more than in the last version shall not
    change what goes together: then more would have to be pulled than what has changed.

    >>> [_steady(size) for size in (5, 99, 100_000, 103_000)]
    [6, 96, 98304, 98304]
    """
    shift = max(size.bit_length() - 2, 0)
    return (size + (1 << shift >> 1)) >> shift << shift


class _Held:
    """What a path of the stack takes in the archives: ``size`` bytes in layer number ``layer``."""

    __slots__ = ("below", "layer", "size")

    def __init__(self, layer: int, size: int, below: dict[str, _Held] | None) -> None:
        self.layer = layer
        self.size = size
        self.below = below


def _hidden(indexes: Sequence[LayerIndex]) -> list[dict[int, int]]:
    """For each layer, how many bytes it overwrites or deletes of the ones before it, by their numbers.

    The content of a file with several names counts as its first name's.
    """
    root = _Held(0, 0, {})
    hidden: list[dict[int, int]] = []
    for number, index in enumerate(indexes):
        found: dict[int, int] = {}
        hidden.append(found)
        pending = [(root, index.root)]
        while pending:
            directory, row = pending.pop()
            assert directory.below is not None
            for name, child in index.children(row).items():
                there = directory.below.get(name)
                merges = child[0] == "d" and there is not None and there.below is not None
                if there is not None and not (merges and not child[6][0] & OPAQUE):
                    _count(there, found)
                    there = None
                if there is None:
                    size = _size(child)
                    there = _Held(number, size, {} if child[0] == "d" else None)
                    directory.below[name] = there
                elif not child[6][0] & IMPLIED:
                    found[there.layer] = found.get(there.layer, 0) + there.size
                    there.layer, there.size = number, _BLOCK
                if child[0] == "d":
                    pending.append((there, child))
    return hidden


def _size(row: Row) -> int:
    if row[0] == "d":
        return 0 if row[6][0] & IMPLIED else _BLOCK
    if row[0] == "f" and not (len(row) > 7 and row[7]):
        return _BLOCK + -(-row[6][0] // _BLOCK) * _BLOCK  # type: ignore[no-any-return]  # a row of a file
    return _BLOCK


def _count(held: _Held, found: dict[int, int]) -> None:
    pending = [held]
    while pending:
        item = pending.pop()
        found[item.layer] = found.get(item.layer, 0) + item.size
        pending += (item.below or {}).values()


# --- the image -----------------------------------------------------------------------------------------------


def regrouped(image: ImageManifest, groups: Sequence[range], diff_ids: Sequence[str]) -> ImageManifest:
    """``image`` over other layers, one for each group. In its history, the last step of a group has the layer; the
    others stay, as steps without one.
    """
    last = {group.stop - 1 for group in groups}
    history = []
    number = 0
    for item in image.document.get("history") or ():
        if not item.get("empty_layer"):
            history.append(item if number in last else {**item, "empty_layer": True})
            number += 1
        else:
            history.append(item)
    document = {**image.document, "history": history}
    document["rootfs"] = {**document["rootfs"], "diff_ids": list(diff_ids)}
    return image._replace(config_bytes=dump_json(document))


# --- one group's archive -------------------------------------------------------------------------------------


def group_key(below: Sequence[str], group: Sequence[str]) -> str:
    """What names the archive of ``group`` over ``below`` (diff IDs)."""
    return _key("group", below, *group)


def _key(kind: str, stack: Sequence[str], *more: str) -> str:
    return hashlib.sha256(json.dumps([kind, list(stack), *more]).encode()).hexdigest()


def write_group(
    store: Store,
    below: Sequence[str],
    group: Sequence[str],
    latest: int | None,
    sink: Callable[[bytes], object],
) -> str:
    """Give the uncompressed archive of the layers ``group`` over the stack ``below`` to ``sink``; its diff ID.

    No time in it is later than ``latest`` (Unix time), if that is given. Raises :class:`StoreError` where the
    content of a file is not what it was.
    """
    layers = store.layers(group)
    stream = LayerStream(sink)
    with store_errors(store.root):
        for number, entry in _Group(store, below, group).entries():
            if latest is not None:
                entry = entry._replace(mtime_ns=min(entry.mtime_ns, latest * _NANO))
            if entry.kind != "file" or entry.link:
                stream.entry(entry)
                continue
            with open_plain(store.file_path(layers[number], entry.path)) as file:
                if stream.file(entry, file) != entry.digest:
                    raise StoreError(
                        f"the snapshot of layer {group[number]} is damaged",
                        help="run 'layerc cache gc --all' and build again",
                    )
        return stream.finish()


class _Place(NamedTuple):
    """A path of a group: its rows from the top layer down (several only of a directory), whether a layer of the
    group has hidden what is below those, and whether a directory of the stack below shows through.
    """

    path: str
    rows: _Rows
    hidden: bool
    over: bool


class _Group:
    """Some layers of a stack as one changeset."""

    def __init__(self, store: Store, below: Sequence[str], group: Sequence[str]) -> None:
        self._below = StackView(store, below)
        self._indexes = [open_index(store.index_path(layer.snapshot)) for layer in store.layers(group)]
        self._first: dict[tuple[int, str], str] = {}

    def entries(self) -> Iterator[tuple[int, Entry]]:
        """In the order of an archive, each with the number (in the group) of the layer that has its content."""
        roots = [(number, index.root) for number, index in enumerate(self._indexes)]
        pending = [self._place("", self._merged(reversed(roots)), bool(self._below.stack))]
        while pending:
            place = pending.pop()
            number, row = place.rows[0]
            entry = entry_of(place.path, row)
            if entry.kind == "whiteout":
                if place.over:
                    yield number, entry
            elif entry.kind != "directory":
                yield number, self._named(number, entry)
            else:
                yield from self._directory(place)
                pending += self._children(place)

    def _merged(self, rows: Iterator[tuple[int, Row]]) -> tuple[_Rows, bool]:
        """Rows of one path, from the top layer down, as far as they count, and whether they hide what is below."""
        found: list[tuple[int, Row]] = []
        for number, row in rows:
            if row[0] != "d":
                return (tuple(found), True) if found else (((number, row),), False)
            found.append((number, row))
            if row[6][0] & OPAQUE:
                return tuple(found), True
        return tuple(found), False

    def _place(self, path: str, merged: tuple[_Rows, bool], shows: bool) -> _Place:
        """``shows``: whether the stack below shows through at the directory that this is in."""
        rows, hidden = merged
        before = self._below.lstat(path) if shows else None
        over = before is not None and (rows[0][1][0] == "w" or before.kind == "directory")
        return _Place(path, rows, hidden, over)

    def _directory(self, place: _Place) -> Iterator[tuple[int, Entry]]:
        opaque = place.hidden and place.over and bool(self._below.listdir(place.path))
        for number, row in place.rows:
            if not row[6][0] & IMPLIED:
                yield number, entry_of(place.path, row)._replace(opaque=opaque)
                return
        # Only passed through, also by the layers of the group; what is below must be hidden all the same.
        if opaque:
            yield place.rows[0][0], Entry(place.path, "directory", 0o755, opaque=True)

    def _children(self, place: _Place) -> list[_Place]:
        """What is in a directory, the last first."""
        named: dict[str, list[tuple[int, Row]]] = {}
        for number, row in place.rows:
            for name, child in self._indexes[number].children(row).items():
                named.setdefault(name, []).append((number, child))
        shows = place.over and not place.hidden
        prefix = f"{place.path}/" if place.path else ""
        names = sorted(named, key=os.fsencode, reverse=True)
        return [self._place(prefix + name, self._merged(iter(named[name])), shows) for name in names]

    def _named(self, number: int, entry: Entry) -> Entry:
        """The first name of a file that is left is the file, the others are links to it."""
        if entry.kind == "whiteout":
            return entry
        first = self._first.setdefault((number, entry.link or entry.path), entry.path)
        return entry._replace(link="" if first == entry.path else first)
