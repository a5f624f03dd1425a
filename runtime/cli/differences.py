"""A verdict of ``layerc verify`` as text for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .terminal import Style, clip, columns, visible, wants_colour

if TYPE_CHECKING:
    from ..engine.verify import Change, Step, Verdict
    from ..snapshot.entry import Entry

__all__ = ["show"]

_SHOWN = 20  # entries of a group
_SHOWN_DIFF = 12  # lines of a diff
_VALUE = 60  # columns of a config's value
_ORDER = ("files", "directories", "links", "devices", "fifos")


def show(verdict: Verdict, *, everything: bool = False, style: Style | None = None, screen: int = 0) -> str:
    """One line of counts, and below it what differs. ``everything``: without limits."""
    shown = _Showing(
        verdict,
        style or Style(wants_colour(sys.stdout)),
        sys.maxsize if everything else screen or columns(sys.stdout),
        everything=everything,
    )
    return "\n".join(shown.lines())


class _Showing:
    def __init__(self, verdict: Verdict, style: Style, screen: int, *, everything: bool) -> None:
        self._verdict = verdict
        self._style = style
        self._screen = screen
        self._most = sys.maxsize if everything else _SHOWN
        self._most_diff = sys.maxsize if everything else _SHOWN_DIFF
        self._hidden = False

    def lines(self) -> Iterator[str]:
        """All lines."""
        verdict = self._verdict
        yield self._summary()
        yield from self._config()
        yield from self._entries(verdict.blamed)
        if verdict.excused:
            yield ""
            yield "A's own doing: it differs here when it is built a second time, too"
            yield from self._entries(verdict.excused, brief=True)
        if verdict.unstable:
            yield ""
            yield f"equal here, but different when A was built a second time: {_entries(len(verdict.unstable))}"
            yield from self._entries(verdict.unstable, brief=True, sides=("the first", "the second"))
        for note in verdict.notes:
            yield f"note: {note}"
        if self._hidden:
            yield "--all shows the rest"

    def _summary(self) -> str:
        verdict = self._verdict
        total = sum(verdict.entries.values())
        kinds = ", ".join(_count(verdict.entries[kind], kind) for kind in _ORDER if verdict.entries.get(kind))
        counted = f"{_entries(total)} ({kinds})" if kinds else _entries(total)
        configs = " and the config" if verdict.config_compared else ""
        if verdict.equal:
            but = f", but for {_entries(len(verdict.excused))} of A's own doing" if verdict.excused else ""
            twice = "; A built twice is equal, too" if self._is_stable() else ""
            return f"{self._style('green', 'equal:')} {counted}{configs}{but}{twice}"
        parts = [_entries(len(verdict.blamed))] if verdict.blamed else []
        parts += [f"{_count(len(verdict.config), 'fields')} of the config"] if verdict.config else []
        return f"{self._style('red', 'different:')} {' and '.join(parts)}; A has {counted}"

    def _is_stable(self) -> bool:
        verdict = self._verdict
        return bool(verdict.rebuilt) and not verdict.unstable and not verdict.excused

    def _config(self) -> Iterator[str]:
        for change in self._verdict.config:
            yield ""
            yield self._style("bold", visible(change.field))
            yield from (f"  {side} {line}" for side, line in self._values(change.before, change.after))

    def _values(self, before: Any, after: Any) -> Iterator[tuple[str, str]]:
        """Of two lists only the items that differ."""
        if isinstance(before, list) and isinstance(after, list):
            old, new = ([json.dumps(item) for item in value] for value in (before, after))
            if set(old) != set(new):
                yield from (("-", visible(item)) for item in old if item not in new)
                yield from (("+", visible(item)) for item in new if item not in old)
                return
            yield "~", "the same in another order"
        for side, value in (("-", before), ("+", after)):
            text = "absent" if value is None else visible(json.dumps(value, ensure_ascii=False))
            yield side, clip(text, max(_VALUE, self._screen - 4))

    # --- entries ---------------------------------------------------------------------------------------

    def _entries(
        self, changes: Sequence[Change], *, brief: bool = False, sides: tuple[str, str] = ("A", "B")
    ) -> Iterator[str]:
        """Grouped by the steps that wrote them; ``brief``: by A's alone, and without diffs."""
        groups: dict[tuple[Step | None, Step | None], list[Change]] = {}
        for change in changes:
            key = (change.step or change.step_after, None) if brief else (change.step, change.step_after)
            groups.setdefault(key, []).append(change)
        for (step, after), group in groups.items():
            yield ""
            heading = _place(step) if brief and step is not None else _written_by(step, after)
            yield self._style("bold", clip(heading, self._screen))
            for change in group[: self._most]:
                yield from self._entry(change, sides, brief=brief)
            if len(group) > self._most:
                self._hidden = True
                yield f"  … and {_entries(len(group) - self._most)} more"

    def _entry(self, change: Change, sides: tuple[str, str], *, brief: bool) -> Iterator[str]:
        from ..engine.verify.causes import title_of

        title = title_of(change.cause)
        mark = {"added": "+", "removed": "-"}.get(change.aspects[0], "~")
        told = ", ".join(filter(None, (_told(change, aspect, sides) for aspect in change.aspects)))
        note = f"  [{title}]" if title and title != told else ""
        yield f"  {mark} /{visible(change.path)}  {told}{note}"
        if change.diff and not brief:
            lines = change.diff.split("\n")[2:]
            for line in lines[: self._most_diff]:
                colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
                yield f"      {self._style(colour, clip(visible(line), self._screen - 6))}"
            if len(lines) > self._most_diff:
                self._hidden = True
                yield f"      … and {len(lines) - self._most_diff} lines more"


