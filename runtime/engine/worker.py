"""One layer: found by definition, found by content, or executed. Every miss has a reason."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event, Lock
from typing import TYPE_CHECKING

from ...compiler.graph.canonical import sha256_hex
from ...compiler.graph.layer import ImageLayer, Provenance
from ...compiler.graph.operations import Base, Operation
from ...grammar.errors import LayercError
from ...grammar.source import Location
from ..errors import StepError
from ..events import Reporter, StepCached, StepFailed, StepFinished, StepStarted
from ..store.store import Store
from ..store.values import Result
from .filecopy.plan import ignores_parent
from .inputs import Inputs
from .keys import content_key, definition_key, operation_key
from .scheduler import EMPTY, CancelledStepError, Found, LayerResult

if TYPE_CHECKING:
    from .builder import LayerBuilder
    from .traces import Conflict, TraceCache

__all__ = ["CachingWorker", "extend", "location_of"]


def location_of(provenance: Provenance) -> Location | None:
    """The first line of the instruction that a layer comes from."""
    if not provenance.line:
        return None
    text = provenance.text.split("\n", 1)[0].rstrip("\r")
    return Location(provenance.file, provenance.line, 1, len(text) + 1, text)


def extend(store: Store, parent: LayerResult, layers: tuple[str, ...]) -> LayerResult:
    """``parent`` with ``layers`` on top. A layer that changes nothing leaves the content as it is."""
    content = parent.content
    for stored in store.layers(layers):
        if stored.entries:
            content = sha256_hex(f"{content}\n{stored.content}")
    return LayerResult((*parent.stack, *layers), content)


def _step(layer: ImageLayer) -> str:
    """What a person takes for the same step from build to build: copies from two stages may be equal operations."""
    return f"{operation_key(layer.operation)} {layer.provenance.stage} {layer.provenance.title}"


def _below(operation: Operation, parent: LayerResult) -> str:
    return "" if ignores_parent(operation) else parent.content


@dataclass(frozen=True, slots=True)
class _Record:
    """What a step was made from the last time it ran, so that the next miss can be explained."""

    parent: str
    inputs: list[str]
    sources: list[str]


class CachingWorker:
    """Implements :class:`.scheduler.LayerWorker` over a store.

    ``open_builder`` is called once, by :meth:`prepare`, before the first :meth:`make`. ``fresh`` are ids of
    layers that must be made again whatever is known (``--no-cache``). ``missed`` are the layers that were not
    found by their definition.
    """

    def __init__(
        self,
        store: Store,
        open_builder: Callable[[], LayerBuilder],
        inputs: Inputs,
        reporter: Reporter,
        *,
        fresh: Collection[str],
        cancel: Event,
    ) -> None:
        self._store = store
        self._open_builder = open_builder
        self._opened: LayerBuilder | None = None
        self._inputs = inputs
        self._report = reporter
        self._fresh = fresh
        self._cancel = cancel
        self._layers: Mapping[str, ImageLayer] = {}
        self._keys: dict[str, str] = {}
        self._known: dict[str, LayerResult | None] = {}
        self._above_fresh: set[str] = set()
        self._counting = Lock()
        self._traces: TraceCache | None = None
        self.missed: list[ImageLayer] = []
        self.executed = 0
        self.cached = 0

    def set_keys(self, layers: Mapping[str, ImageLayer]) -> None:
        """Compute all definition keys; ``layers`` come after what they need."""
        self._layers = layers
        for layer in layers.values():
            with _located(layer):
                sources = self._inputs.outside(layer.operation)
            self._keys[layer.id] = definition_key(
                layer.operation,
                self._keys[layer.parent] if layer.parent else "",
                [self._keys[item] for item in layer.inputs],
                sources,
            )
            if layer.id in self._fresh or not self._above_fresh.isdisjoint(layer.references):
                self._above_fresh.add(layer.id)

    # --- level 1 --------------------------------------------------------------------------------------

    def probe(self, layer: ImageLayer) -> Found | None:
        """Look up the definition key. It does not count above a layer that is to be made again: only that
        layer's content can tell whether anything changes.

        A step that was run twice may have given two contents, and a result that was made on the first does
        not go with the second: what is found counts only on what it was made on.
        """
        result = None if layer.id in self._above_fresh else self._store.result(self._keys[layer.id])
        if result is None:
            self.missed.append(layer)
            return None

        def found(parent: LayerResult, inputs: tuple[LayerResult | None, ...]) -> LayerResult | None:
            below, *before = result.basis.split(" ")
            now = [item or self._index_of(need) for item, need in zip(inputs, layer.inputs, strict=True)]
            # An input that is gone from the store, and that nobody needs, can not contradict.
            same = below == _below(layer.operation, parent) and all(
                item is None or item.content == content for item, content in zip(now, before, strict=True)
            )
            return self._reuse(layer, parent, result, "definition") if same else None

        return found

    def _index_of(self, layer_id: str) -> LayerResult | None:
        """What the store has for a layer that this build does not need; none if it has nothing any more."""
        todo: list[ImageLayer] = []
        current: str | None = layer_id
        while current is not None and current not in self._known:
            todo.append(self._layers[current])
            current = todo[-1].parent
        for layer in reversed(todo):
            parent = EMPTY if layer.parent is None else self._known[layer.parent]
            result = self._store.result(self._keys[layer.id])
            known = None
            if result is not None and parent is not None:
                known = extend(self._store, parent, result.layers)
            self._known[layer.id] = known
        return self._known[layer_id]

    def _reuse(self, layer: ImageLayer, parent: LayerResult, result: Result, level: str) -> LayerResult:
        with self._counting:
            self.cached += not isinstance(layer.operation, Base)
        self._report(StepCached(layer.id, layer.provenance, level, result.seconds))
        return extend(self._store, parent, result.layers)

    # --- level 2, or the work itself ------------------------------------------------------------------

    def prepare(self) -> None:
        """Get ready to make layers: something was not found by its definition."""
        from .traces import TraceCache

        self._opened = self._open_builder()
        self._traces = TraceCache(self._store)

    @property
    def _builder(self) -> LayerBuilder:
        assert self._opened is not None, "prepare() comes before make()"
        return self._opened

    @property
    def _tracer(self) -> TraceCache:
        assert self._traces is not None, "prepare() comes before make()"
        return self._traces

    def make(self, layer: ImageLayer, parent: LayerResult, inputs: tuple[LayerResult, ...]) -> LayerResult:
        """Look up the content key; else execute the step, once among all builds that share the store."""
        with _located(layer):
            return self._make(layer, parent, inputs)

    def _make(self, layer: ImageLayer, parent: LayerResult, inputs: tuple[LayerResult, ...]) -> LayerResult:
        operation = layer.operation
        sources = self._inputs.outside(operation)
        read = self._inputs.inside(operation, inputs)
        below = _below(operation, parent)
        made_on = " ".join((below, *(item.content for item in inputs)))
        key = content_key(operation, below, read, sources)
        with self._store.lock(key, self._check):
            known = None if layer.id in self._fresh else self._store.result(key)
            if known is not None:
                self._store.add_result(self._keys[layer.id], replace(known, basis=made_on))
                return self._reuse(layer, parent, known, "content")
            stacks = tuple(item.stack for item in inputs)
            trees = self._builder.trees(layer, parent.stack, stacks)
            conflicts: tuple[Conflict, ...] = ()
            if trees is not None and layer.id not in self._fresh:
                traced, conflicts = self._tracer.find(operation, trees)
                if traced is not None:
                    result = replace(traced, basis=made_on)
                    self._store.add_result(key, result)
                    self._store.add_result(self._keys[layer.id], result)
                    return self._reuse(layer, parent, result, "trace")
            record = _Record(below, list(read), list(sources))
            self._report(StepStarted(layer.id, layer.provenance, self._reason(layer, record, conflicts)))
            started = time.monotonic()
            try:
                executed = self._builder.execute(layer, parent.stack, stacks)
            except BaseException as error:
                cancelled = self._cancel.is_set() or isinstance(error, CancelledStepError)
                self._report(StepFailed(layer.id, time.monotonic() - started, cancelled))
                raise
            result = Result(executed.layers, time.monotonic() - started, time.time(), made_on)
            if trees is not None and executed.views is not None:
                self._tracer.add(operation, trees, executed.views, result)
            return self._record(layer, parent, result, key, record)

    def _record(
        self,
        layer: ImageLayer,
        parent: LayerResult,
        result: Result,
        key: str,
        record: _Record,
    ) -> LayerResult:
        self._store.add_result(key, result)
        self._store.add_result(self._keys[layer.id], result)
        last = json.dumps([record.parent, record.inputs, record.sources]).encode()
        self._store.add_record("last", _step(layer), last)
        with self._counting:
            self.executed += not isinstance(layer.operation, Base)
        size = sum(stored.size for stored in self._store.layers(result.layers))
        self._report(StepFinished(layer.id, result.seconds, size))
        return extend(self._store, parent, result.layers)

    def _check(self) -> None:
        if self._cancel.is_set():
            raise CancelledStepError

    # --- reasons --------------------------------------------------------------------------------------

    def _reason(self, layer: ImageLayer, now: _Record, conflicts: Sequence[Conflict]) -> str:
        """Why the step runs, in a few words; nothing for a base image, which does not run."""
        if isinstance(layer.operation, Base):
            return ""
        if layer.id in self._fresh:
            return "asked for with --no-cache"
        if conflicts:
            return ", ".join(f"/{conflict.path} changed ({conflict.change})" for conflict in conflicts)
        data = self._store.record("last", _step(layer))
        if data is None:
            return "not built before"
        before = _Record(*json.loads(data))
        if before.sources != now.sources:
            return f"{self._inputs.describe(layer.operation)} changed"
        if before.inputs != now.inputs:
            return "what it takes from another stage changed"
        if before.parent != now.parent:
            return "the layer below it changed"
        return "its earlier result is gone from the store"


@contextmanager
def _located(layer: ImageLayer) -> Iterator[None]:
    """Give errors for the user the layer's instruction and its place, where they have none."""
    try:
        yield
    except LayercError as error:
        if error.where is None:
            error.where = location_of(layer.provenance)
        if isinstance(error, StepError) and error.provenance is None:
            error.provenance = layer.provenance
        raise
