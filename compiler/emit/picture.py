"""What every picture of a plan shows: lanes (stages), boxes (layers and images), arrows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ..graph.layer import ImageLayer
from ..graph.operations import Copy, FromLayer, Run
from ..graph.plan import LayerPlan
from .annotation import NO_ANNOTATIONS, Annotation, Annotations

__all__ = ["Arrow", "Box", "Lane", "Picture", "draw", "shortened"]

_LONGEST = 72
_PLAIN = Annotation()


class Box(NamedTuple):
    """``name`` is made of letters, digits and ``_``; ``text`` is one line, not escaped, not shortened.

    ``step`` is its number in its stage (``2/5``). ``source`` is the instruction as written, ``where`` its place.
    ``is_critical``: it is on the path that takes longest when nothing is cached.
    """

    name: str
    text: str
    step: str = ""
    source: str = ""
    where: str = ""
    annotation: Annotation = _PLAIN
    is_critical: bool = False

    @property
    def label(self) -> str:
        """The text as one short line, with the number before it."""
        return shortened(
            f"{self.step} {self.text}" if self.step else self.text, _LONGEST + len(self.step) + 1
        )


class Lane(NamedTuple):
    """A stage. Without a title it is the only one, or images that are only copied from. It begins at ``line``."""

    name: str
    title: str
    boxes: tuple[Box, ...]
    line: int = 0


class Arrow(NamedTuple):
    """From a box to the one that needs it. ``kind``: ``parent`` (laid over it), ``input`` (reads it), ``image``
    (made of it); between two pictures ``same`` or ``moved``.
    """

    tail: str
    head: str
    kind: str
    text: str = ""
    is_critical: bool = False


class Picture(NamedTuple):
    """All of it, in the order of the plan. ``critical`` are the seconds of the critical path; none if no time is
    known. ``summary`` is a line about it, where there is one to say.
    """

    lanes: tuple[Lane, ...]
    images: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    critical: float | None = None
    summary: str = ""

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Those of all lanes."""
        return tuple(box for lane in self.lanes for box in lane.boxes)

    def in_file_order(self) -> Picture:
        """With lanes as the stages stand in the file."""
        return self._replace(lanes=tuple(sorted(self.lanes, key=lambda lane: lane.line)))


def draw(plan: LayerPlan, annotations: Annotations = NO_ANNOTATIONS, prefix: str = "") -> Picture:
    """The picture of ``plan``; all names begin with ``prefix``."""
    names = {layer.id: f"{prefix}layer{number}" for number, layer in enumerate(plan.layers)}
    path, critical = _critical_path(plan, annotations)
    lanes: dict[str, list[Box]] = {}
    lines: dict[str, int] = {}
    arrows: list[Arrow] = []
    for layer in plan.layers:
        name = names[layer.id]
        box = _box(name, layer, annotations.get(layer.id, _PLAIN), layer.id in path)
        place = layer.provenance
        lanes.setdefault(place.stage, []).append(box)
        lines[place.stage] = min(place.line, lines.get(place.stage, place.line))
        if layer.parent is not None:
            arrows.append(_arrow(names, layer.parent, layer.id, path, "parent"))
        arrows += [_arrow(names, needed, layer.id, path, "input", verb) for needed, verb in _inputs(layer)]
    images: list[Box] = []
    for number, image in enumerate(plan.images):
        text = " ".join(part for part in ("image", image.name, image.platform) if part)
        box = Box(f"{prefix}image{number}", text)
        images.append(box)
        if image.layer is not None:
            arrows.append(Arrow(names[image.layer], box.name, "image"))
    drawn = (
        Lane(f"{prefix}stage{number}", title, tuple(boxes), lines[title])
        for number, (title, boxes) in enumerate(lanes.items())
    )
    return Picture(tuple(drawn), tuple(images), tuple(arrows), critical)


def shortened(text: str, longest: int) -> str:
    """``text`` in no more than ``longest`` characters."""
    return text if len(text) <= longest else text[: longest - 1] + "\u2026"


def _box(name: str, layer: ImageLayer, annotation: Annotation, is_critical: bool) -> Box:
    where = layer.provenance
    text = " ".join((where.title or type(layer.operation).__name__).split())
    step = f"{where.step}/{where.steps}" if where.step else ""
    lines = f"{where.line}" if where.end_line <= where.line else f"{where.line}\u2013{where.end_line}"
    place = f"{where.file}:{lines}" if where.line else ""
    return Box(name, text, step, where.text.strip("\r\n"), place, annotation, is_critical)


def _arrow(
    names: Mapping[str, str], tail: str, head: str, path: Mapping[str, str | None], kind: str, text: str = ""
) -> Arrow:
    return Arrow(names[tail], names[head], kind, text, head in path and path[head] == tail)


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


def _critical_path(plan: LayerPlan, annotations: Annotations) -> tuple[dict[str, str | None], float | None]:
    """Layers of the path that takes longest, each with the one that it waits for, and its seconds. None without
    times.
    """
    ends: dict[str, tuple[float, str | None]] = {}
    for layer in plan.layers:
        last = max(layer.references, key=lambda layer_id: ends[layer_id][0], default=None)
        own = annotations.get(layer.id, _PLAIN).seconds or 0.0
        ends[layer.id] = (own + (0.0 if last is None else ends[last][0]), last)
    tops = [image.layer for image in plan.images if image.layer is not None]
    top: str | None = max(tops, key=lambda layer_id: ends[layer_id][0], default=None)
    if top is None or not ends[top][0]:
        return {}, None
    total = ends[top][0]
    path: dict[str, str | None] = {}
    while top is not None:
        path[top] = ends[top][1]
        top = path[top]
    # Where all steps wait for each other, the path is nothing special.
    return path if len(path) < len(plan.layers) else {}, total
