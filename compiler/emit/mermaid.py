"""The plan as a Mermaid flowchart, which GitHub draws in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..graph.plan import LayerPlan
from .annotation import NO_ANNOTATIONS, Annotations, annotation_text
from .emitter import Emitter

if TYPE_CHECKING:
    from .picture import Arrow, Box, Lane

__all__ = ["MERMAID", "emit"]

_ARROWS = {"parent": "-->", "input": "-.->", "image": "==>"}
_CLASSES = {
    "cached": "fill:#d3f0dc,stroke:#2f8a4f,color:#111",
    "ran": "fill:#d6e6fb,stroke:#2b6cb0,color:#111",
    "changed": "fill:#d6e6fb,stroke:#2b6cb0,color:#111",
    "moved": "fill:#e9dcfb,stroke:#7a4fc0,color:#111",
    "new": "fill:#fbe7b8,stroke:#a9720a,color:#111",
    "removed": "fill:#e4e4e4,stroke:#777,color:#111,stroke-dasharray:4",
    "failed": "fill:#fbd0cc,stroke:#c0362c,color:#111",
}
# Mermaid reads HTML and Markdown inside quoted labels; entities are its only escape.
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ./:=-,+@\u2026")


def emit(plan: LayerPlan, annotations: Annotations = NO_ANNOTATIONS) -> str:
    """A ``flowchart``: a subgraph for each stage; dotted arrows for what is only read."""
    from .picture import draw

    picture = draw(plan, annotations)
    lines = ["flowchart TB"]
    for lane in picture.lanes:
        lines += _lane(lane)
    lines += [f"  {box.name}([{_quoted(box.label)}])" for box in picture.images]
    lines += [_arrow(arrow) for arrow in picture.arrows]
    lines += _classes(picture.boxes)
    return "\n".join(lines) + "\n"


def _lane(lane: Lane) -> list[str]:
    boxes = [_box(box) for box in lane.boxes]
    if not lane.title:
        return [f"  {box}" for box in boxes]
    return [f"  subgraph {lane.name}[{_quoted(lane.title)}]", *(f"    {box}" for box in boxes), "  end"]


def _box(box: Box) -> str:
    told = annotation_text(box.annotation)
    return f"{box.name}[{_quoted(f'{box.label} - {told}' if told else box.label)}]"


def _classes(boxes: Sequence[Box]) -> list[str]:
    """Colours, by what is known of the layers, and a thick line around the critical path."""
    lines: list[str] = []
    for state, style in _CLASSES.items():
        if names := [box.name for box in boxes if box.annotation.state == state]:
            lines += [f"  classDef {state} {style}", f"  class {','.join(names)} {state}"]
    if names := [box.name for box in boxes if box.is_critical]:
        lines += ["  classDef critical stroke-width:3px", f"  class {','.join(names)} critical"]
    return lines


def _arrow(arrow: Arrow) -> str:
    label = f"|{_quoted(arrow.text)}|" if arrow.text else ""
    return f"  {arrow.tail} {_ARROWS[arrow.kind]}{label} {arrow.head}"


def _quoted(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()
    return '"' + "".join(char if char in _PLAIN else f"#{ord(char)};" for char in text) + '"'


MERMAID = Emitter("mermaid", ".mmd", emit)
