"""Decides which layers are needed, and makes those that are not known yet, in parallel.

Demand-driven: a layer that is found in the cache needs its parent's stack and nothing else, so stages that
only fed a cached copy are never made. The coordinator runs in the calling thread and does all look-ups;
worker threads exist only when something has to be made. Work for N layers grows as N.

While a layer is being made, those above it may be made ahead of it (:class:`LooksAhead`): on a tree that lacks
what is not there yet. Whether what comes of it counts is decided by the ordinary look-up, once the parent is there.

The words (suspending scheduler, early cut-off) are those of "Build systems à la carte" (Mokhov et al., 2018).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from queue import SimpleQueue
from threading import Event
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ...compiler.graph.layer import ImageLayer

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

__all__ = ["CancelledStepError", "Found", "LayerResult", "LayerWorker", "LooksAhead", "Place", "Scheduler"]

_FARTHEST = 16  # how many layers that are not there yet may lie below one that is made ahead


class LayerResult(NamedTuple):
    """What a layer came to: diff IDs from the bottom up, and the digest of the stack's content.

    ``content`` takes no time stamps into account, so equal results are equal here.
    """

    stack: tuple[str, ...]
    content: str


EMPTY = LayerResult((), "")


class CancelledStepError(Exception):
    """A step was stopped because another one failed or the user interrupted."""


class Found(Protocol):
    """A layer that was found by its definition."""

    def __call__(self, parent: LayerResult, inputs: tuple[LayerResult | None, ...]) -> LayerResult | None:
        """The layer's result, or none if it was not made on this parent or with these inputs (none: not known
        in this build). Called in the coordinator's thread.
        """


class LayerWorker(Protocol):
    """What the scheduler needs to know of layers."""

    def probe(self, layer: ImageLayer) -> Found | None:
        """Look for the layer by its definition, quickly. Called in the coordinator's thread."""

    def make(self, layer: ImageLayer, parent: LayerResult, inputs: tuple[LayerResult, ...]) -> LayerResult:
        """Find the layer by content or execute it. Called in a worker thread."""


class Place(NamedTuple):
    """A tree to make a layer on ahead of time: what is ``there``, and above it ``guessed``, what layers between
    came to that were made ahead as well. ``passed`` are the others, those that it lacks; ``depths`` say how far
    below the layer each of them lies (its parent: 1).
    """

    there: LayerResult
    guessed: tuple[str, ...]
    passed: tuple[ImageLayer, ...]
    depths: tuple[int, ...]


class LooksAhead(Protocol):
    """Makes layers before their parents are there."""

    def make(
        self, layer: ImageLayer, place: Place, inputs: tuple[LayerResult, ...]
    ) -> tuple[str, ...] | None:
        """What the layer adds (diff IDs) if it is made at ``place``; none if that is not tried, or fails. Called in
        a worker thread.
        """


class _Node:
    """``guess`` is what the layer adds if what was made ahead counts; ``tried`` are the layers that were missing
    when that was last asked for. ``is_ahead``: it is being made ahead; ``waits``: for the end of that.
    """

    def __init__(self, layer: ImageLayer, needs: tuple[str, ...], found: Found | None) -> None:
        self.layer = layer
        self.needs = needs
        self.found = found
        self.missing = 0
        self.dependents: list[_Node] = []
        self.result: LayerResult | None = None
        self.guess: tuple[str, ...] | None = None
        self.tried: tuple[ImageLayer, ...] | None = None
        self.is_ahead = False
        self.waits = False


class _Done(NamedTuple):
    """The end of some work: a result, an error, or neither for what was made ahead."""

    node: _Node
    result: LayerResult | None = None
    error: BaseException | None = None


