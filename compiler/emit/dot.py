"""The plan as a picture for Graphviz."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..graph.plan import LayerPlan
from .emitter import Emitter

if TYPE_CHECKING:
    from .picture import Arrow, Box, Lane

__all__ = ["DOT", "emit"]

_STYLES = {"parent": "", "input": "style=dashed", "image": "style=bold"}


def emit(plan: LayerPlan) -> str:
    """A ``digraph``: a cluster for each stage; dashed arrows for what is only read."""
    from .picture import draw

    picture = draw(plan)
    lines = ["digraph plan {", "  rankdir=TB;", '  node [shape=box, fontname="monospace"];']
    for lane in picture.lanes:
        lines += _lane(lane)
    lines += [f"  {box.name} [label={_quoted(box.text)}, shape=ellipse];" for box in picture.images]
    lines += [_arrow(arrow) for arrow in picture.arrows]
    return "\n".join([*lines, "}"]) + "\n"


def _lane(lane: Lane) -> list[str]:
    boxes = [_box(box) for box in lane.boxes]
    if not lane.title:
        return [f"  {box}" for box in boxes]
    head = [f"  subgraph cluster_{lane.name} {{", f"    label={_quoted(lane.title)};"]
    return [*head, *(f"    {box}" for box in boxes), "  }"]


def _box(box: Box) -> str:
    return f"{box.name} [label={_quoted(box.text)}];"


def _arrow(arrow: Arrow) -> str:
    attributes = [_STYLES[arrow.kind], f"label={_quoted(arrow.text)}" if arrow.text else ""]
    told = ", ".join(attribute for attribute in attributes if attribute)
    return f"  {arrow.tail} -> {arrow.head}{f' [{told}]' if told else ''};"


def _quoted(text: str) -> str:
    """A DOT string; what is no character at all is replaced."""
    text = text.encode("utf-8", "replace").decode()
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


DOT = Emitter("dot", ".dot", emit)
