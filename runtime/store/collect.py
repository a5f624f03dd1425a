"""Garbage collection: the least recently used first, and never what an open store holds."""

from __future__ import annotations

import contextlib
import math
import os
import time

from .blobs import blob_lease
from .files import remove_tree
from .index import Index
from .layers import layer_lease
from .locks import Leases
from .sessions import Session
from .values import Usage

__all__ = ["collect", "usage"]

_RECORDS_KEPT = 90 * 24 * 3600.0  # seconds for which an unused small value is kept

_REACHED = (
    "WITH RECURSIVE reached (number) AS (SELECT chain FROM results UNION "
    "SELECT parent FROM chains JOIN reached USING (number)) "
)
_UNREACHED_LAYERS = (
    _REACHED + "SELECT snapshot FROM layers WHERE used < ? AND diff_id NOT IN "  # noqa: S608
    "(SELECT diff_id FROM chains JOIN reached USING (number)) ORDER BY snapshot DESC"
)
_UNREACHED_BLOBS = (
    "SELECT number FROM blobs WHERE used < ? AND digest NOT IN (SELECT digest FROM layer_blobs)"
)
_DELETE_CHAINS = _REACHED + "DELETE FROM chains WHERE number NOT IN reached"  # noqa: S608


def usage(index: Index, removed: dict[str, int] | None = None) -> Usage:
    """Counts and sizes of what the index lists."""
    layers, layer_bytes = index.row("SELECT count(*), coalesce(sum(disk), 0) FROM layers")
    blobs, blob_bytes = index.row("SELECT count(*), coalesce(sum(size), 0) FROM blobs")
    (results,) = index.row("SELECT count(*) FROM results")
    return Usage(layers, layer_bytes, blobs, blob_bytes, results, removed or {})


def collect(root: str, index: Index, session: Session, keep_bytes: int | None, until: float | None) -> Usage:
    """See :meth:`Store.gc`. Raises ``OSError`` and :class:`StoreError`."""
    before = usage(index)
    leases = Leases(os.path.join(root, "leases"), writable=True)
    try:
        collection = _Collection(root, index, session, leases)
        if until is not None:
            collection.remove_unused(until)
        if keep_bytes is not None:
            collection.shrink(keep_bytes)
        if until is None and keep_bytes is None:
            collection.remove_unused(math.inf)
        collection.remove_orphans()
        index.execute("DELETE FROM records WHERE used < ?", (time.time() - _RECORDS_KEPT,))
    finally:
        leases.close()
    after = usage(index)
    removed = {
        "layers": before.layers - after.layers,
        "blobs": before.blobs - after.blobs,
        "results": before.results - after.results,
        "bytes": before.total - after.total,
    }
    return usage(index, removed)


class _Collection:
    """One run."""

    def __init__(self, root: str, index: Index, session: Session, leases: Leases) -> None:
        self._root = root
        self._index = index
        self._session = session
        self._leases = leases

    def remove_unused(self, until: float) -> None:
        """Remove results that were not used since, then the layers and blobs that nothing refers to."""
        self._index.execute("DELETE FROM results WHERE used < ?", (until,))
        self._sweep(until)

    def shrink(self, keep_bytes: int) -> None:
        """Remove the least recently used results until what is left fits."""
        while (excess := usage(self._index).total - keep_bytes) > 0:
            last = self._last_to_go(excess)
            if last is None:
                self._sweep(math.inf)
                return
            self._index.execute("DELETE FROM results WHERE used <= ?", (last,))
            # What is newer than the results that went may be about to get one.
            self._sweep(math.nextafter(last, math.inf))

    def _last_to_go(self, excess: int) -> float | None:
        """When the youngest of those results was used that have to go to free so many bytes; none if there
        are no results. A layer goes with the last result that has it in its stack.
        """
        last_use: dict[int, float] = dict(
            self._index.rows("SELECT chain, max(used) FROM results GROUP BY chain")
        )
        if not last_use:
            return None
        youngest = max(last_use.values())
        layers: dict[str, float] = {}
        # A chain is younger than the chain below it, so its number is higher.
        for number, parent, diff_id in self._index.rows(
            "SELECT number, parent, diff_id FROM chains ORDER BY number DESC"
        ):
            if number in last_use:
                used = last_use[number]
                last_use[parent] = max(used, last_use.get(parent, used))
                layers[diff_id] = max(used, layers.get(diff_id, used))
        sizes = self._index.rows(
            "SELECT diff_id, disk FROM layers UNION ALL "
            "SELECT diff_id, blobs.size FROM layer_blobs JOIN blobs USING (digest)"
        )
        for used, size in sorted((layers[diff_id], size) for diff_id, size in sizes if diff_id in layers):
            excess -= size
            if excess <= 0:
                return used
        return youngest

    def _sweep(self, until: float) -> None:
        """Remove layers, then blobs, that nothing refers to and that were not used since ``until``."""
        for number in self._numbers(_UNREACHED_LAYERS, until):
            self._remove_layer(number)
        self._index.execute(_DELETE_CHAINS)
        self._index.execute("DELETE FROM traces WHERE chain NOT IN (SELECT number FROM chains)")
        self._index.execute("DELETE FROM layer_blobs WHERE diff_id NOT IN (SELECT diff_id FROM layers)")
        for number in self._numbers(_UNREACHED_BLOBS, until):
            self._remove_blob(number)

    def _numbers(self, query: str, until: float) -> list[int]:
        return [row[0] for row in self._index.rows(query, (until,))]

    # A lease is tried inside a transaction: one who holds the data base never waits for a lease of a row that
    # it can see, and one who waits for a lease finds the row gone afterwards.

    def _remove_layer(self, number: int) -> None:
        lease = layer_lease(number)
        with self._index.transaction():
            # A layer that borrows has a higher number, so it has gone before, if it is to go.
            if self._index.row("SELECT 1 FROM layers WHERE borrows = ?", (number,)) is not None:
                return
            if not self._leases.try_alone(lease):
                return
            self._index.execute("DELETE FROM layers WHERE snapshot = ?", (number,))
        for kind in ("indexes", "snapshots"):
            remove_tree(os.path.join(self._root, kind, str(number)))
        self._leases.release(lease)

    def _remove_blob(self, number: int) -> None:
        lease = blob_lease(number)
        with self._index.transaction():
            if not self._leases.try_alone(lease):
                return
            (digest,) = self._index.row("SELECT digest FROM blobs WHERE number = ?", (number,))
            self._index.execute("DELETE FROM blobs WHERE number = ?", (number,))
        # Not before the row is gone for good; but then another may have brought the blob again.
        with self._index.transaction():
            if self._index.row("SELECT 1 FROM blobs WHERE digest = ?", (digest,)) is None:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(self._root, "blobs", *digest.split(":")))
        self._leases.release(lease)

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
