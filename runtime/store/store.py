"""The store: one directory with everything that builds keep."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from ..errors import StoreError
from ..oci.descriptor import Descriptor
from . import collect, durability, listing
from .blobs import BlobStore
from .files import store_errors
from .folders import cache_mounts
from .index import Index
from .layers import LayerTable, ResultTable
from .locks import Leases, named_lock, remove_free_locks
from .privileges import is_privileged
from .sessions import Draft, Session, remove_dead
from .values import LayerUse, Result, StoredLayer, Usage

__all__ = ["Store", "default_root"]

_DIRECTORIES = ("blobs", "blobs/sha256", "indexes", "locks", "snapshots", "snapshots/0", "work")
_UNPRIVILEGED = "userxattr"  # a file that marks a store whose snapshots use the user.overlay attributes
_NUMBERS = {"layers": "snapshot", "blobs": "number"}  # tables with files, and their number's column


def default_root() -> str:
    """``$LAYERC_HOME``, else ``$XDG_DATA_HOME/layerc``, else ``~/.local/share/layerc``."""
    home = os.environ.get("LAYERC_HOME")
    if home:
        return os.path.abspath(home)
    data = os.environ.get("XDG_DATA_HOME")
    if not data or not os.path.isabs(data):
        data = os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(data, "layerc")


class Store:
    """Blobs, layers, results and drafts under one root; threads may share it, and processes the root.

    What it has handed out (layers, stacks of results, blobs) is not collected before :meth:`close`, or
    before the process ends in whatever way. Make one with :meth:`open`.

    ``root`` is its place. ``unprivileged``: it was made by a user who may not set the overlay's ``trusted``
    attributes, so its snapshots are marked with ``user`` ones instead.
    """

    def __init__(self, root: str, index: Index) -> None:
        self.root = root
        self.unprivileged = os.path.exists(os.path.join(root, _UNPRIVILEGED))
        self._index = index
        self._leases = Leases(os.path.join(root, "leases"))
        self._session = Session(os.path.join(root, "work"))
        self._boot = _once(durability.boot_id)
        self._layers = LayerTable(root, index, self._leases, self._boot)
        self._results = ResultTable(index, self._layers)
        self.blobs = BlobStore(root, index, self._leases, self._session.new_name, self._boot)

    @classmethod
    def open(cls, root: str | None = None) -> Store:
        """Open the store at ``root`` (see :func:`default_root`), made if need be.

        Raises :class:`StoreError`: no permission, no space, not a directory, a damaged index, or one of a
        newer layerc.
        """
        place = default_root() if root is None else os.path.abspath(root)
        with store_errors(place):
            if os.path.exists(place) and not os.path.isdir(place):
                raise StoreError(
                    f"the store's place {place} is not a directory",
                    help="remove it, or set LAYERC_HOME to a directory",
                )
            path = os.path.join(place, "index.db")
            if not os.path.exists(path):
                _create(place)
            index = Index(path, place)
            try:
                if index.is_new:
                    index.create()
                store = cls(place, index)
            except BaseException:
                index.close()
                raise
        try:
            store._drop_unflushed()
        except BaseException:
            store.close()
            raise
        return store

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let all leases go and remove what was not finished."""
        try:
            with store_errors(self.root):
                self._session.close()
        finally:
            self._leases.close()
            self._index.close()

    # --- layers and results ----------------------------------------------------------------------------

    def layer(self, diff_id: str) -> StoredLayer | None:
        """The layer of that diff ID, or none."""
        return self._layers.get([diff_id]).get(diff_id)

    def layers(self, diff_ids: Sequence[str]) -> tuple[StoredLayer, ...]:
        """The layers of a stack, in its order. Raises :class:`StoreError` where one is missing."""
        found = self._layers.get(diff_ids)
        missing = [diff_id for diff_id in diff_ids if diff_id not in found]
        if missing:
            raise StoreError(f"the store has no layer {missing[0]}")
        return tuple(found[diff_id] for diff_id in diff_ids)

    def add_layer(self, draft: Draft, layer: StoredLayer, disk: int) -> StoredLayer:
        """Keep ``draft`` (its ``diff`` and its ``index`` file) as ``layer``.

        The snapshot's number is chosen here, and the time of creation where the layer has none. ``disk`` is the
        bytes that it takes on disk. If the store has a layer of that diff ID, the draft is thrown away and that
        one returned.
        """
        return self._layers.add(draft, layer, disk)

    def add_layer_blob(self, diff_id: str, blob: Descriptor) -> StoredLayer:
        """Note that ``blob``, which the store has, is an archive of that layer (one for each media type)."""
        if not self.blobs.has(blob.digest):
            raise StoreError(f"the store has no blob {blob.digest}")
        self.layers([diff_id])
        return self._layers.add_blob(diff_id, blob)

    def snapshot_path(self, snapshot: int) -> str:
        """The directory of a snapshot."""
        return os.path.join(self.root, "snapshots", str(snapshot))

    def file_path(self, layer: StoredLayer, path: str) -> str:
        """Where a file of ``layer`` is: in its snapshot, or in the one that it borrows from."""
        own = os.path.join(self.snapshot_path(layer.snapshot), path)
        if not layer.borrows or os.path.lexists(own):
            return own
        return os.path.join(self.snapshot_path(layer.borrows), path)

    def index_path(self, snapshot: int) -> str:
        """The entry index of a snapshot."""
        return os.path.join(self.root, "indexes", str(snapshot))

    def result(self, key: str) -> Result | None:
        """What was noted under ``key``, or none; none too if a layer of it is gone."""
        return self._results.get(key)

    def add_result(self, key: str, result: Result) -> None:
        """Note ``result`` under ``key``. Raises :class:`StoreError` where the store lacks a layer of it."""
        self._results.add(key, result)

    def traces(self, key: str) -> Iterator[tuple[Result, bytes]]:
        """Traced results under ``key`` with their traces, newest first, of which all layers are there."""
        return self._results.traces(key)

    def add_trace(self, key: str, result: Result, trace: bytes, most: int) -> None:
        """Note a traced result beside those that ``key`` has; the newest ``most`` stay.

        Raises :class:`StoreError` where the store lacks a layer of it.
        """
        self._results.add_trace(key, result, trace, most)

    def replace_trace(self, key: str, trace: bytes, other: bytes) -> None:
        """Put ``other`` in the place of a trace that ``key`` has."""
        self._index.execute("UPDATE traces SET value = ? WHERE key = ? AND value = ?", (other, key, trace))

    def all_traces(self) -> Iterator[tuple[int, bytes]]:
        """All traces, with their numbers."""
        for (number,) in self._index.rows("SELECT number FROM traces ORDER BY number"):
            row = self._index.row("SELECT value FROM traces WHERE number = ?", (number,))
            if row is not None:
                yield number, bytes(row[0])

    def remove_traces(self, numbers: Iterable[int]) -> None:
        """Remove traces by their numbers."""
        for number in numbers:
            self._index.execute("DELETE FROM traces WHERE number = ?", (number,))

    def diff_ids(self) -> frozenset[str]:
        """The diff IDs of all layers. They may be collected at any time."""
        return frozenset(row[0] for row in self._index.rows("SELECT diff_id FROM layers"))

    # --- small values ----------------------------------------------------------------------------------

    def record(self, kind: str, key: str) -> bytes | None:
        """The value that :meth:`add_record` noted, or none."""
        row = self._index.row("SELECT value FROM records WHERE kind = ? AND key = ?", (kind, key))
        return None if row is None else bytes(row[0])

    def add_record(self, kind: str, key: str, value: bytes) -> None:
        """Note a small value, in place of what was there. It may be forgotten at any time."""
        self._index.execute(
            "INSERT OR REPLACE INTO records (kind, key, value, used) VALUES (?, ?, ?, ?)",
            (kind, key, value, time.time()),
        )

    def records(self, kind: str) -> dict[str, bytes]:
        """All values of a kind, by key."""
        rows = self._index.rows("SELECT key, value FROM records WHERE kind = ? ORDER BY key", (kind,))
        return {key: bytes(value) for key, value in rows}

    # --- work in progress ------------------------------------------------------------------------------

    def draft(self) -> Draft:
        """A new layer in the making; use it in a ``with`` block."""
        with store_errors(self.root):
            return Draft(self._session.new_name("draft"))

    def temporary(self, prefix: str = "tmp") -> str:
        """A path on the store's file system that nothing has; what is made there goes with this store."""
        with store_errors(self.root):
            return self._session.new_name(prefix)

    def lock(self, name: str, on_wait: Callable[[], None] | None = None) -> AbstractContextManager[None]:
        """Hold ``name`` alone among threads and processes, until the block (or the process) ends.

        ``on_wait`` is called again and again while it waits; what it raises ends the waiting.
        """
        return named_lock(os.path.join(self.root, "locks"), name, on_wait)

    # --- upkeep ----------------------------------------------------------------------------------------

    def sync(self) -> None:
        """Make sure that what was added so far survives a power loss. One flush, none if there is nothing."""
        newest = {
            table: self._index.row(f"SELECT max({number}) FROM {table} WHERE synced = 0")[0]  # noqa: S608
            for table, number in _NUMBERS.items()
        }
        if not any(newest.values()):
            return
        with store_errors(self.root):
            durability.flush(self.root)
        with self._index.transaction():
            for table, number in _NUMBERS.items():
                # Rows up to the newest were complete before the flush: numbers are given in order.
                self._index.execute(
                    f"UPDATE {table} SET synced = 1 WHERE synced = 0 AND {number} <= ?",  # noqa: S608
                    (newest[table] or 0,),
                )

    def usage(self) -> Usage:
        """Counts and sizes."""
        return collect.usage(self._index)

    def gc(self, keep_bytes: int | None = None, until: float | None = None) -> Usage:
        """Remove what is not in use: what was last used before ``until`` (seconds since 1970), then what costs
        least to make again until no more than ``keep_bytes`` are left (``collect.py``); with neither, everything.

        What any open store has handed out stays. Leftovers of dead processes go in any case.
        """
        with store_errors(self.root):
            remove_dead(os.path.join(self.root, "work"))
            remove_free_locks(os.path.join(self.root, "locks"))
            return collect.collect(self.root, self._index, self._session, keep_bytes, until)

    def remove(
        self, layers: Collection[str] = (), blobs: Collection[str] = (), caches: Collection[str] = ()
    ) -> Usage:
        """Remove layers (diff IDs), blobs (digests) and cache mounts (names), with all results that need them. What
        any open store has handed out stays.
        """
        with store_errors(self.root):
            return collect.remove(self.root, self._index, self._session, layers, blobs, caches)

    def layer_uses(self) -> Iterator[LayerUse]:
        """All layers, and how they are used. They may be collected at any time."""
        return listing.layer_uses(self._index)

    def loose_blobs(self) -> list[tuple[str, int, float]]:
        """Digest, size and last use (Unix time) of blobs that are no archive of a layer."""
        return listing.loose_blobs(self._index)

    def all_blobs(self) -> list[str]:
        """The digests of all blobs. They may be collected at any time."""
        return [row[0] for row in self._index.rows("SELECT digest FROM blobs ORDER BY number")]

    def table_sizes(self) -> list[tuple[str, int, int]]:
        """Name, rows and bytes of what the index itself holds."""
        return listing.table_sizes(self._index)

    def size(self) -> int:
        """Bytes on disk of layers and blobs, and of cache mounts as they were a day ago at most. It costs next to
        nothing to ask.
        """
        return collect.total(self._index) + sum(item.size for item in cache_mounts(self.root, measure=False))

    def _drop_unflushed(self) -> None:
        """Forget what another boot of the machine wrote and never flushed."""
        if not any(self._index.row(f"SELECT 1 FROM {table} WHERE synced = 0 LIMIT 1") for table in _NUMBERS):  # noqa: S608
            return
        boot = self._boot()
        for table in _NUMBERS:
            lost = f"FROM {table} WHERE synced = 0 AND boot <> ?"
            if self._index.row(f"SELECT 1 {lost} LIMIT 1", (boot,)):
                self._index.execute(f"DELETE {lost}", (boot,))


def _create(place: str) -> None:
    os.makedirs(place, mode=0o700, exist_ok=True)
    for name in _DIRECTORIES:
        os.makedirs(os.path.join(place, name), exist_ok=True)
    for name in ("leases", *(() if is_privileged() else (_UNPRIVILEGED,))):
        os.close(os.open(os.path.join(place, name), os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))


def _once(function: Callable[[], str]) -> Callable[[], str]:
    value: list[str] = []

    def call() -> str:
        if not value:
            value.append(function())
        return value[0]

    return call
