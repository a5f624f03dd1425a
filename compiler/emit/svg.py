"""The plan as an SVG document: no script, nothing from outside, light or dark as the viewer likes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..graph.plan import LayerPlan
from .annotation import NO_ANNOTATIONS, STATES, Annotations
from .emitter import Emitter

if TYPE_CHECKING:
    from .picture import Picture

__all__ = ["SVG", "emit", "emit_picture"]

_HEAD = 64  # above the lanes: title and legend
_LEAST = 640


def emit(plan: LayerPlan, annotations: Annotations = NO_ANNOTATIONS) -> str:
    """Stages as lanes from left to right, steps as boxes from top to bottom, and what needs what."""
    from .picture import draw

    return emit_picture(draw(plan, annotations).in_file_order())


def emit_picture(picture: Picture) -> str:
    """Any picture."""
    from .drawing import STYLE, attribute, draw_elements, headline

    drawing = draw_elements(picture)
    width, height = max(drawing.width, _LEAST), drawing.height + _HEAD
    told = attribute(headline(picture))
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="lc" role="group" aria-labelledby="lc-title" {size}>',
        f'<title id="lc-title">Plan: {told}</title>',
        f"<style>{STYLE}</style>",
        f'<rect width="{width}" height="{height}" style="fill:var(--paper)"/>',
        f'<text class="title" x="24" y="34">{told}</text>',
        *_legend(picture),
        f'<g transform="translate(0 {_HEAD})">',
        *drawing.elements,
        "</g>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _legend(picture: Picture) -> list[str]:
    states = {box.annotation.state for box in picture.boxes}
    items, x = [], 24
    for state, meaning in STATES.items():
        if state in states:
            items.append(
                f'<g class="{state}"><rect class="stripe" x="{x}" y="51" width="10" height="10" rx="2"/>'
                f'<text class="soft" style="text-decoration:none" x="{x + 16}" y="60">{meaning}</text></g>'
            )
            x += 16 + 7 * len(meaning) + 20
    if any(box.is_critical for box in picture.boxes):
        items.append(
            f'<path class="arrow critical" d="M{x} 56h22"/>'
            f'<text class="soft" x="{x + 28}" y="60">critical path</text>'
        )
        x += 28 + 7 * 13 + 20
    if any(arrow.kind == "input" for arrow in picture.arrows):
        items.append(
            f'<path class="arrow input" d="M{x} 56h22"/><text class="soft" x="{x + 28}" y="60">files read</text>'
        )
    return items


SVG = Emitter("svg", ".svg", emit)
