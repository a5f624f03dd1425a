"""The plan as a Mermaid flowchart, which GitHub draws in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..graph.plan import LayerPlan
from .emitter import Emitter

if TYPE_CHECKING:
    from .picture import Arrow, Box, Lane

__all__ = ["MERMAID", "emit"]

_ARROWS = {"parent": "-->", "input": "-.->", "image": "==>"}
# Mermaid reads HTML and Markdown inside quoted labels; entities are its only escape.
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ./:=-,+@\u2026")


def emit(plan: LayerPlan) -> str:
    """A ``flowchart``: a subgraph for each stage; dotted arrows for what is only read."""
    from .picture import draw

    picture = draw(plan)
    lines = ["flowchart TB"]
    for lane in picture.lanes:
        lines += _lane(lane)
    lines += [f"  {box.name}([{_quoted(box.text)}])" for box in picture.images]
    lines += [_arrow(arrow) for arrow in picture.arrows]
    return "\n".join(lines) + "\n"


def _lane(lane: Lane) -> list[str]:
    boxes = [_box(box) for box in lane.boxes]
    if not lane.title:
        return [f"  {box}" for box in boxes]
    return [f"  subgraph {lane.name}[{_quoted(lane.title)}]", *(f"    {box}" for box in boxes), "  end"]


def _box(box: Box) -> str:
    return f"{box.name}[{_quoted(box.text)}]"


def _arrow(arrow: Arrow) -> str:
    label = f"|{_quoted(arrow.text)}|" if arrow.text else ""
    return f"  {arrow.tail} {_ARROWS[arrow.kind]}{label} {arrow.head}"


def _quoted(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()
    return '"' + "".join(char if char in _PLAIN else f"#{ord(char)};" for char in text) + '"'


MERMAID = Emitter("mermaid", ".mmd", emit)
