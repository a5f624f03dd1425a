"""The plan as a page: the picture, details of each step, and all of it as a table. It works without a network.

Nothing of the Dockerfile is ever script or style: it is escaped text, and the page's own policy lets no script run
but the one in ``page.py``, by its digest.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..graph.plan import LayerPlan
from .annotation import NO_ANNOTATIONS, STATES, Annotations
from .emitter import Emitter

if TYPE_CHECKING:
    from .picture import Box, Lane, Picture

__all__ = ["HTML", "emit", "emit_picture"]

_TOOLS = """<div class="tools" hidden>
<input id="find" type="search" placeholder="Find a step" aria-label="Find a step">
<button id="smaller" aria-label="Smaller">\u2212</button>
<button id="larger" aria-label="Larger">+</button>
<button id="fit">Fit</button>
<button id="full">100 %</button>
</div>"""


def emit(plan: LayerPlan, annotations: Annotations = NO_ANNOTATIONS) -> str:
    """One document without references to others."""
    from .picture import draw

    return emit_picture(draw(plan, annotations).in_file_order(), "Build plan")


def emit_picture(picture: Picture, title: str, notes: str = "") -> str:
    """Any picture, under ``title``; ``notes`` (text) are shown before it."""
    from .drawing import STYLE, attribute, draw_elements, headline
    from .page import SCRIPT, STYLE_OF_PAGE, script_digest

    drawing = draw_elements(picture)
    told = attribute(headline(picture))
    size = f'width="{drawing.width}" height="{drawing.height}" viewBox="0 0 {drawing.width} {drawing.height}"'
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src '{script_digest()}'"
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{attribute(title)}</title>",
        f"<style>{STYLE}{STYLE_OF_PAGE}</style>",
        "</head>",
        '<body class="lc">',
        f"<header><div><h1>{attribute(title)}</h1><p>{told}</p></div>",
        _TOOLS,
        "</header>",
        f'<p class="notes">{attribute(notes)}</p>' if notes else "",
        _legend(picture),
        '<main><div id="view" tabindex="0" role="region" aria-label="Picture of the plan">',
        f'<svg id="drawing" class="lc" role="group" aria-label="Plan: {told}" {size}>',
        *drawing.elements,
        "</svg></div>",
        '<aside id="details" aria-live="polite" hidden></aside></main>',
        *_table(picture),
        f"<script>{SCRIPT}</script>",
        "</body>",
        "</html>",
    ]
    return "\n".join(filter(None, lines)) + "\n"


def _legend(picture: Picture) -> str:
    states = Counter(box.annotation.state for box in picture.boxes)
    if joined := sum(arrow.kind == "moved" for arrow in picture.arrows):
        states["moved"] = joined
    items = [
        f'<button class="key {state}" data-state="{state}" aria-pressed="false"><i></i>{meaning} '
        f"<b>{states[state]}</b></button>"
        for state, meaning in STATES.items()
        if state in states
    ]
    if any(box.is_critical for box in picture.boxes):
        items.append(
            '<button class="key longest" data-state="critical" aria-pressed="false"><i></i>critical path</button>'
        )
    if any(arrow.kind == "input" for arrow in picture.arrows):
        items.append('<span class="key dashed"><i></i>reads files of</span>')
    return f'<div class="legend">{"".join(items)}</div>' if items else ""


def _table(picture: Picture) -> list[str]:
    from .annotation import seconds_text, size_text

    known = [box.annotation for box in picture.boxes]
    columns = [
        ("State", any(item.state for item in known)),
        ("Time", any(item.seconds is not None for item in known)),
        ("Size", any(item.size is not None for item in known)),
        ("Note", any(item.note for item in known)),
    ]
    needs: dict[str, list[str]] = {}
    texts = {box.name: box.label for box in picture.boxes}
    for arrow in picture.arrows:
        if arrow.kind == "input":
            needs.setdefault(arrow.head, []).append(texts[arrow.tail])
    shown = [name for name, is_there in columns if is_there]
    head = "".join(
        f'<th scope="col">{name}</th>' for name in ("Stage", "Step", "Instruction", *shown, "Place")
    )
    lines = ["<h2>All steps</h2>", f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>']
    for lane in picture.lanes:
        for box in lane.boxes:
            item = box.annotation
            values = {
                "State": item.state,
                "Time": "" if item.seconds is None else seconds_text(item.seconds),
                "Size": "" if item.size is None else size_text(item.size),
                "Note": item.note,
            }
            lines.append(_row(lane, box, [(name, values[name]) for name in shown], needs.get(box.name, [])))
    return [*lines, "</tbody></table></div>"]


def _row(lane: Lane, box: Box, values: list[tuple[str, str]], needs: list[str]) -> str:
    from .drawing import attribute

    classes = " ".join(filter(None, (box.annotation.state, "critical" if box.is_critical else "")))
    cells = "".join(f'<td data-name="{name}">{attribute(value)}</td>' for name, value in values)
    reads = attribute("\n".join(needs))
    return (
        f'<tr class="{classes}" data-box="{box.name}" data-reads="{reads}">'
        f"<td>{attribute(lane.title)}</td><td>{box.step}</td>"
        f'<td class="code"><code>{attribute(box.source or box.text)}</code></td>{cells}'
        f"<td>{attribute(box.where)}</td></tr>"
    )


HTML = Emitter("html", ".html", emit)
