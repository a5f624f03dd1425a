"""``--cache-to``: results and traces of this store, to be found by others.

Equal content of the store gives equal bytes. What is there already is not written again.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import IO, NamedTuple, cast

from ...errors import InputError, StoreError
from ...events import Notice, Reporter, TaskFinished, TaskStarted
from ...export.layers import LayerPacker
from ...oci.compression import compressed
from ...oci.descriptor import Descriptor
from ...snapshot.view import StackView
from ...store import Store
from ...store.folders import CacheMount, cache_mounts
from ...store.values import Result
from ..cache_archive import write_caches as write_mounts
from ..traces import recorded
from .caches import Found, SharedCaches
from .document import MOST_TRACES, MOUNT, TRACE, CacheDocument, SharedLayer, SharedMount, SharedStep
from .local import LocalCache, LocalWriter, open_writer, writing_errors
from .noted import StepKeys, note_keys, noted_keys
from .spec import CacheTarget
from .states import Saw, dump_states, look

__all__ = ["Wanted", "write_caches"]


class Wanted(NamedTuple):
    """What to write where: results by their definition keys, and cache mounts by the names of their directories."""

    target: CacheTarget
    definitions: Collection[str]
    mounts: Collection[str] = ()


def write_caches(
    wanted: Sequence[Wanted],
    store: Store,
    report: Reporter,
    others: SharedCaches | None = None,
) -> list[str]:
    """Write what is wanted, and tell in a line each what was done.

    What ``others`` know of these steps goes on, as far as the store does not know it; they are closed. Raises
    :class:`InputError` where a directory can not be written (unless that is optional).
    """
    with ExitStack() as held:
        lines = [_write(item, store, report, others, held) for item in wanted]
        if others is not None:
            others.close()  # or nothing could be removed from the directories that they came from
    return [line for line in lines if line]


def _write(
    wanted: Wanted,
    store: Store,
    report: Reporter,
    others: SharedCaches | None,
    held: ExitStack,
) -> str:
    target = wanted.target
    task, start = f"cache {target.path}", time.monotonic()
    report(TaskStarted(task, f"write the cache {target.path}"))
    try:
        writer = held.enter_context(open_writer(target.path))
        with writing_errors(target.path):
            writing = _Writing(target, store, report, writer, others)
            steps = [step for key in sorted(set(wanted.definitions)) for step in writing.step(key)]
            mounts = [mount for name in sorted(set(wanted.mounts)) for mount in writing.mount(name)]
            writer.finish(CacheDocument(tuple(steps), tuple(mounts)), target.tag)
    except InputError as error:
        if not target.optional:
            raise
        report(Notice(f"{error}; the build goes on without"))
        return ""
    finally:
        report(TaskFinished(task, time.monotonic() - start))
    return f"cache of {len(steps)} steps in {target.path}"


class _Writing:
    """One run."""

    def __init__(
        self,
        target: CacheTarget,
        store: Store,
        report: Reporter,
        writer: LocalWriter,
        others: SharedCaches | None,
    ) -> None:
        self._store = store
        self._writer = writer
        self._others = others
        self._packer = LayerPacker(target.kind, target.level, False, store, report)
        self._layers: dict[str, SharedLayer] = {}

    def step(self, definition: str) -> Iterator[SharedStep]:
        """What is known of a step: nothing, or one."""
        result = self._store.result(definition)
        if result is None:
            yield from self._passed_on(definition)
        elif len(result.layers) == 1:
            yield self._own(definition, result)

    def _own(self, definition: str, result: Result) -> SharedStep:
        keys = noted_keys(self._store, definition)
        if keys.content:
            note_keys(
                self._store, definition, keys
            )  # small values that are not used are forgotten in the end
        if keys.content and (other := self._store.result(keys.content)) and other.layers != result.layers:
            keys = keys._replace(content="")
        traces = {blob.digest: blob for blob in self._own_traces(keys.trace, result)}
        for cache, known in self._known(definition):
            if known.layer.diff_id != result.layers[0]:
                continue
            keys = StepKeys(keys.content or known.content, keys.trace or known.trace)
            if known.trace == keys.trace:
                traces |= self._carried(cache, known, traces)
        return SharedStep(
            definition,
            keys.content,
            keys.trace,
            result.basis,
            self._layer(result.layers[0]),
            result.seconds,
            result.created,
            tuple(traces[digest] for digest in sorted(traces)[:MOST_TRACES]),
        )

    def _known(self, definition: str) -> list[Found]:
        return [] if self._others is None else self._others.steps(definition)

    def _passed_on(self, definition: str) -> Iterator[SharedStep]:
        """A step that this build did not need, as another cache has it."""
        for cache, step in self._known(definition):
            layer = self._layers.get(step.layer.diff_id) or self._copied(cache, step.layer)
            if layer is not None:
                traces = self._carried(cache, step, ())
                yield replace(step, layer=layer, traces=tuple(traces[digest] for digest in sorted(traces)))
                return

    def _copied(self, cache: LocalCache, layer: SharedLayer) -> SharedLayer | None:
        assert self._others is not None
        if layer.blob.digest in self._others.damaged or not self._writer.has(layer.blob):
            if not self._others.copy_blob(cache, layer.blob):
                return None
            self._writer.add_file(layer.blob, self._store.blobs.path(layer.blob.digest))
        self._layers[layer.diff_id] = layer
        return layer

    def _carried(self, cache: LocalCache, step: SharedStep, known: Collection[str]) -> dict[str, Descriptor]:
        """Traces from another cache that are not among the ``known`` ones."""
        carried: dict[str, Descriptor] = {}
        for blob in step.traces:
            if blob.digest not in known and self._others is not None:
                data = self._others.trace_bytes(cache, blob)
                if data is not None:
                    carried[blob.digest] = self._writer.add_bytes(TRACE, data)
        return carried

    def mount(self, name: str) -> Iterator[SharedMount]:
        """A cache mount: nothing, or one."""
        there = [cache for cache in cache_mounts(self._store.root, measure=False) if cache.name == name]
        if there:
            yield self._packed(there[0])
            return
        for cache, mount in [] if self._others is None else self._others.mounts(name):
            if self._others is not None and self._others.copy_blob(cache, mount.blob):
                self._writer.add_file(mount.blob, self._store.blobs.path(mount.blob.digest))
                yield mount
                return

    def _packed(self, mount: CacheMount) -> SharedMount:
        with self._store.blobs.writer() as blob:
            with compressed(cast("IO[bytes]", blob), "gzip") as target:
                size = write_mounts(self._store, [mount], target.write)
            descriptor = Descriptor(MOUNT, blob.commit(), blob.count)
        self._writer.add_file(descriptor, self._store.blobs.path(descriptor.digest))
        return SharedMount(mount.name, size, descriptor)

    def _layer(self, diff_id: str) -> SharedLayer:
        if diff_id not in self._layers:
            (layer,) = self._store.layers([diff_id])
            blob = self._packer.pack(diff_id, "", None).blob
            if self._others is not None and blob.digest in self._others.damaged:
                self._writer.drop(blob)
            self._writer.add_file(blob, self._store.blobs.path(blob.digest))
            self._layers[diff_id] = SharedLayer(diff_id, layer.size, layer.created, blob)
        return self._layers[diff_id]

    def _own_traces(self, key: str, result: Result) -> Iterator[Descriptor]:
        if not key:
            return
        for traced, data in self._store.traces(key):
            views = recorded(data) if traced.layers == result.layers else None
            if views is None:
                continue
            looks: list[Saw] = []
            for view in views:
                try:
                    saw = look(StackView(self._store, view.stack), view.trace)
                except StoreError:
                    saw = None  # a layer of it was collected
                if saw is None:
                    break
                looks.append(saw)
            else:
                states = dump_states(looks)
                if states is not None:
                    yield self._writer.add_bytes(TRACE, states)
