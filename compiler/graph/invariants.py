"""What is true of every graph of layers: checked after each pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .graph import LayerGraph
from .layer import ImageLayer
from .operations import Add, Base, Copy, FromLayer, MakeDir, Run

__all__ = ["INVARIANTS", "InvariantError", "check"]


class InvariantError(AssertionError):
    """A graph is not one: a mistake of ours, never of the user's. ``violations`` are sentences."""

    def __init__(self, violations: list[str]) -> None:
        super().__init__("; ".join(violations))
        self.violations = violations


def check(graph: LayerGraph) -> None:
    """Raise :class:`InvariantError` with all that is wrong with ``graph``."""
    violations = [found for invariant in INVARIANTS for found in invariant(graph)]
    if violations:
        raise InvariantError(violations)


def _is_acyclic(graph: LayerGraph) -> Iterator[str]:
    if not graph.is_acyclic():
        yield "layers need each other in a cycle"


def _references_come_before(graph: LayerGraph) -> Iterator[str]:
    seen: set[str] = set()
    for layer in graph:
        for needed in layer.references:
            if needed not in seen:
                yield f"{layer.id[:12]} comes before {needed[:12]}, which it needs"
        seen.add(layer.id)


def _inputs_are_used(graph: LayerGraph) -> Iterator[str]:
    """Every index is one of an input, every input has an index."""
    for layer in graph:
        used = {index for index in _indexes(layer) if index is not None}
        if used != set(range(len(layer.inputs))):
            yield f"{layer.id[:12]} reads inputs {sorted(used)} of {len(layer.inputs)}"


def _indexes(layer: ImageLayer) -> Iterator[int | None]:
    operation = layer.operation
    origins = []
    if isinstance(operation, Copy | Add):
        origins = [operation.origin]
    elif isinstance(operation, Run):
        origins = [mount.origin for mount in operation.mounts if mount.origin is not None]
    for origin in origins:
        if isinstance(origin, FromLayer):
            yield origin.index


def _bases_stand_alone(graph: LayerGraph) -> Iterator[str]:
    for layer in graph:
        if isinstance(layer.operation, Base) and layer.references:
            yield f"{layer.id[:12]} is a base image and yet laid over another"


def _paths_are_absolute(graph: LayerGraph) -> Iterator[str]:
    for layer in graph:
        operation = layer.operation
        paths: tuple[str, ...] = ()
        if isinstance(operation, Copy | Add):
            paths = (operation.dest,)
        elif isinstance(operation, MakeDir):
            paths = (operation.path,)
        elif isinstance(operation, Run):
            paths = (operation.cwd, *(mount.target for mount in operation.mounts if mount.target))
        for path in paths:
            if not path.startswith("/"):
                yield f"{layer.id[:12]} names {path!r}, which is not absolute"


def _histories_tell_of_layers(graph: LayerGraph) -> Iterator[str]:
    """An image's history has a line for each layer of its stack (a base image has lines of its own)."""
    for image in graph.images:
        own = 0
        layer_id = image.layer
        while layer_id is not None:
            layer = graph[layer_id]
            own += not isinstance(layer.operation, Base)
            layer_id = layer.parent
        told = sum(not item.empty_layer for item in image.history)
        if told < own:
            yield f"image {image.name!r} has {own} layers and a history of {told}"


INVARIANTS: tuple[Callable[[LayerGraph], Iterator[str]], ...] = (
    _is_acyclic,
    _references_come_before,
    _inputs_are_used,
    _bases_stand_alone,
    _paths_are_absolute,
    _histories_tell_of_layers,
)
