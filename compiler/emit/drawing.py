"""A picture as the elements of an SVG, for documents of its own and for pages."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from .annotation import STATES, annotation_text, seconds_text
from .layout import BOX_WIDTH, Column, Layout, Placed, Route, lay_out
from .picture import Box, Picture

__all__ = ["STYLE", "Drawing", "attribute", "clean", "draw_elements"]

_COLUMNS = 42  # characters in a line of a box
_CORNER = 6.0
_TITLE = 40  # characters of a lane's title

# Colours are variables, so that a page and a document of its own, light and dark, share the rest.
STYLE = """
.lc{--paper:#ffffff;--lane:#f4f5f8;--edge:#dfe2ea;--ink:#1b1f2a;--soft:#5c6475;--box:#ffffff;--line:#8b93a7;
--cached:#2f9e5f;--ran:#2f74d0;--changed:#2f74d0;--moved:#8250df;--new:#b7791f;--removed:#7d8597;--failed:#d1352b;
--critical:#e8590c}
@media (prefers-color-scheme:dark){.lc{--paper:#12151c;--lane:#1a1f29;--edge:#2c3442;--ink:#e6e9f0;--soft:#9aa4b8;
--box:#222936;--line:#69748a;--cached:#4cc38a;--ran:#5b9df5;--changed:#5b9df5;--moved:#a98bf0;--new:#e0a93e;
--removed:#8c94a6;--failed:#f26d64;--critical:#ff8a3d}}
.lc text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;
font-size:12px;fill:var(--ink);white-space:pre}
.lc .soft{fill:var(--soft);font-size:11px}
.lc .title{font-weight:700;font-size:13px}
.lc .word{font-weight:700}
.lc .lane{fill:var(--lane);stroke:var(--edge)}
.lc .card{fill:var(--box);stroke:var(--edge);stroke-width:1.2}
.lc .stripe{fill:var(--line)}
.lc .time{fill:var(--line);opacity:.55}
.lc .mark{font-size:11px;font-weight:700;fill:var(--soft)}
.lc .arrow{fill:none;stroke:var(--line);stroke-width:1.4}
.lc .tip{fill:var(--line)}
.lc .input{stroke-dasharray:5 4}
.lc .image{stroke-width:2.2}
.lc .same{stroke:var(--edge);stroke-width:1.4}
.lc .link-moved{stroke:var(--moved);stroke-width:2;stroke-dasharray:none}
.lc .critical .card{stroke:var(--critical);stroke-width:2.2}
.lc .arrow.critical{stroke:var(--critical);stroke-width:2.6}
.lc .tip.critical{fill:var(--critical)}
.lc .removed .card{stroke-dasharray:5 4}
.lc .removed text{text-decoration:line-through}
.lc .removed .mark,.lc .removed .soft{text-decoration:none}
""" + "".join(
    f".lc .{state} .stripe,.lc .{state} .time,.lc .{state} .mark{{fill:var(--{state})}}\n" for state in STATES
)


class Drawing(NamedTuple):
    """The elements of a picture in ``width`` and ``height`` (pixels)."""

    elements: tuple[str, ...]
    width: int
    height: int


def draw_elements(picture: Picture) -> Drawing:
    """All of ``picture``, without the document around it."""
    is_told = any(annotation_text(box.annotation) for box in picture.boxes)
    layout = lay_out(picture, 68 if is_told else 50)
    longest = max((box.annotation.seconds or 0.0 for box in picture.boxes), default=0.0)
    elements = [*map(_column, layout.columns), *_routes(layout)]
    elements += [_image(placed) if placed.is_image else _card(placed, longest) for placed in layout.boxes]
    return Drawing(tuple(elements), round(layout.width), round(layout.height))


def clean(text: str) -> str:
    """``text`` without what XML can not hold, or what could make it look like something else: control characters,
    halves of characters, marks that turn the direction of writing.
    """
    return "".join("\ufffd" if _is_hidden(char) else char for char in text)


def _is_hidden(char: str) -> bool:
    if char in "\t\n":
        return False
    return unicodedata.category(char) in ("Cc", "Cs", "Cf", "Zl", "Zp") or char in "\ufffe\uffff"


def attribute(text: str) -> str:
    """``text`` between quotes, for elements and attributes alike."""
    return escape(clean(text), quote=True)


# --- boxes ---------------------------------------------------------------------------------------------------


def _column(column: Column) -> str:
    said = column.lane.title or ("steps" if any(box.step for box in column.lane.boxes) else "images")
    title = _cut(" ".join(clean(said).split()), _TITLE)[0]
    return (
        f'<g><rect class="lane" x="{column.x:g}" y="{column.y:g}" width="{column.width:g}" '
        f'height="{column.height:g}" rx="12"/>'
        f'<text class="title" x="{column.x + 16:g}" y="{column.y + 25:g}">{escape(title)}'
        f"<title>{attribute(said)}</title></text></g>"
    )


def _card(placed: Placed, longest: float) -> str:
    box, x, y, height, _ = placed
    known = box.annotation
    classes = " ".join(filter(None, ("box", known.state, "critical" if box.is_critical else "")))
    lines = _wrapped(box.text)
    keyword, blank, rest = lines[0].partition(" ")
    first = y + (20 if lines[1] else 26)
    parts = [
        f'<g class="{classes}" id="{box.name}" role="img" tabindex="0" aria-label="{attribute(spoken(box))}">',
        f"<title>{attribute(spoken(box))}</title>",
        f'<rect class="card" x="{x:g}" y="{y:g}" width="{BOX_WIDTH}" height="{height:g}" rx="8"/>',
        f'<path class="stripe" d="M{x + 8:g} {y:g}h-1a7 7 0 0 0-7 7v{height - 14:g}a7 7 0 0 0 7 7h1"/>'
        if known.state
        else "",
        f'<text x="{x + 14:g}" y="{first:g}">',
        f'<tspan class="word">{escape(keyword)}</tspan>{escape(blank + rest)}</text>',
        f'<text x="{x + 14:g}" y="{y + 37:g}">{escape(lines[1])}</text>' if lines[1] else "",
    ]
    if height > 60:
        state, dot, rest = annotation_text(known).partition(" \u00b7 ")
        state, rest = (state, dot + rest) if known.state else ("", state + dot + rest)
        parts.append(
            f'<text class="soft" x="{x + 14:g}" y="{y + 56:g}"><tspan class="mark">{escape(state)}</tspan>'
            f"{escape(rest)}</text>"
        )
        if known.seconds and longest:
            width = max(2.0, (BOX_WIDTH - 16) * known.seconds / longest)
            parts.append(
                f'<rect class="time" x="{x + 8:g}" y="{y + height - 5:g}" width="{width:.1f}" height="3" rx="1.5"/>'
            )
    if box.step:
        parts.append(_step(box, x, y + height - 12))
    return "".join([*parts, "</g>"])


def _step(box: Box, x: float, y: float) -> str:
    return (
        f'<text class="soft" x="{x + BOX_WIDTH - 12:g}" y="{y:g}" text-anchor="end">{escape(box.step)}</text>'
    )


def _image(placed: Placed) -> str:
    box, x, y, height, _ = placed
    top = y + (height - 36) / 2
    text = _cut(clean(box.text), _COLUMNS - 2)[0]
    return (
        f'<g class="box result" id="{box.name}" role="img" tabindex="0" aria-label="{attribute(box.text)}">'
        f"<title>{attribute(box.text)}</title>"
        f'<rect class="card" x="{x:g}" y="{top:g}" width="{BOX_WIDTH}" height="36" rx="18"/>'
        f'<text class="word" x="{x + BOX_WIDTH / 2:g}" y="{top + 22.5:g}" text-anchor="middle">'
        f"{escape(text)}</text></g>"
    )


def spoken(box: Box) -> str:
    """All of a box in words."""
    known = box.annotation
    parts = [f"step {box.step}: {box.text}" if box.step else box.text, annotation_text(known), known.note]
    parts += ["on the critical path" if box.is_critical else "", box.where]
    return "\n".join(filter(None, parts))


def _wrapped(text: str) -> tuple[str, str]:
    """Two lines that a box has room for; what does not fit ends in an ellipsis."""
    text = " ".join(clean(text).split())
    first, rest = _cut(text, _COLUMNS, "")
    if not rest:
        return first, ""
    if not rest.startswith(" "):
        # After a blank if there is one, else after a sign between words, else anywhere.
        for signs in (" ", "/-=,:;&|"):
            end = 1 + max(map(first.rfind, signs))
            if end > _COLUMNS // 2:
                first, rest = first[:end], first[end:] + rest
                break
    return first.rstrip(), _cut(rest.lstrip(), _COLUMNS)[0]


def _cut(text: str, columns: int, mark: str = "\u2026") -> tuple[str, str]:
    """The beginning of a text that is that wide, with ``mark`` if it is not all, and the rest. Some characters are
    as wide as two, some have no width.
    """
    used = 0
    ends = [0]
    for number, char in enumerate(text):
        used += 0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        if used > columns:
            end = number if not mark else ends[-2] if len(ends) > 1 else 0
            return text[:end] + mark, text[end:]
        ends.append(number + 1)
    return text, ""


# --- arrows --------------------------------------------------------------------------------------------------


def _routes(layout: Layout) -> Iterator[str]:
    # What is critical comes last, above the others.
    for route in sorted(layout.routes, key=lambda route: route.arrow.is_critical):
        arrow = route.arrow
        critical = " critical" if arrow.is_critical else ""
        ends = f'data-tail="{arrow.tail}" data-head="{arrow.head}"'
        if arrow.kind in ("same", "moved"):
            kind = "link-moved" if arrow.kind == "moved" else "same"
            yield f'<path class="arrow {kind}" {ends} d="{_curve(route)}"/>'
            continue
        end, before = route.points[-1], route.points[-2]
        yield (
            f'<path class="arrow {arrow.kind}{critical}" {ends} d="{_rounded(_shortened(route.points))}"/>'
            f'<path class="tip{critical}" {ends} d="{_tip(before, end)}"/>'
        )


_Point = tuple[float, float]


def _shortened(points: Sequence[_Point]) -> list[_Point]:
    """Ends within the arrow's tip."""
    (x, y), (before_x, before_y) = points[-1], points[-2]
    length = 6.0
    back = (x - length * _sign(x - before_x), y - length * _sign(y - before_y))
    return [*points[:-1], back]


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _tip(before: _Point, end: _Point) -> str:
    x, y = end
    dx, dy = _sign(x - before[0]), _sign(y - before[1])
    if dx:
        return f"M{x:g} {y:g}l{-8 * dx:g} -4.5v9z"
    return f"M{x:g} {y:g}l-4.5 {-8 * dy:g}h9z"


def _rounded(points: Sequence[_Point]) -> str:
    """Straight lines with round corners."""
    parts = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for (ax, ay), (bx, by), (cx, cy) in zip(points, points[1:], points[2:], strict=False):
        one, two = abs(bx - ax) + abs(by - ay), abs(cx - bx) + abs(cy - by)
        size = min(_CORNER, one / 2, two / 2)
        start = (bx - size * _sign(bx - ax), by - size * _sign(by - ay))
        stop = (bx + size * _sign(cx - bx), by + size * _sign(cy - by))
        parts.append(f"L{start[0]:g} {start[1]:g}Q{bx:g} {by:g} {stop[0]:g} {stop[1]:g}")
    parts.append(f"L{points[-1][0]:g} {points[-1][1]:g}")
    return "".join(parts)


def _curve(route: Route) -> str:
    (ax, ay), (bx, by) = route.points
    half = (bx - ax) / 2
    return f"M{ax:g} {ay:g}C{ax + half:g} {ay:g} {bx - half:g} {by:g} {bx:g} {by:g}"


def headline(picture: Picture) -> str:
    """The picture in one line."""
    if picture.summary:
        return picture.summary
    boxes = picture.boxes
    states = [box.annotation.state for box in boxes]
    parts = [_count(len(boxes), "step")]
    if len(picture.lanes) > 1:
        parts.append(_count(sum(bool(lane.title) for lane in picture.lanes), "stage"))
    parts += [f"{states.count(state)} {state}" for state in STATES if state in states]
    times = [box.annotation.seconds for box in boxes if box.annotation.seconds is not None]
    if times:
        parts.append(f"{seconds_text(sum(times))} of work")
    if picture.critical is not None:
        parts.append(f"critical path {seconds_text(picture.critical)}")
    return " \u00b7 ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
