"""Garbage collection: what costs least to make again goes first, and never what an open store holds.

Things go in *units*: the results of one stack of layers with the layers that no other unit needs, or a layer, blob
or cache mount that stands alone. A unit's rank is when it was last used, put off by what it is worth: one day for
each doubling of the seconds that it takes to make again, per byte. So ranks need no clock, and a unit that is
never used again goes in the end, however dear it was.

A result needs its own layers and nothing of what they were built on: a large cheap layer goes though others were
built on top of it.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from .blobs import blob_lease
from .files import remove_tree
from .folders import cache_mounts, remove_cache, tidy
from .index import Index
from .layers import layer_lease
from .locks import Leases
from .sessions import Session
from .values import Usage

__all__ = ["collect", "remove", "total", "usage"]

_RECORDS_KEPT = 90 * 24 * 3600.0  # seconds for which an unused small value is kept
_FOLDERS_KEPT = 30 * 24 * 3600.0  # the same for files about contexts and builds
_DAY = 24 * 3600.0
_FETCHED = 10_000_000.0  # bytes a second at which is brought again what was not made here
_LEAST_SECONDS, _LEAST_BYTES = 0.1, 4096
_MANY = 400  # values in one statement

_DELETE_CHAINS = (
    "WITH RECURSIVE reached (number) AS (SELECT chain FROM results UNION SELECT chain FROM traces UNION "
    "SELECT parent FROM chains JOIN reached USING (number)) DELETE FROM chains WHERE number NOT IN reached"
)


def usage(index: Index, removed: dict[str, int] | None = None) -> Usage:
    """Counts and sizes of what the index lists."""
    layers, layer_bytes = index.row("SELECT count(*), coalesce(sum(disk), 0) FROM layers")
    blobs, blob_bytes = index.row("SELECT count(*), coalesce(sum(size), 0) FROM blobs")
    (results,) = index.row("SELECT count(*) FROM results")
    return Usage(layers, layer_bytes, blobs, blob_bytes, results, removed or {})


def total(index: Index) -> int:
    """Bytes of layers and blobs, which the index counts as they come and go."""
    return int(index.row("SELECT sum(bytes) FROM totals")[0])


def collect(root: str, index: Index, session: Session, keep_bytes: int | None, until: float | None) -> Usage:
    """See :meth:`Store.gc`. Raises ``OSError`` and :class:`StoreError`."""
    before = usage(index)
    leases = Leases(os.path.join(root, "leases"), writable=True)
    everything = until is None and keep_bytes is None
    try:
        collection = _Collection(root, index, session, leases)
        if until is not None or everything:
            collection.remove_unused(math.inf if until is None else until)
        if keep_bytes is not None:
            collection.shrink(keep_bytes)
        collection.remove_orphans()
        now = time.time()
        index.execute(
            "DELETE FROM records WHERE used < ?", (math.inf if everything else now - _RECORDS_KEPT,)
        )
    finally:
        leases.close()
    freed = tidy(root, math.inf if everything else max(until or 0.0, now - _FOLDERS_KEPT))
    return _removed(index, before, collection, freed)


def _removed(index: Index, before: Usage, collection: _Collection, freed: int) -> Usage:
    after = usage(index)
    removed = {
        "layers": before.layers - after.layers,
        "blobs": before.blobs - after.blobs,
        "results": before.results - after.results,
        "caches": collection.caches,
        "bytes": before.total - after.total + collection.cache_bytes + freed,
    }
    return usage(index, removed)


def remove(
    root: str,
    index: Index,
    session: Session,
    layers: Collection[str],
    blobs: Collection[str],
    caches: Collection[str],
) -> Usage:
    """See :meth:`Store.remove`. Raises ``OSError`` and :class:`StoreError`."""
    before = usage(index)
    leases = Leases(os.path.join(root, "leases"), writable=True)
    try:
        collection = _Collection(root, index, session, leases)
        collection.remove_named(layers, blobs, caches)
    finally:
        leases.close()
    return _removed(index, before, collection, 0)


class _Unit(NamedTuple):
    """What goes together: a ``chain`` of results (0: none) with ``snapshots``, a loose ``blob``, or a ``cache``."""

    rank: float
    used: float
    size: int
    chain: int = 0
    snapshots: tuple[int, ...] = ()
    blob: int = 0
    cache: str = ""


def _rank(used: float, seconds: float, size: int) -> float:
    return used / _DAY + math.log2(max(seconds, _LEAST_SECONDS) / max(size, _LEAST_BYTES))


class _Layer(NamedTuple):
    number: int
    diff_id: str
    disk: int
    used: float
    borrows: int


class _Inventory:
    """All units, and what each layer is needed by."""

    def __init__(self, index: Index, root: str) -> None:
        rows = index.rows("SELECT snapshot, diff_id, disk, used, borrows FROM layers")
        self._layers = {row[0]: _Layer(*row) for row in rows}
        self._numbers = {layer.diff_id: layer.number for layer in self._layers.values()}
        self._blobs: dict[int, list[tuple[str, int]]] = {}
        for diff_id, digest, size in index.rows(
            "SELECT diff_id, digest, blobs.size FROM layer_blobs JOIN blobs USING (digest)"
        ):
            if diff_id in self._numbers:
                self._blobs.setdefault(self._numbers[diff_id], []).append((digest, size))
        self.units = [*self._results(index), *self._caches(root)]
        reached = {number for unit in self.units for number in unit.snapshots}
        self.units += (self._loose_layer(layer) for n, layer in self._layers.items() if n not in reached)
        self.units += self._loose_blobs(index)
        self.needed = Counter(number for unit in self.units for number in self.all_snapshots(unit))
        self.total = sum(map(self.size_of, self._layers)) + sum(u.size for u in self.units if not u.snapshots)

    def all_snapshots(self, unit: _Unit) -> set[int]:
        """The layers of a unit, with those whose files they borrow."""
        lenders = {self._layers[number].borrows for number in unit.snapshots}
        return {number for number in lenders.union(unit.snapshots) if number in self._layers}

    def numbers_of(self, diff_ids: Iterable[str]) -> set[int]:
        """The numbers of those layers that are there."""
        return {self._numbers[diff_id] for diff_id in diff_ids if diff_id in self._numbers}

    def size_of(self, number: int) -> int:
        """Bytes of a layer and its archives."""
        return self._layers[number].disk + sum(size for _, size in self._blobs.get(number, ()))

    def blobs_of(self, numbers: Iterable[int]) -> set[str]:
        """Digests of the archives of layers."""
        return {digest for number in numbers for digest, _ in self._blobs.get(number, ())}

    def _results(self, index: Index) -> Iterator[_Unit]:
        chains = {row[0]: row[1:] for row in index.rows("SELECT number, parent, diff_id FROM chains")}
        for chain, used, seconds in index.rows(
            "SELECT chain, max(used), max(seconds) FROM (SELECT chain, used, seconds FROM results "
            "UNION ALL SELECT chain, used, seconds FROM traces) GROUP BY chain"
        ):
            found: set[int] = set()
            number = chain
            while number in chains:
                number, diff_id = chains[number]
                if diff_id in self._numbers:
                    found.add(self._numbers[diff_id])
            snapshots = tuple(sorted(found))
            size = sum(map(self.size_of, snapshots))
            yield _Unit(_rank(used, seconds, size), used, size, chain, snapshots)

    def _loose_layer(self, layer: _Layer) -> _Unit:
        size = self.size_of(layer.number)
        return _Unit(_rank(layer.used, size / _FETCHED, size), layer.used, size, snapshots=(layer.number,))

    def _loose_blobs(self, index: Index) -> Iterator[_Unit]:
        for number, size, used in index.rows(
            "SELECT number, size, used FROM blobs WHERE digest NOT IN (SELECT digest FROM layer_blobs)"
        ):
            yield _Unit(_rank(used, size / _FETCHED, size), used, size, blob=number)

    def _caches(self, root: str) -> Iterator[_Unit]:
        for cache in cache_mounts(root):
            rank = _rank(cache.used, cache.size / _FETCHED, cache.size)
            yield _Unit(rank, cache.used, cache.size, cache=cache.name)


_Wanted = Callable[[_Unit, int], bool]


class _Collection:
    """One run."""

    def __init__(self, root: str, index: Index, session: Session, leases: Leases) -> None:
        self._root = root
        self._index = index
        self._session = session
        self._leases = leases
        self.caches = self.cache_bytes = 0

    def remove_unused(self, until: float) -> None:
        """Remove what was not used since."""
        self._remove(_Inventory(self._index, self._root), lambda unit, _: unit.used < until)

    def shrink(self, keep_bytes: int) -> None:
        """Remove units until what is left fits."""
        inventory = _Inventory(self._index, self._root)
        excess = inventory.total - keep_bytes
        self._remove(inventory, lambda _, freed: freed < excess)

    def remove_named(self, layers: Collection[str], blobs: Collection[str], caches: Collection[str]) -> None:
        """Remove layers, blobs and cache mounts, and results that need one of them."""
        inventory = _Inventory(self._index, self._root)
        numbers = inventory.numbers_of(layers)
        dropped = []
        for digest in blobs:
            # An archive of a layer can be made again, or the layer is named, too.
            self._index.execute("DELETE FROM layer_blobs WHERE digest = ?", (digest,))
            dropped += self._index.rows("SELECT number FROM blobs WHERE digest = ?", (digest,))
        self._clear((), [*filter(None, (self._drop_blob(number) for (number,) in dropped))])
        self._remove(
            inventory,
            lambda unit, _: (
                (bool(unit.cache) and unit.cache in caches)
                or not numbers.isdisjoint(inventory.all_snapshots(unit))
            ),
        )

    # --- choosing -------------------------------------------------------------------------------------

    def _remove(self, inventory: _Inventory, wants: _Wanted) -> None:
        """Remove the units that ``wants`` names, the one of the lowest rank first; it is also told the bytes that
        those before are worth.
        """
        needed, freed = inventory.needed, 0
        doomed: list[_Unit] = []
        for unit in sorted(inventory.units):
            if not wants(unit, freed) or self._is_held(unit):
                continue
            doomed.append(unit)
            freed += unit.size if not unit.snapshots else 0
            for number in inventory.all_snapshots(unit):
                needed[number] -= 1
                freed += 0 if needed[number] else inventory.size_of(number)
        gone = [number for unit in doomed for number in inventory.all_snapshots(unit) if not needed[number]]
        self._forget([unit.chain for unit in doomed if unit.chain])
        # One that borrows goes before the one that it borrows from.
        layers = self._drop_layers(sorted(set(gone), reverse=True))
        self._index.execute(_DELETE_CHAINS)
        loose = self._loose_blobs(inventory.blobs_of(gone))
        blobs = [*filter(None, map(self._drop_blob, (*(unit.blob for unit in doomed if unit.blob), *loose)))]
        self._clear(layers, blobs)
        for unit in doomed:
            if unit.cache and remove_cache(self._root, unit.cache, self._session.new_name("cache")):
                self.caches += 1
                self.cache_bytes += unit.size

    def _is_held(self, unit: _Unit) -> bool:
        leases = [*map(layer_lease, unit.snapshots), *([blob_lease(unit.blob)] if unit.blob else [])]
        return not all(map(self._is_free, leases))

    def _is_free(self, lease: int) -> bool:
        if not self._leases.try_alone(lease):
            return False
        self._leases.release(lease)
        return True

    def _forget(self, chains: Sequence[int]) -> None:
        """Remove the results and traces of stacks."""
        with self._index.transaction():
            for start in range(0, len(chains), _MANY):
                part = chains[start : start + _MANY]
                marks = ", ".join("?" * len(part))
                for table in ("results", "traces"):
                    self._index.execute(f"DELETE FROM {table} WHERE chain IN ({marks})", part)  # noqa: S608

    def _loose_blobs(self, digests: Iterable[str]) -> list[int]:
        """The numbers of those blobs that no layer has any more."""
        self._index.execute("DELETE FROM layer_blobs WHERE diff_id NOT IN (SELECT diff_id FROM layers)")
        query = (
            "SELECT number FROM blobs WHERE digest = ? AND NOT EXISTS "
            "(SELECT 1 FROM layer_blobs WHERE layer_blobs.digest = blobs.digest)"
        )
        return [row[0] for digest in digests for row in self._index.rows(query, (digest,))]

    # --- removing -------------------------------------------------------------------------------------

    # A lease is tried inside a transaction: one who holds the data base never waits for a lease of a row that
    # it can see, and one who waits for a lease finds the row gone afterwards. Files go after the rows are gone for
    # good, even if the power is lost, and what is large is moved aside first: if this process is killed meanwhile,
    # the next one clears it away.

    def _drop_layers(self, numbers: Sequence[int]) -> list[int]:
        """Remove the rows of layers that nobody holds or borrows; they are held alone from then on."""
        dropped = []
        for start in range(0, len(numbers), _MANY):
            with self._index.transaction():
                for number in numbers[start : start + _MANY]:
                    is_lent = self._index.row("SELECT 1 FROM layers WHERE borrows = ?", (number,)) is not None
                    if not is_lent and self._leases.try_alone(layer_lease(number)):
                        self._index.execute("DELETE FROM layers WHERE snapshot = ?", (number,))
                        dropped.append(number)
        return dropped

    def _drop_blob(self, number: int) -> tuple[int, str] | None:
        """Remove a blob's row, if nobody holds it: its number and digest."""
        with self._index.transaction():
            row = self._index.row("SELECT digest FROM blobs WHERE number = ?", (number,))
            if row is None or not self._leases.try_alone(blob_lease(number)):
                return None
            self._index.execute("DELETE FROM blobs WHERE number = ?", (number,))
        return number, row[0]

    def _clear(self, layers: Sequence[int], blobs: Sequence[tuple[int, str]]) -> None:
        """Remove the files of layers and blobs whose rows are gone."""
        if not layers and not blobs:
            return
        self._index.flush()
        aside = []
        for number in layers:
            for kind in ("indexes", "snapshots"):
                with contextlib.suppress(FileNotFoundError):
                    aside.append(self._session.new_name("layer"))
                    os.rename(os.path.join(self._root, kind, str(number)), aside[-1])
            self._leases.release(layer_lease(number))
        for number, digest in blobs:
            # Another may have brought the blob again.
            with self._index.transaction():
                if self._index.row("SELECT 1 FROM blobs WHERE digest = ?", (digest,)) is None:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(os.path.join(self._root, "blobs", *digest.split(":")))
            self._leases.release(blob_lease(number))
        for path in aside:
            remove_tree(path)

    def remove_orphans(self) -> None:
        """Remove files that no row names: of killed processes, of rows dropped after a power loss."""
        doomed: list[str] = []
        # Within a transaction nobody else adds a layer or a blob, so the listing and the tables agree.
        with self._index.transaction():
            numbers = {str(row[0]) for row in self._index.rows("SELECT snapshot FROM layers")} | {"0"}
            digests = {row[0] for row in self._index.rows("SELECT digest FROM blobs")}
            for kind in ("indexes", "snapshots"):
                folder = os.path.join(self._root, kind)
                doomed += [os.path.join(folder, name) for name in os.listdir(folder) if name not in numbers]
            for algorithm in os.listdir(os.path.join(self._root, "blobs")):
                folder = os.path.join(self._root, "blobs", algorithm)
                names = os.listdir(folder)
                doomed += [os.path.join(folder, n) for n in names if f"{algorithm}:{n}" not in digests]
            moved = [self._session.new_name("orphan") for _ in doomed]
            for path, aside in zip(doomed, moved, strict=True):
                os.rename(path, aside)
        for aside in moved:
            remove_tree(aside)