def _told(change: Change, aspect: str, sides: tuple[str, str]) -> str:
    """In what an entry differs between two sides of these names."""
    before, after = change.before, change.after
    if aspect in ("removed", "added"):
        entry = before or after
        return f"only in {sides[before is None]}: {entry.kind if entry else ''}"
    if before is None or after is None:
        return aspect
    if aspect == "links":
        return f"names of one file: {_names(change.links_before)} -> {_names(change.links_after)}"
    if aspect == "content" and before.size == after.size:
        return f"content ({before.size} bytes)"
    if aspect == "xattrs":
        names = sorted({name for name, _ in {*before.xattrs} ^ {*after.xattrs}})
        return f"extended attributes {', '.join(map(visible, names))}"
    word = "content" if aspect == "content" else "link" if aspect == "target" else aspect
    return f"{word} {_value(before, aspect)} -> {_value(after, aspect)}"


def _value(entry: Entry, aspect: str) -> str:
    values = {
        "kind": entry.kind,
        "mode": f"{entry.mode:04o}",
        "owner": f"{entry.uid}:{entry.gid}",
        "content": f"{entry.size} bytes",
        "target": visible(entry.target),
        "device": "{}:{}".format(*entry.device),
        "time": f"{entry.mtime_ns / 1e9:.9f}",
    }
    return values[aspect]


def _names(paths: Iterable[str]) -> str:
    return " ".join("/" + visible(path) for path in paths)


def _written_by(step: Step | None, after: Step | None) -> str:
    """The steps of A and B that have a say about an entry; once, where they are the same."""
    if step is not None and after is not None and step.title == after.title:
        return _place(step)
    parts = [f"{side} {_place(each)}" for side, each in (("A:", step), ("B:", after)) if each is not None]
    return "   ".join(parts) if parts else "no step"


def _place(step: Step) -> str:
    where = f"{visible(step.file)}:{step.line} " if step.line else ""
    return where + visible(step.title)


def _entries(count: int) -> str:
    return _count(count, "entries")


def _count(number: int, plural: str) -> str:
    """``plural`` with its number, in the singular for one."""
    if number != 1:
        return f"{number:,} {plural}"
    singular = f"{plural[:-3]}y" if plural.endswith("ies") else plural.removesuffix("s")
    return f"1 {singular}"
