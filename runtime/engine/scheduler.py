"""Decides which layers are needed, and makes those that are not known yet, in parallel.

Demand-driven: a layer that is found in the cache needs its parent's stack and nothing else, so stages that
only fed a cached copy are never made. The coordinator runs in the calling thread and does all look-ups;
worker threads exist only when something has to be made. Work for N layers grows as N.

The words (suspending scheduler, early cut-off) are those of "Build systems à la carte" (Mokhov et al., 2018).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from queue import SimpleQueue
from threading import Event
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ...compiler.graph.layer import ImageLayer

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

__all__ = ["CancelledStepError", "Found", "LayerResult", "LayerWorker", "Scheduler"]


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


class _Node:
    def __init__(self, layer: ImageLayer, needs: tuple[str, ...], found: Found | None) -> None:
        self.layer = layer
        self.needs = needs
        self.found = found
        self.missing = 0
        self.dependents: list[_Node] = []
        self.result: LayerResult | None = None


class Scheduler:
    """Runs a plan's layers through a :class:`LayerWorker`. One object serves one build.

    ``before_work`` is called once, in the calling thread, before the first worker thread starts.
    ``cancel`` is set when a step fails or the user interrupts; running steps watch it.
    """

    def __init__(
        self,
        layers: Mapping[str, ImageLayer],
        worker: LayerWorker,
        *,
        jobs: int,
        cancel: Event,
        before_work: Callable[[], None],
    ) -> None:
        self._layers = layers
        self._worker = worker
        self._jobs = jobs
        self._cancel = cancel
        self._before_work = before_work
        self._nodes: dict[str, _Node] = {}
        self._ready: deque[_Node] = deque()
        self._unfinished = 0
        self._running = 0
        self._done: SimpleQueue[tuple[_Node, LayerResult | None, BaseException | None]] = SimpleQueue()
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
            if self._running:
                node, result, error = self._done.get()
                self._running -= 1
                if error is not None:
                    raise error
                assert result is not None
                self._finish(node, result)

    def _start(self, node: _Node) -> None:
        parent = EMPTY if node.layer.parent is None else self._result_of(node.layer.parent)
        if node.found is not None:
            self._take(node, node.found, parent)
            return
        if self._pool is None:
            self._pool = self._open_pool()
        inputs = tuple(self._result_of(layer_id) for layer_id in node.layer.inputs)
        self._running += 1
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
        return ThreadPoolExecutor(self._jobs, thread_name_prefix="step")

    def _work(self, node: _Node, parent: LayerResult, inputs: tuple[LayerResult, ...]) -> None:
        try:
            if self._cancel.is_set():
                raise CancelledStepError
            self._done.put((node, self._worker.make(node.layer, parent, inputs), None))
        except BaseException as error:  # noqa: BLE001  # handed to the coordinator, which raises it
            self._done.put((node, None, error))

    def _finish(self, node: _Node, result: LayerResult) -> None:
        node.result = result
        self._unfinished -= 1
        for dependent in node.dependents:
            dependent.missing -= 1
            if dependent.missing == 0:
                self._ready.append(dependent)

    def _result_of(self, layer_id: str) -> LayerResult:
        result = self._nodes[layer_id].result
        assert result is not None, f"layer {layer_id[:12]} has not finished"
        return result
