"""From a built stack and an image's plan to the image config document.

Layers and metadata meet here and nowhere else: a changed LABEL or CMD costs this function and no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...compiler.config import HistoryItem, rfc3339
from ...compiler.graph.layer import ImageLayer
from ...compiler.graph.operations import Base
from ...compiler.graph.plan import ImagePlan, LayerPlan

__all__ = ["config_document", "own_layers"]


def config_document(image: ImagePlan, layers: Sequence[tuple[str, float]]) -> dict[str, Any]:
    """The OCI image config. ``layers`` are (diff ID, Unix time of creation), from the bottom up.

    Times are those of the layers, so the same layers and the same metadata give the same document whenever
    it is assembled. Raises ``ValueError`` when the history does not account for the layers.
    """
    history = _with_times(image.history, [created for _, created in layers])
    document = image.config.to_document()
    if history and history[-1].created:
        document["created"] = history[-1].created
    document["rootfs"] = {"type": "layers", "diff_ids": [diff_id for diff_id, _ in layers]}
    document["history"] = [_history_document(item) for item in history]
    return document


def own_layers(plan: LayerPlan, image: ImagePlan) -> tuple[ImageLayer, ...]:
    """The layers of ``image`` above those of its base image, bottom first."""
    layers = {layer.id: layer for layer in plan.layers}
    found, layer = [], layers.get(image.layer or "")
    while layer is not None and not isinstance(layer.operation, Base):
        found.append(layer)
        layer = layers.get(layer.parent or "")
    return tuple(reversed(found))


def _with_times(history: Sequence[HistoryItem], created: Sequence[float]) -> list[HistoryItem]:
    """Fill in missing times: a layer has its own, metadata that of the layer before it, or, directly above
    the base image, that of the first new layer (as BuildKit's exporter does).
    """
    layer_items = sum(not item.empty_layer for item in history)
    if layer_items != len(created):
        raise ValueError(f"the history tells of {layer_items} layers, the image has {len(created)}")
    times = iter(created)
    own: list[str | None] = []
    for item in history:
        time = None if item.empty_layer else rfc3339(next(times))
        own.append(item.created or time)
    new = [item.created is None for item in history]
    first_new = next((time for time, is_new in zip(own, new, strict=True) if is_new and time), None)
    current = first_new or next((time for time in reversed(own) if time), None)
    filled: list[HistoryItem] = []
    for item, time in zip(history, own, strict=True):
        if time and item.created is None:
            current = time
        filled.append(item._replace(created=time or current))
    return filled


def _history_document(item: HistoryItem) -> dict[str, Any]:
    values = {key: value for key, value in item._asdict().items() if value}
    order = ("created", "created_by", "author", "comment", "empty_layer")
    return {key: values[key] for key in order if key in values}
