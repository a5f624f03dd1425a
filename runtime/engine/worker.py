"""One layer: found by definition, found by content, or executed. Every miss has a reason."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Event, Lock
from typing import TYPE_CHECKING

from ...compiler.graph.canonical import sha256_hex
from ...compiler.graph.layer import ImageLayer, Provenance
from ...compiler.graph.operations import Add, Base, Copy, Operation, Run
from ...grammar.errors import LayercError
from ...grammar.source import Location
from ..decisions import Decision, Level
from ..errors import StepError
from ..events import Reporter, StepCached, StepFailed, StepFinished, StepStarted
from ..store.store import Store
from ..store.values import Result
from .filecopy.plan import ignores_parent
from .inputs import Inputs
from .keys import content_key, definition_key
from .scheduler import EMPTY, CancelledStepError, Found, LayerResult
from .sharing.noted import StepKeys, note_keys

if TYPE_CHECKING:
    from .ahead import Ahead
    from .builder import Executed, LayerBuilder
    from .history import History
    from .observer import Trees
    from .reasons import Basis, Reasons
    from .sharing.caches import Offer, SharedCaches
    from .traces import TraceCache

__all__ = ["CachingWorker", "extend", "location_of"]

_SAME = Decision("definition", "same")
_EQUAL = Decision("content", "equal")


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


def _below(operation: Operation, parent: LayerResult) -> str:
    return "" if ignores_parent(operation) else parent.content


def _trace_key(operation: Operation, trees: Trees) -> str:
    from .traces import trace_key  # builds that find everything need no traces

    return trace_key(operation, trees)


def _binds(operation: Operation) -> bool:
    """Whether it takes work to know the trees that a step would see."""
    return isinstance(operation, Run) and any(mount.kind == "bind" for mount in operation.mounts)


class CachingWorker:
    """Implements :class:`.scheduler.LayerWorker` over a store.

    ``open_builder`` is called once, by :meth:`prepare`, before the first :meth:`make`. ``fresh`` are ids of
    layers that must be made again whatever is known, with the option that asks for it (``--no-cache``).
    ``missed`` are the layers that were not found by their definition. ``history`` knows earlier builds.
    """

    def __init__(
        self,
        store: Store,
        open_builder: Callable[[], LayerBuilder],
        inputs: Inputs,
        reporter: Reporter,
        *,
        fresh: Mapping[str, str],
        history: History,
        cancel: Event,
        shared: Callable[[], SharedCaches] | None = None,
    ) -> None:
        self._store = store
        self._shared = shared
        self._open_builder = open_builder
        self._opened: LayerBuilder | None = None
        self._inputs = inputs
        self._report = reporter
        self._fresh = fresh
        self._history = history
        self._cancel = cancel
        self._layers: Mapping[str, ImageLayer] = {}
        self._keys: dict[str, str] = {}
        self._known: dict[str, LayerResult | None] = {}
        self._above_fresh: set[str] = set()
        self._counting = Lock()
        self._traces: TraceCache | None = None
        self._reasons: Reasons | None = None
        self._ahead: Ahead | None = None
        self.missed: list[ImageLayer] = []
        self.executed = 0
        self.cached = 0

    @property
    def keys(self) -> Mapping[str, str]:
        """The definition keys of layers, by id."""
        return self._keys

    def set_keys(self, layers: Mapping[str, ImageLayer]) -> None:
        """Compute all definition keys; ``layers`` come after what they need."""
        self._layers = layers
        for layer in layers.values():
            with _located(layer):
                sources = self._inputs.outside(layer.operation)
            self._keys[layer.id] = definition_key(
                layer.meaning,
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
        key = self._keys[layer.id]
        old = layer.id in self._above_fresh
        result = None if old else self._store.result(key)
        offer = None if old or result is not None else self._offer(layer, key)
        if result is None and offer is None:
            self.missed.append(layer)
            return None
        basis = result.basis if result is not None else offer.basis if offer is not None else ""

        def found(parent: LayerResult, inputs: tuple[LayerResult | None, ...]) -> LayerResult | None:
            below, *before = basis.split(" ")
            if len(before) != len(layer.inputs):
                return None  # someone else's
            now = [item or self._index_of(need) for item, need in zip(inputs, layer.inputs, strict=True)]
            # An input that is gone from the store, and that nobody needs, can not contradict.
            same = below == _below(layer.operation, parent) and all(
                item is None or item.content == content for item, content in zip(now, before, strict=True)
            )
            if not same:
                return None
            taken = result if offer is None else self._take(layer, offer, parent)
            return None if taken is None else self._reuse(layer, parent, taken, _SAME)

        return found

    def _offer(self, layer: ImageLayer, key: str) -> Offer | None:
        """What a shared cache has under ``key``. Base images bring their own layers."""
        if self._shared is None or isinstance(layer.operation, Base):
            return None
        return self._shared().offer(key)

    def _borrow(self, layer: ImageLayer, key: str) -> Result | None:
        offer = self._offer(layer, key)
        return None if offer is None else offer.take()

    def _take(self, layer: ImageLayer, offer: Offer, parent: LayerResult) -> Result | None:
        """Keep what a shared cache has under the layer's definition key, and under its content key where that is
        known here.
        """
        result = offer.take()
        if result is None:
            return None
        self._store.add_result(self._keys[layer.id], result)
        if not layer.inputs:
            sources = self._inputs.outside(layer.operation)
            key = content_key(layer.operation, _below(layer.operation, parent), (), sources)
            self._store.add_result(key, result)
            self._note_keys(layer, key)
        return result

    def _note_keys(self, layer: ImageLayer, content: str, trees: Trees | None = None) -> None:
        """Note where else the layer's result can be found, for those who share it. What base images are, they say
        themselves.
        """
        if not isinstance(layer.operation, Base):
            traced = "" if trees is None else _trace_key(layer.operation, trees)
            note_keys(self._store, self._keys[layer.id], StepKeys(content, traced))

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

    def _reuse(
        self, layer: ImageLayer, parent: LayerResult, result: Result, decision: Decision
    ) -> LayerResult:
        with self._counting:
            self.cached += not isinstance(layer.operation, Base)
        level: Level = decision.level or "definition"
        self._report(StepCached(layer.id, layer.provenance, level, result.seconds, decision, result.layers))
        return extend(self._store, parent, result.layers)

    # --- level 2, or the work itself ------------------------------------------------------------------

    def prepare(self) -> None:
        """Get ready to make layers: something was not found by its definition."""
        from .reasons import Reasons
        from .traces import TraceCache

        self._opened = self._open_builder()
        self._reasons = Reasons(self._store, self._history, self._fresh)
        self._traces = (
            TraceCache(self._store)
            if self._shared is None
            else TraceCache(self._store, self._shared().traces)
        )

    def ahead(self) -> Ahead:
        """What makes layers ahead, for this worker to take. To be asked after :meth:`prepare`."""
        from .ahead import Ahead

        self._ahead = Ahead(self._store, self._builder, self._tracer, self._fresh, self._report)
        return self._ahead

    @property
    def _builder(self) -> LayerBuilder:
        assert self._opened is not None, "prepare() comes before make()"
        return self._opened

    @property
    def _why(self) -> Reasons:
        assert self._reasons is not None, "prepare() comes before make()"
        return self._reasons

    @property
    def _tracer(self) -> TraceCache:
        assert self._traces is not None, "prepare() comes before make()"
        return self._traces

    def make(self, layer: ImageLayer, parent: LayerResult, inputs: tuple[LayerResult, ...]) -> LayerResult:
        """Look up the content key; else execute the step, once among all builds that share the store."""
        with _located(layer):
            return self._make(layer, parent, inputs)

    def _make(self, layer: ImageLayer, parent: LayerResult, inputs: tuple[LayerResult, ...]) -> LayerResult:
        from .reasons import Basis
        from .traces import Verdict

        operation = layer.operation
        stacks = tuple(item.stack for item in inputs)
        below = _below(operation, parent)
        outside = self._inputs.outside(operation, read=True)
        plan = self._inputs.copy_plan(operation, stacks) if isinstance(operation, Copy | Add) else None
        basis = Basis(below, self._inputs.inside(operation, inputs), outside, plan)
        made_on = " ".join((below, *(item.content for item in inputs)))
        key = content_key(operation, below, basis.read, basis.sources)
        with self._store.lock(key, self._check):
            is_fresh = layer.id in self._fresh
            known = None if is_fresh else self._store.result(key) or self._borrow(layer, key)
            if known is not None:
                trees = None if _binds(operation) else self._builder.trees(layer, parent.stack, stacks)
                self._note_keys(layer, key, trees)
                return self._found(layer, parent, known._replace(basis=made_on), key, _EQUAL)
            trees = self._builder.trees(layer, parent.stack, stacks)
            self._note_keys(layer, key, trees)
            seen = () if trees is None else trees.stacks
            verdict = Verdict(None)
            if trees is not None and not is_fresh:
                verdict = self._tracer.find(operation, trees)
                if verdict.result is not None:
                    result = verdict.result._replace(basis=made_on)
                    return self._found(layer, parent, result, key, self._why.unread(verdict, seen))
            decision = self._why.miss(layer, basis, verdict, seen or (parent.stack,))
            self._report(StepStarted(layer.id, layer.provenance, decision.reason, decision))
            executed, began, seconds = self._execute(layer, parent, stacks, trees)
            result = Result(executed.layers, seconds, time.time(), made_on)
            self._keep(layer, result, key)
            if not isinstance(operation, Base):
                self._note(layer, basis, trees, executed, began, result)
            self._why.note_aspects(layer, result.layers)
            return self._done(layer, parent, result)

    def _execute(
        self, layer: ImageLayer, parent: LayerResult, stacks: tuple[tuple[str, ...], ...], trees: Trees | None
    ) -> tuple[Executed, float, float]:
        """What the step gives, when it began, and how many seconds it took."""
        made = None if self._ahead is None else self._ahead.take(layer, trees)
        if made is not None:
            for event in made.output:
                self._report(event)
            return made.executed, made.began, made.seconds
        began, started = time.time(), time.monotonic()
        try:
            executed = self._builder.execute(layer, parent.stack, stacks)
        except BaseException as error:
            cancelled = self._cancel.is_set() or isinstance(error, CancelledStepError)
            self._report(StepFailed(layer.id, time.monotonic() - started, cancelled))
            raise
        return executed, began, time.monotonic() - started

    def _found(
        self, layer: ImageLayer, parent: LayerResult, result: Result, key: str, decision: Decision
    ) -> LayerResult:
        self._keep(layer, result, key)
        self._why.note_aspects(layer, result.layers)
        return self._reuse(layer, parent, result, decision)

    def _keep(self, layer: ImageLayer, result: Result, key: str) -> None:
        """Note a result under its content key ``key`` and its definition key."""
        self._store.add_result(key, result)
        self._store.add_result(self._keys[layer.id], result)

    def _note(
        self,
        layer: ImageLayer,
        basis: Basis,
        trees: Trees | None,
        executed: Executed,
        began: float,
        result: Result,
    ) -> None:
        """Remember what a step has seen, and what it was made from."""
        trace = ""
        if trees is not None and executed.views is not None:
            self._tracer.add(layer.operation, trees, executed.views, result)
            trace = _trace_key(layer.operation, trees)
        self._why.note(layer, basis, began, result.seconds, trace, executed.untraced)

    def _done(self, layer: ImageLayer, parent: LayerResult, result: Result) -> LayerResult:
        with self._counting:
            self.executed += not isinstance(layer.operation, Base)
        size = sum(stored.size for stored in self._store.layers(result.layers))
        self._report(StepFinished(layer.id, result.seconds, size, result.layers))
        return extend(self._store, parent, result.layers)

    def _check(self) -> None:
        if self._cancel.is_set():
            raise CancelledStepError


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
