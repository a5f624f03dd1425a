"""What every picture of a plan shows: lanes (stages), boxes (layers and images), arrows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..graph.layer import ImageLayer
from ..graph.operations import Copy, FromLayer, Run
from ..graph.plan import LayerPlan

__all__ = ["Arrow", "Box", "Lane", "Picture", "draw"]

_LONGEST = 72


class Box(NamedTuple):
    """``name`` is an identifier of letters, digits and ``_``; ``text`` is one line, not escaped."""

    name: str
    text: str


class Lane(NamedTuple):
    """A stage (or, without a title, images that are only copied from)."""

    name: str
    title: str
    boxes: tuple[Box, ...]


class Arrow(NamedTuple):
    """From a box to the one that needs it. ``kind``: ``parent`` (laid over it), ``input`` (reads it) or
    ``image`` (made of it).
    """

    tail: str
    head: str
    kind: str
    text: str = ""


class Picture(NamedTuple):
    """All of it, in the order of the plan."""

    lanes: tuple[Lane, ...]
    images: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def draw(plan: LayerPlan) -> Picture:
    """The picture of ``plan``."""
    names = {layer.id: f"layer{number}" for number, layer in enumerate(plan.layers)}
    lanes: dict[str, list[Box]] = {}
    arrows: list[Arrow] = []
    for layer in plan.layers:
        name = names[layer.id]
        lanes.setdefault(layer.provenance.stage, []).append(Box(name, _text(layer)))
        if layer.parent is not None:
            arrows.append(Arrow(names[layer.parent], name, "parent"))
        arrows += [Arrow(names[needed], name, "input", verb) for needed, verb in _inputs(layer)]
    images: list[Box] = []
    for number, image in enumerate(plan.images):
        box = Box(f"image{number}", " ".join(part for part in ("image", image.name, image.platform) if part))
        images.append(box)
        if image.layer is not None:
            arrows.append(Arrow(names[image.layer], box.name, "image"))
    drawn = (
        Lane(f"stage{number}", title, tuple(boxes)) for number, (title, boxes) in enumerate(lanes.items())
    )
    return Picture(tuple(drawn), tuple(images), tuple(arrows))


def _text(layer: ImageLayer) -> str:
    where = layer.provenance
    text = " ".join((where.title or type(layer.operation).__name__).split())
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "\u2026"
    return f"{where.step}/{where.steps} {text}" if where.step else text


def _inputs(layer: ImageLayer) -> Iterator[tuple[str, str]]:
    """The layers that it reads, and for what."""
    verbs = dict.fromkeys(range(len(layer.inputs)), "")
    if isinstance(layer.operation, Copy):
        verbs = dict.fromkeys(verbs, "copy")
    elif isinstance(layer.operation, Run):
        for mount in layer.operation.mounts:
            if isinstance(mount.origin, FromLayer) and mount.origin.index is not None:
                verbs[mount.origin.index] = "mount"
    return ((needed, verbs[index]) for index, needed in enumerate(layer.inputs))
