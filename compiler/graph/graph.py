"""``LayerGraph``: the DAG of layers, a thin and typed face over one ``networkx.DiGraph``.

Edges run from a layer to those that need it; the attribute ``parent`` says whether it is laid over it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import networkx as nx

from .layer import ImageLayer
from .plan import ImagePlan, LayerPlan, Notice

__all__ = ["LayerGraph", "LayerGraphError"]

if TYPE_CHECKING:
    Graph = nx.DiGraph[str]


class LayerGraphError(ValueError):
    """What was asked for would not be a graph of layers: an unknown layer, a cycle, a layer twice."""


class LayerGraph:
    """Layers, each behind all that it needs, and the images made of them. A change is a new graph.

    Graphs that grow out of each other share one ``networkx`` graph, of which each sees the first layers only;
    so a graph of N layers, added one by one, costs N.

    >>> from .operations import Base, Run
    >>> base = ImageLayer(Base("debian", "linux/amd64"))
    >>> graph = LayerGraph().add_layer(base).add_layer(ImageLayer(Run(("true",)), parent=base.id))
    >>> len(graph), len(graph.descendants(base.id))
    (2, 1)
    """

    def __init__(
        self,
        layers: Iterable[ImageLayer] = (),
        images: tuple[ImagePlan, ...] = (),
        notices: tuple[Notice, ...] = (),
    ) -> None:
        """``layers`` may come in any order. Raises :class:`LayerGraphError`."""
        self._graph: Graph = nx.DiGraph()
        self._index: dict[str, int] = {}
        self._size = 0
        self.images = images
        self.notices = notices
        for layer in _in_order(layers):
            self._append(layer)
        _check_images(self)

    # --- growing -------------------------------------------------------------------------------------

    def add_layer(self, layer: ImageLayer) -> LayerGraph:
        """The graph with ``layer`` at its end.

        Raises :class:`LayerGraphError` when ``layer`` needs one that is not in the graph, needs itself, or is
        in the graph already.
        """
        grown = self._handle(self.images)
        if self._size < len(self._index):  # another graph has grown out of this one
            grown = LayerGraph(self, self.images, self.notices)
        grown._append(layer)
        return grown

    def with_images(self, images: tuple[ImagePlan, ...]) -> LayerGraph:
        """The same layers, making other images."""
        return self._handle(images)

    def _handle(self, images: tuple[ImagePlan, ...]) -> LayerGraph:
        graph = LayerGraph()
        graph._graph, graph._index, graph._size = self._graph, self._index, self._size
        graph.images, graph.notices = images, self.notices
        _check_images(graph)
        return graph

    def _append(self, layer: ImageLayer) -> None:
        if layer.id in layer.references:
            raise LayerGraphError(f"layer {_told(layer)} needs itself")
        if layer.id in self:
            raise LayerGraphError(f"layer {_told(layer)} is in the graph already")
        for needed in layer.references:
            if needed not in self:
                role = "its parent" if needed == layer.parent else "an input"
                raise LayerGraphError(f"layer {_told(layer)} needs {needed[:12]} ({role}), which is unknown")
        self._graph.add_node(layer.id, layer=layer)
        for needed in layer.inputs:
            self._graph.add_edge(needed, layer.id, parent=False)
        if layer.parent is not None:
            self._graph.add_edge(layer.parent, layer.id, parent=True)
        self._index[layer.id] = self._size
        self._size += 1

    # --- reading -------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self._size

    def __contains__(self, layer_id: object) -> bool:
        return self._index.get(layer_id, self._size) < self._size  # type: ignore[call-overload, no-any-return]

    def __iter__(self) -> Iterator[ImageLayer]:
        for layer_id, index in self._index.items():
            if index >= self._size:
                return
            yield self._graph.nodes[layer_id]["layer"]

    def __getitem__(self, layer_id: str) -> ImageLayer:
        """The layer of that id. Raises :class:`LayerGraphError`."""
        if layer_id not in self:
            raise LayerGraphError(f"no layer {layer_id[:12]} in the graph")
        layer: ImageLayer = self._graph.nodes[layer_id]["layer"]
        return layer

    def index(self, layer_id: str) -> int:
        """Its place in the build order. Raises :class:`LayerGraphError`."""
        if layer_id not in self:
            raise LayerGraphError(f"no layer {layer_id[:12]} in the graph")
        return self._index[layer_id]

    @property
    def digraph(self) -> Graph:
        """A copy as ``networkx`` knows it: nodes carry ``layer``, edges ``parent``."""
        return self._graph.subgraph([layer.id for layer in self]).copy()

    def is_acyclic(self) -> bool:
        """Whether no layer needs itself, directly or not; true unless ids lie."""
        return bool(nx.is_directed_acyclic_graph(self._graph))

    def dependents(self, layer_id: str) -> tuple[ImageLayer, ...]:
        """The layers that need it directly."""
        self.index(layer_id)
        return self._sorted(found for found in self._graph.successors(layer_id) if found in self)

    def ancestors(self, layer_id: str) -> frozenset[str]:
        """Ids of all layers that it needs, directly or not."""
        self.index(layer_id)
        return frozenset(nx.ancestors(self._graph, layer_id))

    def descendants(self, layer_id: str) -> frozenset[str]:
        """Ids of all layers that need it, directly or not."""
        self.index(layer_id)
        return frozenset(found for found in nx.descendants(self._graph, layer_id) if found in self)

    def build_order(self, target: str | None = None) -> tuple[ImageLayer, ...]:
        """All layers, or those that ``target`` needs and it, each behind those that it needs."""
        return tuple(self) if target is None else self._sorted({target, *self.ancestors(target)})

    def _sorted(self, ids: Iterable[str]) -> tuple[ImageLayer, ...]:
        return tuple(self[layer_id] for layer_id in sorted(ids, key=self.index))

    # --- plans ---------------------------------------------------------------------------------------

    @classmethod
    def from_plan(cls, plan: LayerPlan) -> LayerGraph:
        """The graph of a plan."""
        return cls(plan.layers, plan.images, plan.notices)

    def to_plan(self) -> LayerPlan:
        """The plan of the graph."""
        return LayerPlan(tuple(self), self.images, self.notices)


def _check_images(graph: LayerGraph) -> None:
    for image in graph.images:
        if image.layer is not None and image.layer not in graph:
            raise LayerGraphError(f"image {image.name!r} is made of {image.layer[:12]}, which is unknown")


def _told(layer: ImageLayer) -> str:
    title = layer.provenance.title
    return f"{layer.id[:12]} ({title})" if title else layer.id[:12]


def _in_order(layers: Iterable[ImageLayer]) -> Iterator[ImageLayer]:
    """``layers`` with each behind all that it needs, otherwise as they come."""
    waiting = list(layers)
    given = {layer.id for layer in waiting}
    done: set[str] = set()
    blocked: dict[str, list[ImageLayer]] = {}
    left: dict[str, int] = {}
    for layer in waiting:
        missing = {needed for needed in layer.references if needed in given and needed not in done}
        if missing:
            left[layer.id] = len(missing)
            for needed in missing:
                blocked.setdefault(needed, []).append(layer)
            continue
        ready = [layer]
        while ready:
            found = ready.pop()
            yield found
            done.add(found.id)
            for waiter in reversed(blocked.pop(found.id, [])):
                left[waiter.id] -= 1
                if not left[waiter.id]:
                    del left[waiter.id]
                    ready.append(waiter)
    if left:
        names = ", ".join(layer_id[:12] for layer_id in sorted(left)[:5])
        raise LayerGraphError(f"layers need each other in a cycle: {names}")
