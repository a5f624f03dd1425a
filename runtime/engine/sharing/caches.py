"""Results of other stores, for one build.

A shared cache answers questions: this build computes its keys itself, from its own definitions and contents, and
looks them up. What is found is kept under the key that was asked for and under no other, and a trace from a cache
counts in the builds that name the cache alone. So a cache can give a wrong result for the steps of a build that
trusts it, and for nothing else.

Layers come when a result is used. Whatever is wrong with a cache is told once and makes it know less.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Event, Lock
from typing import NamedTuple

from ...errors import InputError, IntegrityError
from ...events import Notice, Reporter, TaskFinished, TaskStarted
from ...oci import media_types
from ...oci.compression import Readable, decompressed
from ...oci.descriptor import Descriptor
from ...oci.digests import short
from ...snapshot.apply import apply
from ...snapshot.view import StackView
from ...store import Store
from ...store.values import Result
from ..cache_archive import read_caches
from ..scheduler import CancelledStepError
from ..traces import Conflict, SharedTrace
from .document import SharedLayer, SharedMount, SharedStep
from .local import LocalCache
from .states import Saw, changes, load_states

__all__ = ["Found", "Offer", "SharedCaches"]

_PARALLEL = 4


class Found(NamedTuple):
    """A step, and the cache that knows it."""

    cache: LocalCache
    step: SharedStep


class Offer(NamedTuple):
    """A result that a cache has. ``basis`` is what it was made on (:class:`..store.values.Result`);
    ``take`` brings its layer into the store, and gives none where that can not be done.
    """

    basis: str
    take: Callable[[], Result | None]


class SharedCaches:
    """The caches that a build may take results from; threads may share it. Close it when the build is done.

    ``damaged`` are digests of blobs that some cache has, but not as they should be.
    """

    def __init__(self, caches: Sequence[LocalCache], store: Store, report: Reporter, cancel: Event) -> None:
        self._caches = caches
        self._store = store
        self._report = report
        self._cancel = cancel
        self._guard = Lock()
        self._steps: dict[str, list[Found]] | None = None
        self._mounts: dict[str, list[tuple[LocalCache, SharedMount]]] = {}
        self._layers: dict[str, Future[bool]] = {}
        self._told: set[str] = set()
        self.damaged: set[str] = set()
        self._pool = ThreadPoolExecutor(_PARALLEL, "cache")

    def close(self) -> None:
        """Wait for what is under way, and let the caches go."""
        self._pool.shutdown(cancel_futures=True)
        for cache in self._caches:
            cache.close()

    # --- questions ------------------------------------------------------------------------------------

    def offer(self, key: str) -> Offer | None:
        """The result under a definition or content key. Its layer is on its way then."""
        found = [item for item in self._lookup(key) if key in (item.step.definition, item.step.content)]
        if not found:
            return None
        self._fetch(found[0])
        return Offer(found[0].step.basis, partial(self._first, found))

    def traces(self, key: str) -> Iterator[SharedTrace]:
        """Traces under the key of a step without its trees (:func:`..traces.trace_key`)."""
        for found in self._lookup(key):
            for blob in found.step.traces if found.step.trace == key else ():
                views = self._views(found.cache, blob)
                if views is not None:
                    yield _Trace(self._store, views, partial(self._first, [found]))

    def steps(self, definition: str) -> list[Found]:
        """What caches know of the step of a definition."""
        return [found for found in self._lookup(definition) if found.step.definition == definition]

    def mounts(self, name: str) -> list[tuple[LocalCache, SharedMount]]:
        """Who has the cache mount of that name. Caches are asked only if their ``mounts`` are wanted."""
        self._lookup("")
        return self._mounts.get(name, [])

    def _lookup(self, key: str) -> list[Found]:
        with self._guard:
            if self._steps is None:
                self._steps = {}
                for cache in self._caches:
                    self._read(cache, self._steps)
            return self._steps.get(key, [])

    def _read(self, cache: LocalCache, steps: dict[str, list[Found]]) -> None:
        try:
            document = cache.read()
        except (InputError, OSError) as error:
            self._tell(cache, error)
            return
        for mount in document.mounts if cache.source.mounts else ():
            self._mounts.setdefault(mount.name, []).append((cache, mount))
        for step in document.steps:
            for key in filter(None, (step.definition, step.content, step.trace)):
                steps.setdefault(key, []).append(Found(cache, step))

    def _tell(self, cache: LocalCache, error: Exception) -> None:
        damaged = isinstance(error, IntegrityError)
        text = f"{cache.name} {'is damaged' if damaged else 'can not be used'}: {error}"
        if text not in self._told:
            self._told.add(text)
            self._report(Notice(text))

    # --- layers ---------------------------------------------------------------------------------------

    def _first(self, found: Sequence[Found]) -> Result | None:
        """The first result whose layer can be had."""
        for item in found:
            step = item.step
            if step.basis == found[0].step.basis and self._fetch(item).result():
                return Result((step.layer.diff_id,), step.seconds, step.created, step.basis)
        return None

    def _fetch(self, found: Found) -> Future[bool]:
        with self._guard:
            key = f"{found.cache.source.path} {found.step.layer.blob.digest} {found.step.layer.diff_id}"
            if key not in self._layers:
                self._layers[key] = self._pool.submit(self._bring, found.cache, found.step.layer)
            return self._layers[key]

    def _bring(self, cache: LocalCache, layer: SharedLayer) -> bool:
        """Whether the store has the layer now."""
        with self._store.lock(f"layer {layer.diff_id}", lambda: self._check(0)):
            if self._store.layer(layer.diff_id) is not None:
                return True
            task, start = f"cached {layer.diff_id}", time.monotonic()
            self._report(TaskStarted(task, f"take layer {short(layer.diff_id)} from {cache.name}"))
            try:
                if not self.copy_blob(cache, layer.blob):
                    return False
                self._unpack(layer)
            except (InputError, OSError) as error:
                self._tell(cache, error)
                return False
            finally:
                self._report(TaskFinished(task, time.monotonic() - start))
        return True

    def _unpack(self, layer: SharedLayer) -> None:
        kind = media_types.compression_of(layer.blob.media_type)
        with (
            self._store.blobs.open(layer.blob.digest) as file,
            decompressed(file, kind) as stream,
        ):
            bounded = _Bounded(stream, layer.size, self._check)
            apply(self._store, bounded, layer.diff_id, (layer.blob,), layer.created)

    def restore(self, name: str) -> None:
        """Bring the cache mount of that name into the store, if a cache has it and the store does not."""
        for cache, mount in self.mounts(name):
            if not self.copy_blob(cache, mount.blob):
                continue
            task, start = f"mount {name}", time.monotonic()
            self._report(TaskStarted(task, f"take a cache mount from {cache.name}"))
            try:
                with (
                    self._store.blobs.open(mount.blob.digest) as file,
                    decompressed(file, "gzip") as stream,
                ):
                    read_caches(self._store, _Bounded(stream, mount.size, self._check), (name,))
            except (InputError, OSError) as error:
                self._tell(cache, error)
            else:
                return
            finally:
                self._report(TaskFinished(task, time.monotonic() - start))

    def _check(self, count: int) -> None:  # noqa: ARG002  # the shape is given
        if self._cancel.is_set():
            raise CancelledStepError

    # --- traces ---------------------------------------------------------------------------------------

    def copy_blob(self, cache: LocalCache, blob: Descriptor) -> bool:
        """Whether the store has a blob of the cache now."""
        try:
            cache.copy(self._store, blob, self._check)
        except (InputError, OSError) as error:
            self.damaged.add(blob.digest)
            self._tell(cache, error)
            return False
        return True

    def trace_bytes(self, cache: LocalCache, blob: Descriptor) -> bytes | None:
        """A trace as it is; none where it can not be had."""
        try:
            return cache.bytes_of(blob)
        except (InputError, OSError) as error:
            self._tell(cache, error)
            return None

    def _views(self, cache: LocalCache, blob: Descriptor) -> list[Saw] | None:
        """Not remembered: a build asks once, and together they may be large."""
        data = self.trace_bytes(cache, blob)
        try:
            return None if data is None else load_states(data)
        except ValueError as error:
            self._tell(cache, IntegrityError(f"trace {blob.digest}: {error}"))
            return None


class _Trace:
    """Implements :class:`..traces.SharedTrace`."""

    def __init__(self, store: Store, saw: Sequence[Saw], take: Callable[[], Result | None]) -> None:
        self._store = store
        self._saw = saw
        self.take = take

    @property
    def views(self) -> int:
        """How many trees the step saw."""
        return len(self._saw)

    def conflicts(self, stacks: Sequence[Sequence[str]]) -> Iterator[Conflict]:
        """What the trees of ``stacks`` have that was seen otherwise."""
        for number, (saw, stack) in enumerate(zip(self._saw, stacks, strict=True)):
            for path, change in changes(saw, StackView(self._store, stack)):
                yield Conflict(number, path, change)


class _Bounded:
    """A stream that must not be longer than was said."""

    def __init__(self, stream: Readable, size: int, check: Callable[[int], None]) -> None:
        self._stream = stream
        self._left = size
        self._check = check

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes."""
        self._check(0)
        data = self._stream.read(size if size >= 0 else self._left + 1)
        self._left -= len(data)
        if self._left < 0:
            raise IntegrityError("an archive is larger than it should be")
        return data
