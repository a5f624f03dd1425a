"""Answers for people. What comes from the Dockerfile is made harmless before it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ....compiler.call import Outline, OutlineItem, Target
from ....compiler.checks import find_rule
from ....compiler.graph.plan import Notice
from ....grammar.source import SourceFile
from ...engine.call import Checked
from ..terminal import Style, clip, visible, width

__all__ = ["check_text", "outline_text", "targets_text"]

_SHOWN_LINES = 12
_GAP = "   "


def targets_text(targets: Iterable[Target]) -> str:
    """A table of stages."""
    rows = [("TARGET", "BASE", "PLATFORM", "DESCRIPTION")]
    for target in targets:
        default = "(default)" if target.default else ""
        name = " ".join(part for part in (target.name, default) if part) or "-"
        rows.append((name, target.base, target.platform, target.description))
    return _table(rows)


def outline_text(outline: Outline) -> str:
    """What the target is, and a table of each kind of thing that it takes."""
    head = [f"TARGET: {visible(outline.name or '(default)')}"]
    if outline.description:
        head.append(f"DESCRIPTION: {visible(outline.description)}")
    parts = ["\n".join(head)]
    if outline.arguments:
        rows = [("BUILD ARG", "VALUE", "LINE", "DESCRIPTION")]
        rows += [(item.name, item.value, str(item.line), item.description) for item in outline.arguments]
        parts.append(_table(rows))
    for title, items in (("SECRET", outline.secrets), ("SSH", outline.ssh)):
        parts += [_table([(title, "REQUIRED", "LINE"), *map(_mount_row, items)])] if items else []
    if outline.caches:
        parts.append(_table([("CACHE", "LINE"), *((item.name, str(item.line)) for item in outline.caches)]))
    return "\n\n".join(parts)


def _mount_row(item: OutlineItem) -> tuple[str, str, str]:
    return item.name, "yes" if item.required else "", str(item.line)


def check_text(checked: Checked, style: Style, screen: int) -> str:
    """Each warning with its lines, from the top of the file down; how many there are."""
    rules = sorted((notice for notice in checked.notices if notice.rule), key=lambda notice: notice.line)
    others = [notice for notice in checked.notices if not notice.rule]
    blocks = [f"{style('yellow', 'warning:')} {visible(notice.message)}" for notice in others]
    blocks += ["\n".join(_warning(notice, checked.source, style, screen)) for notice in rules]
    if rules:
        count = "1 warning" if len(rules) == 1 else f"{len(rules)} warnings"
        blocks.append(style("bold", f"{count} found"))
    elif checked.error is None:
        blocks.append("no warnings found")
    return "\n\n".join(blocks)


def _warning(notice: Notice, source: SourceFile, style: Style, screen: int) -> Iterator[str]:
    rule = find_rule(notice.rule)
    margin = len(str(notice.end_line))
    bar = style("blue", "|")
    yield f"{style('yellow', 'warning:')} {style('bold', visible(notice.message))}"
    yield f"{' ' * margin}{style('blue', '-->')} {visible(notice.file)}:{notice.line}"
    yield f"{' ' * margin} {bar}"
    last = min(notice.end_line, notice.line + _SHOWN_LINES - 1)
    for line in range(notice.line, last + 1):
        text = clip(visible(source.line_text(line)), screen - margin - 3)
        yield f"{style('blue', str(line).rjust(margin))} {bar} {text}".rstrip()
    if last < notice.end_line:
        yield f"{' ' * margin} {bar} …"
    told = f": {rule.description}" if rule and rule.description != notice.message else ""
    yield f"{style('cyan', 'rule:')} {notice.rule}{told}"
    if rule and rule.url:
        yield f"      {rule.url}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Columns that are empty below their title are left out."""
    shown = [[visible(cell) for cell in row] for row in rows]
    kept = [index for index in range(len(rows[0])) if index == 0 or any(row[index] for row in shown[1:])]
    widths = [max(width(row[index]) for row in shown) for index in kept]
    return "\n".join(
        _GAP.join(
            row[index] + " " * (size - width(row[index])) for index, size in zip(kept, widths, strict=True)
        ).rstrip()
        for row in shown
    )
