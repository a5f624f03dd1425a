"""The physical lines of one instruction, and how far those that go on with it are indented."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["INDENT", "Line", "levels", "split_lines"]

#: Blanks of one level.
INDENT = 4
_END = re.compile(r"\r*\n?\Z")
_BLANKS = " \t"
# Columns that a line may stand off and still be at the same level.
_SLOPPY = 1


class Line(NamedTuple):
    """``indent``, ``content``, ``gap``, the escape character if it ``continues``, ``end``. Blanks behind the escape
    character, or at the end of the last line, are no part of it. ``kind`` is code, comment or empty.
    """

    indent: str
    content: str
    gap: str
    continues: bool
    end: str
    kind: str

    def text(self, escape: str, indent: str | None = None, gap: str | None = None) -> str:
        """The line, with another indentation or gap if they are given."""
        tail = ((self.gap if gap is None else gap) + escape) if self.continues else ""
        return f"{self.indent if indent is None else indent}{self.content}{tail}{self.end}"

    @property
    def width(self) -> int:
        """Columns of the indentation."""
        return len(self.indent.expandtabs(INDENT))


def split_lines(text: str, escape: str) -> list[Line]:
    """The lines of an instruction, without heredoc bodies. Their code joins to what the parser joins.

    >>> [line.content for line in split_lines("RUN a && \\\\\\n  # why\\n  b\\n", "\\\\")]
    ['RUN a &&', '# why', 'b']
    """
    lines = []
    for number, piece in enumerate(_pieces(text)):
        match = _END.search(piece)
        assert match is not None
        body, end = piece[: match.start()], match[0]
        content = body.lstrip(_BLANKS)
        indent = body[: len(body) - len(content)]
        content = content.rstrip(_BLANKS)
        if not content.strip():
            lines.append(Line(indent, "", "", False, end, "empty"))
        elif number and content.lstrip().startswith("#"):
            lines.append(Line(indent, content, "", False, end, "comment"))
        elif content.endswith(escape) and content[-2:-1] != escape:
            code = content[:-1].rstrip(_BLANKS)
            lines.append(Line(indent, code, content[len(code) : -1], True, end, "code"))
        else:
            lines.append(Line(indent, content, "", False, end, "code"))
    return lines


def _pieces(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def levels(widths: Sequence[int]) -> list[int]:
    """The level, from 1, of lines that are indented by ``widths`` columns: those that stand least far in are at the
    first, and each line that stands farther in than the one it follows is one deeper.

    >>> levels([7, 7, 2, 4, 9, 3])
    [2, 2, 1, 2, 3, 1]
    """
    found = []
    stack = [min(widths, default=0)]
    for width in widths:
        while len(stack) > 1 and width < stack[-1] - _SLOPPY:
            stack.pop()
        if width > stack[-1] + _SLOPPY:
            stack.append(width)
        found.append(len(stack))
    return found
