"""Steps that are run before what lies below them is there: side by side with the steps that they follow.

A step is *tried* ahead where an earlier build of it, or its text, says that it takes nothing from the steps that it
passes. What comes of it *counts* only if the ordinary question of the cache says so, once its parent is there: has
anything that it saw changed between the tree that it ran on and its parent (traces.py)? If so it runs again, in its
place. So a wrong guess costs time and nothing else; docs/caching.md, "Side by side".
"""

from __future__ import annotations

import time
from collections.abc import Container, Sequence
from copy import copy
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from ...compiler.graph.layer import ImageLayer
from ...compiler.graph.operations import Base, Operation, Run
from ...grammar.errors import LayercError
from ..errors import StoreError
from ..events import Event, Notice, Reporter, TaskFinished, TaskStarted
from ..store import Store
from .builder import Executed, LayerBuilder
from .observer import BrokenViewError, Trees, View
from .scheduler import CancelledStepError, LayerResult, Place
from .traces import TraceCache, conflicts, recorded, trace_key

if TYPE_CHECKING:
    from ...compiler.effects.model import Effects

__all__ = ["Ahead", "Made"]

_LEFT_IN_PLACE = frozenset(("cache", "secret", "ssh"))


class Made(NamedTuple):
    """A step that ran ahead: what it gave, how long it took, when it began, and what there was to
    report of it."""

    executed: Executed
    views: tuple[View, ...]
    seconds: float
    began: float
    output: tuple[Event, ...]


class Ahead:
    """Implements :class:`.scheduler.LooksAhead`. ``fresh`` are the ids of layers that must be made again
    whatever is known of them. One object serves one build.
    """

    def __init__(
        self,
        store: Store,
        builder: LayerBuilder,
        tracer: TraceCache,
        fresh: Container[str],
        reporter: Reporter,
    ) -> None:
        self._store = store
        self._builder = builder
        self._tracer = tracer
        self._fresh = fresh
        self._report = reporter
        self._made: dict[str, Made] = {}
        self._given_up: set[str] = set()
        self._effects: dict[str, Effects] = {}
        self._learning = Lock()

    # --- before the parent is there -------------------------------------------------------------------

    def make(
        self, layer: ImageLayer, place: Place, inputs: tuple[LayerResult, ...]
    ) -> tuple[str, ...] | None:
        """Find or execute the layer at ``place``; none if it is left to its turn, or fails."""
        builder = self._builder
        if layer.id in self._given_up or not builder.observes or not _may_run_ahead(layer.operation):
            return None
        stack = (*place.there.stack, *place.guessed)
        stacks = tuple(item.stack for item in inputs)
        try:
            trees = builder.trees(layer, stack, stacks)
            if trees is None or not self._passes(layer, trees, place):
                return None
            if layer.id not in self._fresh:
                known = self._tracer.find(layer.operation, trees).result
                if known is not None:
                    return known.layers
            return self._execute(layer, stack, stacks)
        except (LayercError, OSError, BrokenViewError, CancelledStepError):
            self._given_up.add(layer.id)  # in its turn it may work, and if not, that tells why
            return None

    def _execute(
        self, layer: ImageLayer, stack: tuple[str, ...], inputs: Sequence[tuple[str, ...]]
    ) -> tuple[str, ...] | None:
        output: list[Event] = []

        quiet = copy(self._builder)
        quiet.report_to(output.append)
        task = f"ahead {layer.id}"
        self._report(TaskStarted(task, f"run ahead: {layer.provenance.title}"))
        began, started = time.time(), time.monotonic()
        executed = None
        try:
            executed = quiet.execute(layer, stack, inputs)
        finally:
            seconds = time.monotonic() - started
            self._report(TaskFinished(task, seconds, "" if executed is not None else "not now"))
        if executed.views is None:
            self._given_up.add(layer.id)
            return None
        self._made[layer.id] = Made(executed, executed.views, seconds, began, tuple(output))
        return executed.layers

    # --- whether to try -------------------------------------------------------------------------------

    def _passes(self, layer: ImageLayer, trees: Trees, place: Place) -> bool:
        """Whether there is reason to believe that the step takes nothing from the layers that it passes."""
        seen = self._seen(trace_key(layer.operation, trees), place.depths)
        if seen is not None:
            return seen
        from ...compiler.effects.model import obstacle

        effects = self._effects_of(layer)
        # A directory that both make is no obstacle to changing places, and is seen not to be there.
        looks = effects.reads | effects.writes.as_reads()
        passed = [self._effects_of(below) for below in place.passed]
        return not any(obstacle(below, effects) or looks.conflict(below.writes) for below in passed)

    def _seen(self, key: str, depths: Sequence[int]) -> bool | None:
        """Whether earlier runs took nothing from the layers that were as deep below them; none if none is known."""
        answer = None
        for _, data in self._store.traces(key):
            views = recorded(data)
            if not views or len(views[0].stack) < max(depths):
                continue
            stack = views[0].stack
            without = [
                item
                for depth, item in zip(range(len(stack), 0, -1), stack, strict=True)
                if depth not in depths
            ]
            try:
                if next(conflicts(self._store, views[0], without), None) is not None:
                    return False
            except StoreError:
                continue  # a layer of the recorded trees was collected
            answer = True
        return answer

    def _effects_of(self, layer: ImageLayer) -> Effects:
        """What the text of a step, and profiles of its tools, say of it."""
        from ...compiler.effects.steps import effects_of
        from ...compiler.optimize.facts import NO_FACTS

        with self._learning:
            if layer.id not in self._effects:
                self._effects[layer.id] = effects_of(layer, NO_FACTS)
            return self._effects[layer.id]

    # --- when it is ------------------------------------------------------------------------------------

    def take(self, layer: ImageLayer, trees: Trees | None) -> Made | None:
        """What the layer came to when it was made ahead, if that is what it comes to on ``trees``."""
        made = self._made.pop(layer.id, None)
        if made is None or trees is None or len(made.views) != len(trees.stacks):
            return None
        for view, stack in zip(made.views, trees.stacks, strict=True):
            conflict = next(conflicts(self._store, view, stack), None)
            if conflict is not None:
                where = f"{layer.provenance.file}:{layer.provenance.line}"
                path, change = conflict
                self._report(
                    Notice(f"the step ran ahead and runs again: /{path} has changed ({change})", where)
                )
                return None
        now = tuple(View(stack, view.trace) for view, stack in zip(made.views, trees.stacks, strict=True))
        return made._replace(executed=made.executed._replace(views=now), views=now)


def _may_run_ahead(operation: Operation) -> bool:
    """Steps that others may see at work, or that are given secrets, run once and in their turn."""
    if isinstance(operation, Run):
        return (
            operation.security == "sandbox"
            and not operation.devices
            and all(mount.kind not in _LEFT_IN_PLACE for mount in operation.mounts)
        )
    return not isinstance(operation, Base)
