"""A picture of where the time of rebuilds goes: SVG that stands alone, for light and dark pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from .report import Costs, Report

__all__ = ["draw"]

_WIDTH = 960
_MARGIN = 24
_LABEL = 430  # where bars begin
_FIGURE = 90  # room for the figure behind a bar
_ROW = 34
_BAR = 10
_LONGEST = 54  # characters of a step's name
_STEPS = 24  # steps that are shown: those that cost most
_STRIP = 80  # height of one replay
_GAP = 10  # below it
_COMMITS = 500
_STYLE = """\
svg { --page: #ffffff; --ink: #1f2328; --soft: #59636e; --line: #d1d9e0; --classic: #b35900; --layerc: #0969da;
  background: var(--page); font: 13px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) {
  svg { --page: #0d1117; --ink: #e6edf3; --soft: #9198a1; --line: #3d444d; --classic: #f0883e; --layerc: #58a6ff; }
}
text { fill: var(--ink); }
.head { font-size: 15px; font-weight: 600; }
.soft { fill: var(--soft); }
.step { font-family: ui-monospace, monospace; font-size: 12px; }
.end { text-anchor: end; }
.middle { text-anchor: middle; }
.classic { fill: var(--classic); }
.layerc { fill: var(--layerc); }
.pale { opacity: 0.4; }
.line { stroke: var(--line); }
"""


class _Row(NamedTuple):
    """A name and bars below each other; a bar is its class and its seconds."""

    name: str
    bars: tuple[tuple[str, float], ...]
    is_step: bool = False


def draw(report: Report) -> str:
    """The picture: what each step costs per change with either cache, the sums, and each commit of the replay."""
    parts: list[str] = []
    y = _MARGIN + 14
    parts.append(_text(_MARGIN, y, "Where the time of rebuilds goes", "head"))
    parts += _legend(y)
    y += 18
    parts.append(_text(_MARGIN, y, f"seconds per change, {_basis(report)}", "soft"))
    y += 20
    rows = [*_totals(report), *_steps(report)]
    longest = max((seconds for row in rows for _, seconds in row.bars), default=0.0)
    count = len(rows) - len(_steps(report))
    for number, row in enumerate(rows):
        if number == count:
            parts.append(_rule(y - 6))
            y += 8
        parts += _bars(row, y, longest)
        y += max(_ROW, (_BAR + 2) * len(row.bars) + 10)
    if report.from_history:
        parts.append(_rule(y - 6))
        y += 22
        parts += _replay(report, y)
        y += 2 * (_STRIP + _GAP) + 24
    height = y + _MARGIN
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" role="img" aria-label="Where the time of rebuilds goes">'
    )
    page = f'<rect width="{_WIDTH}" height="{height}" fill="var(--page)"/>'
    return "\n".join((head, f"<style>\n{_STYLE}</style>", page, *parts, "</svg>", ""))


def _basis(report: Report) -> str:
    words = {
        "measured": "by times of earlier builds and the git history",
        "history": "by the git history; some times are estimates",
        "estimate": "by assumed changes: there is no git history",
    }
    return words[report.before[0].source]


def _legend(y: int) -> Iterator[str]:
    x = _WIDTH - _MARGIN - 250
    for colour, words in (("classic", "classic cache"), ("layerc", "layerc's cache")):
        yield f'<rect x="{x}" y="{y - 10}" width="12" height="12" rx="2" class="{colour}"/>'
        yield _text(x + 18, y, words, "")
        x += 130


def _totals(report: Report) -> list[_Row]:
    rows = [_Row("today's Dockerfile", _both(report.before))]
    if report.after:
        rows.append(_Row("the optimised one", _both(report.after)))
    return rows


def _both(costs: Sequence[Costs]) -> tuple[tuple[str, float], ...]:
    return tuple((item.model, item.expected) for item in costs)


def _steps(report: Report) -> list[_Row]:
    """The steps that cost anything, in build order."""
    pairs = list(zip(*(costs.steps for costs in report.before), strict=True))
    shown = sorted(
        (index for index, steps in enumerate(pairs) if any(step.expected for step in steps)),
        key=lambda index: -pairs[index][0].expected,
    )[:_STEPS]
    rows: list[_Row] = []
    for index in sorted(shown):
        place = pairs[index][0].layer.provenance
        number = f"{place.step}/{place.steps}" if place.step else ""
        where = " ".join(part for part in (place.stage, number) if part)
        title = " ".join(place.title.split())
        bars = tuple(
            (costs.model, step.expected) for costs, step in zip(report.before, pairs[index], strict=True)
        )
        rows.append(_Row(f"[{where}] {title}" if where else title, bars, is_step=True))
    return rows


def _bars(row: _Row, y: int, longest: float) -> Iterator[str]:
    name = row.name if len(row.name) <= _LONGEST else f"{row.name[: _LONGEST - 1]}…"
    yield _text(_LABEL - 14, y + 14, name, "step end" if row.is_step else "end")
    room = _WIDTH - _MARGIN - _FIGURE - _LABEL
    for number, (colour, seconds) in enumerate(row.bars):
        top = y + 2 + number * (_BAR + 2)
        length = room * seconds / longest if longest else 0
        yield (
            f'<rect x="{_LABEL}" y="{top}" width="{max(length, 1):.1f}" height="{_BAR}" rx="2" class="{colour}"/>'
        )
        yield _text(round(_LABEL + length + 6), top + _BAR - 1, _seconds(seconds), "soft")


def _replay(report: Report, y: int) -> Iterator[str]:
    """A strip for each cache, one bar a commit: the optimised Dockerfile before today's, which is paler."""
    count = min(len(report.changes), _COMMITS)
    longest = max((item.seconds for costs in report.columns for item in costs.rebuilds[:count]), default=0.0)
    what = f"{count} commits" if count > 1 else "commit"
    yield _text(_MARGIN, y, f"The last {what}, replayed", "head")
    if report.after:
        yield _text(_WIDTH - _MARGIN, y, "pale: today's Dockerfile; strong: the optimised one", "soft end")
    for costs in report.before:
        after = report.of(costs.model, after=True) if report.after else None
        yield from _strip(costs, after, y + 14, count, longest)
        y += _STRIP + _GAP
    yield _text(_MARGIN, y + 24, "oldest", "soft")
    yield _text(_WIDTH // 2, y + 24, f"the highest bar is {_seconds(longest)}", "soft middle")
    yield _text(_WIDTH - _MARGIN, y + 24, "newest", "soft end")


def _strip(costs: Costs, after: Costs | None, y: int, count: int, longest: float) -> Iterator[str]:
    pitch = (_WIDTH - 2 * _MARGIN) / count
    width = max(min(pitch * 0.8, 24), 0.8)
    series = [(costs, "" if after is None else " pale"), *([(after, "")] if after is not None else [])]
    for item, shade in series:
        for number, rebuild in enumerate(reversed(item.rebuilds[:count])):
            tall = _STRIP * rebuild.seconds / longest if longest else 0
            if tall:
                yield (
                    f'<rect x="{_MARGIN + pitch * number:.1f}" y="{y + _STRIP - tall:.1f}" width="{width:.1f}" '
                    f'height="{tall:.1f}" class="{costs.model}{shade}"/>'
                )
    yield _rule(y + _STRIP)


def _rule(y: int) -> str:
    return f'<line x1="{_MARGIN}" x2="{_WIDTH - _MARGIN}" y1="{y}" y2="{y}" class="line"/>'


def _text(x: int, y: int, text: str, kind: str) -> str:
    shown = "".join(letter if letter.isprintable() else "�" for letter in text)
    attribute = f' class="{kind}"' if kind else ""
    return f'<text x="{x}" y="{y}"{attribute}>{escape(shown)}</text>'


def _seconds(value: float) -> str:
    if value < 0.05:
        return "0 s" if value <= 0 else "<0.1 s"
    return f"{value:.1f} s" if value < 99.95 else f"{value / 60:.1f} min"
