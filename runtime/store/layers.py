"""Layers and results: rows of the index, and the directories that they name."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ..errors import StoreError
from ..oci.descriptor import Descriptor
from .files import remove_tree, store_errors
from .index import Index
from .locks import Leases
from .sessions import Draft
from .values import Result, StoredLayer

__all__ = ["LayerTable", "ResultTable", "layer_lease"]

_COLUMNS = "snapshot, diff_id, content, size, created, canonical, opaque, entries, xattrs, borrows"
_MANY = 400  # values in one statement
_STALE = 3600.0  # seconds after which a use is written down again


def layer_lease(snapshot: int) -> int:
    """The number that a layer has among leases (blobs have the odd ones)."""
    return 2 * snapshot


class LayerTable:
    """Layers of one store. One that was handed out stays until the store is closed."""

    def __init__(self, root: str, index: Index, leases: Leases, boot: Callable[[], str]) -> None:
        self._root = root
        self._index = index
        self._leases = leases
        self._boot = boot
        self._known: dict[str, StoredLayer] = {}

    def get(self, diff_ids: Iterable[str]) -> dict[str, StoredLayer]:
        """Those of ``diff_ids`` that the store has."""
        wanted = dict.fromkeys(diff_ids)
        missing = [diff_id for diff_id in wanted if diff_id not in self._known]
        for start in range(0, len(missing), _MANY):
            self._load(missing[start : start + _MANY])
        return {diff_id: self._known[diff_id] for diff_id in wanted if diff_id in self._known}

    def _load(self, diff_ids: list[str]) -> None:
        marks = ", ".join("?" * len(diff_ids))
        query = f"SELECT {_COLUMNS} FROM layers WHERE diff_id IN ({marks})"  # noqa: S608  # names of ours
        rows = self._index.rows(query, diff_ids)
        if not rows:
            return
        for row in rows:
            for number in filter(None, (row[0], row[-1])):
                self._leases.hold(layer_lease(number))
        # One that was collected between the two looks is gone; its number is never given again.
        still = {row[0] for row in self._index.rows(query, diff_ids)}
        blobs = self._blobs_of(diff_ids)
        for row in rows:
            if row[0] in still:
                self._known[row[1]] = _layer(row, blobs.get(row[1], ()))

    def _blobs_of(self, diff_ids: list[str]) -> dict[str, tuple[Descriptor, ...]]:
        marks = ", ".join("?" * len(diff_ids))
        query = (
            "SELECT diff_id, media_type, layer_blobs.digest, layer_blobs.size FROM layer_blobs "  # noqa: S608
            f"JOIN blobs ON blobs.digest = layer_blobs.digest WHERE diff_id IN ({marks}) "
            "ORDER BY layer_blobs.rowid"
        )
        found: dict[str, tuple[Descriptor, ...]] = {}
        for diff_id, media_type, digest, size in self._index.rows(query, diff_ids):
            found[diff_id] = (*found.get(diff_id, ()), Descriptor(media_type, digest, size))
        return found

    def add(self, draft: Draft, layer: StoredLayer, disk: int) -> StoredLayer:
        """Make ``draft`` the snapshot of ``layer`` (whose number is given here), unless there is one."""
        with store_errors(self._root), self._index.transaction():
            if not self.get([layer.diff_id]):
                self._insert(draft, layer, disk)
            for blob in layer.blobs:
                self._insert_blob(layer.diff_id, blob)
            added = self._read(layer.diff_id)
        self._known[layer.diff_id] = added
        draft.discard()
        return added

    def add_blob(self, diff_id: str, blob: Descriptor) -> StoredLayer:
        """Note that ``blob`` is an archive of that layer."""
        with self._index.transaction():
            self._insert_blob(diff_id, blob)
            layer = self._read(diff_id)
        self._known[diff_id] = layer
        return layer

    def _insert(self, draft: Draft, layer: StoredLayer, disk: int) -> None:
        now = time.time()
        values = {
            "diff_id": layer.diff_id,
            "content": layer.content,
            "size": layer.size,
            "disk": disk,
            "entries": layer.entries,
            "canonical": layer.canonical,
            "opaque": layer.opaque,
            "xattrs": layer.xattrs,
            "borrows": layer.borrows,
            "created": layer.created or now,
            "used": now,
            "boot": self._boot(),
        }
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        number = self._index.execute(
            f"INSERT INTO layers ({names}) VALUES ({marks})",  # noqa: S608  # names of ours
            tuple(values.values()),
        )
        self._leases.hold(layer_lease(number))
        for source, kind in ((draft.index, "indexes"), (draft.diff, "snapshots")):
            target = os.path.join(self._root, kind, str(number))
            # Left by a process that was killed between the renaming and the end of its transaction.
            remove_tree(target)
            os.rename(source, target)

    def _insert_blob(self, diff_id: str, blob: Descriptor) -> None:
        self._index.execute(
            "INSERT OR REPLACE INTO layer_blobs (diff_id, media_type, digest, size) VALUES (?, ?, ?, ?)",
            (diff_id, blob.media_type, blob.digest, blob.size),
        )

    def _read(self, diff_id: str) -> StoredLayer:
        query = f"SELECT {_COLUMNS} FROM layers WHERE diff_id = ?"  # noqa: S608  # names of ours
        row = self._index.row(query, (diff_id,))
        return _layer(row, self._blobs_of([diff_id]).get(diff_id, ()))


def _layer(row: Any, blobs: tuple[Descriptor, ...]) -> StoredLayer:
    snapshot, diff_id, content, size, created, canonical, opaque, entries, xattrs, borrows = row
    return StoredLayer(
        diff_id,
        content,
        snapshot,
        size,
        created,
        blobs,
        bool(canonical),
        bool(opaque),
        entries,
        bool(xattrs),
        borrows,
    )


class ResultTable:
    """Results by key."""

    def __init__(self, index: Index, layers: LayerTable) -> None:
        self._index = index
        self._layers = layers
        self._stacks: dict[int, tuple[str, ...]] = {0: ()}
        self._chains: dict[tuple[str, ...], int] = {(): 0}

    def get(self, key: str) -> Result | None:
        """The result under ``key``, if all its layers are there."""
        row = self._index.row(
            "SELECT chain, seconds, created, basis, used FROM results WHERE key = ?", (key,)
        )
        if row is None:
            return None
        chain, seconds, created, basis, used = row
        stack = self._stack(chain)
        if stack is None:
            return None
        now = time.time()
        if now - used > _STALE:
            self._touch(key, stack, now)
        return Result(stack, seconds, created, basis)

    def add(self, key: str, result: Result) -> None:
        """Note ``result`` under ``key``, in place of what was there. Raises :class:`StoreError` where a layer
        is not in the store.
        """
        missing = set(result.layers) - self._layers.get(result.layers).keys()
        if missing:
            raise StoreError(f"the store has no layer {min(missing)}")
        now = time.time()
        with self._index.transaction():
            chain, found = self._chain(result.layers)
            self._index.execute(
                "INSERT OR REPLACE INTO results (key, chain, seconds, created, used, basis) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (
                    key,
                    chain,
                    result.seconds,
                    result.created or now,
                    now,
                    result.basis,
                ),
            )
        self._remember(found)

    def traces(self, key: str) -> Iterator[tuple[Result, bytes]]:
        """Traced results under ``key``, newest first, of which all layers are there."""
        rows = self._index.rows(
            "SELECT number, chain, seconds, created, used, value FROM traces WHERE key = ? "
            "ORDER BY number DESC",
            (key,),
        )
        for number, chain, seconds, created, used, value in rows:
            stack = self._stack(chain)
            if stack is None:
                continue
            now = time.time()
            if now - used > _STALE:
                self._index.execute("UPDATE traces SET used = ? WHERE number = ?", (now, number))
            yield Result(stack, seconds, created), bytes(value)

    def add_trace(self, key: str, result: Result, value: bytes, most: int) -> None:
        """Note a traced result beside those that ``key`` has; the newest ``most`` stay."""
        now = time.time()
        with self._index.transaction():
            chain, found = self._chain(result.layers)
            self._index.execute(
                "INSERT INTO traces (key, chain, seconds, created, used, value) VALUES (?, ?, ?, ?, ?, ?)",
                (key, chain, result.seconds, result.created or now, now, value),
            )
            self._index.execute(
                "DELETE FROM traces WHERE key = ? AND number NOT IN "
                "(SELECT number FROM traces WHERE key = ? ORDER BY number DESC LIMIT ?)",
                (key, key, most),
            )
        self._remember(found)

    def _stack(self, chain: int) -> tuple[str, ...] | None:
        """The stack of a chain, leased; none if a layer of it is missing."""
        above: list[tuple[int, str]] = []
        number = chain
        while number not in self._stacks:
            row = self._index.row("SELECT parent, diff_id FROM chains WHERE number = ?", (number,))
            if row is None:
                return None
            above.append((number, row[1]))
            number = row[0]
        stack = self._stacks[number]
        new = [diff_id for _, diff_id in reversed(above)]
        if len(self._layers.get(new)) != len(set(new)):
            return None
        found: dict[int, tuple[str, ...]] = {}
        for number, diff_id in reversed(above):
            stack = (*stack, diff_id)
            found[number] = stack
        self._remember(found)
        return stack

    def _chain(self, stack: tuple[str, ...]) -> tuple[int, dict[int, tuple[str, ...]]]:
        """The number of a stack's chain, and what was found on the way: true if the transaction ends well."""
        known = len(stack)
        while known and not self._is_there(stack[:known]):
            known -= 1
        number = self._chains[stack[:known]]
        found: dict[int, tuple[str, ...]] = {}
        for end in range(known + 1, len(stack) + 1):
            number = self._link(number, stack[end - 1])
            found[number] = stack[:end]
        return number, found

    def _is_there(self, stack: tuple[str, ...]) -> bool:
        """Whether the chain remembered for ``stack`` was not collected; all below it are then there too."""
        number = self._chains.get(stack)
        return (
            number is not None
            and self._index.row("SELECT 1 FROM chains WHERE number = ?", (number,)) is not None
        )

    def _remember(self, found: dict[int, tuple[str, ...]]) -> None:
        self._stacks.update(found)
        self._chains.update((stack, number) for number, stack in found.items())

    def _link(self, parent: int, diff_id: str) -> int:
        row = self._index.row("SELECT number FROM chains WHERE parent = ? AND diff_id = ?", (parent, diff_id))
        if row is not None:
            return int(row[0])
        return self._index.execute("INSERT INTO chains (parent, diff_id) VALUES (?, ?)", (parent, diff_id))

    def _touch(self, key: str, stack: Sequence[str], now: float) -> None:
        with self._index.transaction():
            self._index.execute("UPDATE results SET used = ? WHERE key = ?", (now, key))
            for start in range(0, len(stack), _MANY):
                part = stack[start : start + _MANY]
                marks = ", ".join("?" * len(part))
                self._index.execute(
                    f"UPDATE layers SET used = ? WHERE diff_id IN ({marks})",  # noqa: S608
                    (now, *part),
                )
