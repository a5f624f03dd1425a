"""The text around instructions: comments and blank lines before them, marks at their ends."""

from __future__ import annotations

from ...grammar.lines import Reader
from ...grammar.source import SourceFile

__all__ = ["closed", "cut_lead", "joined_leads"]


def cut_lead(lead: str) -> tuple[str, str]:
    """``lead`` cut before the comments that stand right above the instruction."""
    lines = lead.split("\n")[:-1]
    first = len(lines)
    while first and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return "".join(line + "\n" for line in lines[:first]), "".join(line + "\n" for line in lines[first:])


def joined_leads(first: str, second: str) -> str:
    """Both, without the blank lines at the end of ``first`` where ``second`` begins with some."""
    lines = first.split("\n")[:-1]
    if second and not second.partition("\n")[0].strip():
        while lines and not lines[-1].strip():
            lines.pop()
    return "".join(line + "\n" for line in lines) + second


def closed(text: str, escape: str, newline: str) -> str:
    """``text`` without a continuation mark at its end: it may stand at the end of a file only."""
    reader = Reader(SourceFile("", text + "#" + newline + "end"))
    reader.escape = escape
    reader.logical_line(0, reader.next_line())
    if reader.position < len(reader.text):
        return text
    lines = text.split("\n")
    while not lines[-1].strip() or lines[-1].lstrip().startswith("#"):
        lines.pop()  # a continuation goes on behind comments and empty lines
    return "\n".join(lines).rstrip().removesuffix(escape).rstrip() + newline
