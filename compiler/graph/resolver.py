"""``DependencyResolver``: what must be built, in which order, and what can be built at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from .graph import LayerGraph
from .layer import ImageLayer

__all__ = ["CriticalPath", "DependencyResolver"]


class CriticalPath(NamedTuple):
    """The layers that a build can not be faster than, in order, and the sum of their weights."""

    layers: tuple[ImageLayer, ...]
    weight: float


class DependencyResolver(NamedTuple):
    """Questions to a graph. Every answer is deterministic, and costs no more than the graph is large."""

    graph: LayerGraph

    def build_order(self, target: str | None = None) -> tuple[ImageLayer, ...]:
        """All layers (or those that ``target`` needs, and it), each behind those that it needs.

        Raises ``LayerGraphError`` for an unknown target.
        """
        return self.graph.build_order(target)

    def rebuild_affected_layers(self, changed_layer_id: str) -> tuple[ImageLayer, ...]:
        """The layer that changed and all that depend on it, and no others, in build order.

        Raises ``LayerGraphError`` for an unknown layer.
        """
        affected = self.graph.descendants(changed_layer_id) | {changed_layer_id}
        return tuple(self.graph[found] for found in sorted(affected, key=self.graph.index))

    def affected_by(self, changed: Iterable[str]) -> frozenset[str]:
        """Ids of layers that changed and of all that depend on any of them, in one pass over the graph. Ids that
        it does not have are left out.
        """
        affected = {layer_id for layer_id in changed if layer_id in self.graph}
        if affected:
            for layer in self.graph:
                if layer.id not in affected and not affected.isdisjoint(layer.references):
                    affected.add(layer.id)
        return frozenset(affected)

    def waves(self, target: str | None = None) -> tuple[tuple[ImageLayer, ...], ...]:
        """Layers that can be built at once: each wave needs only the waves before it."""
        waves: list[list[ImageLayer]] = []
        level: dict[str, int] = {}
        for layer in self.build_order(target):
            wave = max((level[needed] + 1 for needed in layer.references), default=0)
            level[layer.id] = wave
            if wave == len(waves):
                waves.append([])
            waves[wave].append(layer)
        return tuple(map(tuple, waves))

    def critical_path(
        self, weights: Mapping[str, float] | Callable[[ImageLayer], float], target: str | None = None
    ) -> CriticalPath:
        """The heaviest chain of layers; ``weights`` are by id (a layer without one weighs nothing), or a
        function. Of equal chains the one whose end comes first.
        """
        weigh = weights if callable(weights) else lambda layer: weights.get(layer.id, 0.0)
        total: dict[str, float] = {}
        before: dict[str, str | None] = {}
        end: str | None = None
        for layer in self.build_order(target):
            heaviest = max(layer.references, key=total.__getitem__, default=None)
            before[layer.id] = heaviest
            total[layer.id] = weigh(layer) + (total[heaviest] if heaviest is not None else 0.0)
            if end is None or total[layer.id] > total[end]:
                end = layer.id
        weight = 0.0 if end is None else total[end]
        path: list[ImageLayer] = []
        while end is not None:
            path.append(self.graph[end])
            end = before[end]
        return CriticalPath(tuple(reversed(path)), weight)