class Scheduler:
    """Runs a plan's layers through a :class:`LayerWorker`. One object serves one build.

    ``before_work`` is called once, in the calling thread, before the first worker thread starts.
    ``cancel`` is set when a step fails or the user interrupts; running steps watch it. ``ahead`` gives what
    makes layers before their parents are there, with what is left of ``jobs``; it is called after ``before_work``.
    """

    def __init__(
        self,
        layers: Mapping[str, ImageLayer],
        worker: LayerWorker,
        *,
        jobs: int,
        cancel: Event,
        before_work: Callable[[], None],
        ahead: Callable[[], LooksAhead] | None = None,
    ) -> None:
        self._layers = layers
        self._worker = worker
        self._jobs = jobs
        self._cancel = cancel
        self._before_work = before_work
        self._open_ahead = ahead
        self._ahead: LooksAhead | None = None
        self._nodes: dict[str, _Node] = {}
        self._ready: deque[_Node] = deque()
        self._unfinished = 0
        self._running: dict[str, _Node] = {}
        self._running_ahead = 0
        self._done: SimpleQueue[_Done] = SimpleQueue()
        self._pool: ThreadPoolExecutor | None = None

    def run(self, targets: Iterable[str]) -> dict[str, LayerResult]:
        """Results of ``targets`` by layer id. Raises what the first failing step raised, after all running
        steps have ended.
        """
        wanted = tuple(targets)
        try:
            self._demand(wanted)
            self._loop()
        except BaseException:
            self._cancel.set()
            raise
        finally:
            if self._pool is not None:
                self._pool.shutdown(wait=True, cancel_futures=True)
        return {target: self._result_of(target) for target in wanted}

    # --- demand ---------------------------------------------------------------------------------------

    def _demand(self, targets: Iterable[str]) -> None:
        """Add ``targets`` and everything they need (an explicit stack: chains can be long)."""
        added: list[_Node] = []
        todo = [*targets]
        while todo:
            layer_id = todo.pop()
            if layer_id not in self._nodes:
                added.append(self._add(self._layers[layer_id]))
                todo.extend(added[-1].needs)
        self._unfinished += len(added)
        for node in added:
            self._await(node, node.needs)

    def _add(self, layer: ImageLayer) -> _Node:
        found = self._worker.probe(layer)
        parent = () if layer.parent is None else (layer.parent,)
        node = _Node(layer, layer.references if found is None else parent, found)
        self._nodes[layer.id] = node
        return node

    def _await(self, node: _Node, needs: Iterable[str]) -> None:
        for need in map(self._nodes.__getitem__, dict.fromkeys(needs)):
            if need.result is None:
                need.dependents.append(node)
                node.missing += 1
        if node.missing == 0:
            self._ready.append(node)

    # --- work -----------------------------------------------------------------------------------------

    def _loop(self) -> None:
        while self._unfinished:
            while self._ready:
                self._start(self._ready.popleft())
            self._look_ahead()
            if self._running or self._running_ahead:
                self._end(*self._done.get())

    def _end(self, node: _Node, result: LayerResult | None, error: BaseException | None) -> None:
        if error is not None:
            raise error
        if node.is_ahead:
            node.is_ahead = False
            self._running_ahead -= 1
            if node.waits:
                self._ready.append(node)
            return
        del self._running[node.layer.id]
        assert result is not None
        self._finish(node, result)

    def _start(self, node: _Node) -> None:
        if node.is_ahead:
            node.waits = True
            return
        parent = EMPTY if node.layer.parent is None else self._result_of(node.layer.parent)
        if node.found is not None:
            self._take(node, node.found, parent)
            return
        if self._pool is None:
            self._pool = self._open_pool()
        inputs = tuple(self._result_of(layer_id) for layer_id in node.layer.inputs)
        self._running[node.layer.id] = node
        self._pool.submit(self._work, node, parent, inputs)

    def _take(self, node: _Node, found: Found, parent: LayerResult) -> None:
        """Use what was found, if it was made on what there is now."""
        others = {need: self._nodes[need] for need in node.layer.inputs if need in self._nodes}
        unfinished = [need for need, other in others.items() if other.result is None]
        if unfinished:  # some other layer needs them too: they may become something else than they were
            self._await(node, unfinished)
            return
        known = tuple(others[need].result if need in others else None for need in node.layer.inputs)
        result = found(parent, known)
        if result is not None:
            self._finish(node, result)
            return
        node.found = None
        self._demand(node.layer.inputs)
        self._await(node, node.layer.inputs)

    def _open_pool(self) -> ThreadPoolExecutor:
        # Imported here: a build that finds everything has no work.
        from concurrent.futures import ThreadPoolExecutor

        self._before_work()
        self._ahead = None if self._open_ahead is None else self._open_ahead()
        return ThreadPoolExecutor(self._jobs, thread_name_prefix="step")

    def _work(self, node: _Node, parent: LayerResult, inputs: tuple[LayerResult, ...]) -> None:
        try:
            if self._cancel.is_set():
                raise CancelledStepError
            self._done.put(_Done(node, self._worker.make(node.layer, parent, inputs)))
        except BaseException as error:  # noqa: BLE001  # handed to the coordinator, which raises it
            self._done.put(_Done(node, error=error))

    def _finish(self, node: _Node, result: LayerResult) -> None:
        node.result = result
        self._unfinished -= 1
        for dependent in node.dependents:
            dependent.missing -= 1
            if dependent.missing == 0:
                self._ready.append(dependent)

    # --- ahead ----------------------------------------------------------------------------------------

    def _look_ahead(self) -> None:
        """Make layers ahead that stand above running ones, with what is left of ``jobs``."""
        if self._ahead is None:
            return
        for node in self._above_running():
            if len(self._running) + self._running_ahead >= self._jobs:
                return
            place = self._place(node)
            if place is None or place.passed == node.tried:
                continue
            node.tried = place.passed
            node.is_ahead = True
            self._running_ahead += 1
            inputs = tuple(self._result_of(layer_id) for layer_id in node.layer.inputs)
            assert self._pool is not None, "it is opened with what looks ahead"
            self._pool.submit(self._work_ahead, self._ahead, node, place, inputs)

    def _above_running(self) -> Iterator[_Node]:
        """Layers above those that are being made, the nearest first, that nobody has begun."""
        for running in tuple(self._running.values()):
            level = [running]
            for _ in range(_FARTHEST):
                level = [
                    node
                    for below in level
                    for node in dict.fromkeys(below.dependents)
                    if node.layer.parent == below.layer.id
                ]
                for node in level:
                    if node.found is None and node.guess is None and not node.is_ahead:
                        yield node

    def _place(self, node: _Node) -> Place | None:
        """Where a layer can be made now; none if that is not known, or if its parent is there at once."""
        if any(self._nodes[need].result is None for need in node.layer.inputs):
            return None
        guessed: tuple[str, ...] = ()
        passed: list[ImageLayer] = []
        depths: list[int] = []
        below = node
        for depth in range(1, _FARTHEST + 1):
            if below.layer.parent is None:
                return None
            below = self._nodes[below.layer.parent]
            if below.result is not None:
                return Place(below.result, guessed, tuple(passed), tuple(depths)) if passed else None
            if below.guess is not None:
                guessed = (*below.guess, *guessed)
            else:
                passed.append(below.layer)
                depths.append(depth)
        return None

    def _work_ahead(
        self, ahead: LooksAhead, node: _Node, place: Place, inputs: tuple[LayerResult, ...]
    ) -> None:
        try:
            if not self._cancel.is_set():
                node.guess = ahead.make(node.layer, place, inputs)
            self._done.put(_Done(node))
        except BaseException as error:  # noqa: BLE001  # handed to the coordinator, which raises it
            self._done.put(_Done(node, error=error))

    def _result_of(self, layer_id: str) -> LayerResult:
        result = self._nodes[layer_id].result
        assert result is not None, f"layer {layer_id[:12]} has not finished"
        return result
