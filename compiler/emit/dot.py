"""The plan as a picture for Graphviz."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..graph.plan import LayerPlan
from .annotation import NO_ANNOTATIONS, Annotations, annotation_text
from .emitter import Emitter

if TYPE_CHECKING:
    from .picture import Arrow, Box, Lane

__all__ = ["DOT", "emit"]

_STYLES = {"parent": "", "input": "style=dashed", "image": "style=bold"}
_FILLS = {
    "cached": "#d3f0dc",
    "ran": "#d6e6fb",
    "changed": "#d6e6fb",
    "moved": "#e9dcfb",
    "new": "#fbe7b8",
    "removed": "#e4e4e4",
    "failed": "#fbd0cc",
}


def emit(plan: LayerPlan, annotations: Annotations = NO_ANNOTATIONS) -> str:
    """A ``digraph``: a cluster for each stage; dashed arrows for what is only read."""
    from .picture import draw

    picture = draw(plan, annotations)
    lines = ["digraph plan {", "  rankdir=TB;", '  node [shape=box, fontname="monospace"];']
    for lane in picture.lanes:
        lines += _lane(lane)
    lines += [f"  {box.name} [label={_quoted(box.label)}, shape=ellipse];" for box in picture.images]
    lines += [_arrow(arrow) for arrow in picture.arrows]
    return "\n".join([*lines, "}"]) + "\n"


def _lane(lane: Lane) -> list[str]:
    boxes = [_box(box) for box in lane.boxes]
    if not lane.title:
        return [f"  {box}" for box in boxes]
    head = [f"  subgraph cluster_{lane.name} {{", f"    label={_quoted(lane.title)};"]
    return [*head, *(f"    {box}" for box in boxes), "  }"]


def _box(box: Box) -> str:
    told = annotation_text(box.annotation)
    label = _quoted(box.label)
    attributes = [f"label={label[:-1]}\\n{told}{label[-1]}" if told else f"label={label}"]
    if box.annotation.state in _FILLS:
        attributes.append(f'style=filled, fillcolor="{_FILLS[box.annotation.state]}"')
    if box.annotation.note:
        attributes.append(f"tooltip={_quoted(box.annotation.note)}")
    if box.is_critical:
        attributes.append("penwidth=2")
    return f"{box.name} [{', '.join(attributes)}];"


def _arrow(arrow: Arrow) -> str:
    attributes = [_STYLES[arrow.kind], f"label={_quoted(arrow.text)}" if arrow.text else ""]
    attributes.append("penwidth=2" if arrow.is_critical else "")
    told = ", ".join(attribute for attribute in attributes if attribute)
    return f"  {arrow.tail} -> {arrow.head}{f' [{told}]' if told else ''};"


def _quoted(text: str) -> str:
    """A DOT string; what is no character at all is replaced."""
    text = text.encode("utf-8", "replace").decode()
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


DOT = Emitter("dot", ".dot", emit)
