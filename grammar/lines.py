"""Physical lines to logical lines: directives, continuations, heredoc bodies.

This is the part of the language that is about lines and not about words, so it stands outside the Lark
grammar: whether a line continues depends on its end, whether it is a comment on its beginning, and where a
heredoc's body ends on its delimiter.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from .errors import DockerfileError
from .source import SourceFile, Span

__all__ = ["MAX_LINE", "SPACE", "LogicalLine", "Reader", "fail", "read_directive"]

#: White space wherever the official parser thinks in characters (Unicode's White_Space).
SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))

#: Bytes that one physical line may have, its line end excluded: the official parser reads no longer ones.
MAX_LINE = 65535

_DIRECTIVE = re.compile(r"([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=([^\n]+)")
_NAMES = ("syntax", "escape", "check")
_CUT_HEAD = re.compile("[\udcc2-\udcf4][\udc80-\udcbf]{0,2}\\Z")
_CUT_TAIL = re.compile("[\udc80-\udcbf]{1,3}")


def fail(source: SourceFile, message: str, start: int, end: int, help: str | None = None) -> DockerfileError:  # noqa: A002
    """A :class:`DockerfileError` that marks the characters from ``start`` to ``end``."""
    where = source.location(Span(start, max(start, end)))
    return DockerfileError(message, where=where, help=help)


def read_directive(line: str) -> tuple[str, str] | None:
    """Name (lower case) and value when ``line``, blanks around it cut, is ``# name=value`` of a known name.

    >>> read_directive("# Escape = `")
    ('escape', '`')
    >>> read_directive("# maintainer=me") is None
    True
    """
    match = _DIRECTIVE.fullmatch(line[1:].lstrip(SPACE))
    if match is None or match[1].lower() not in _NAMES:
        return None
    rest = match[2]
    return match[1].lower(), rest.strip("\t\n\f\r ") or rest[-1]


class LogicalLine:
    """An instruction's text with its continuation lines joined, and where each part of it is in the source.

    ``text`` has no blanks at its ends (``joined`` has them); ``end`` is the source offset behind the last
    line end. Lines count from 1.
    """

    __slots__ = ("_base", "_joints", "_offsets", "end", "first_line", "joined", "last_line", "text")

    def __init__(
        self,
        joined: str,
        joints: Sequence[int],
        offsets: Sequence[int],
        end: int,
        first_line: int,
        last_line: int,
    ) -> None:
        self.joined = joined
        text = self.text = joined.strip(SPACE)
        self.end = end
        self.first_line = first_line
        self.last_line = last_line
        # Part n begins at joints[n] of joined and at offsets[n] of the source; one part needs no joints.
        self._joints = joints
        self._offsets = offsets
        self._base = 0 if joints else offsets[0]
        if text and joined[0] != text[0]:
            self._base += len(joined) - len(joined.lstrip(SPACE))

    def offset(self, position: int) -> int:
        """Where the character at ``position`` of ``text`` stands in the source."""
        position += self._base
        if not self._joints:
            return position
        part = bisect_right(self._joints, position) - 1
        return self._offsets[part] + position - self._joints[part]

    def span(self, start: int, end: int) -> Span:
        """The source range from the character at ``start`` to the one before ``end`` (both in ``text``)."""
        if not self._joints:
            return Span(self._base + start, self._base + end)
        first = self.offset(start)
        return Span(first, self.offset(end - 1) + 1 if end > start else first)


def _mend_characters(parts: list[str], offsets: list[int]) -> None:
    """Make one character of bytes that a continuation had parted: the official parser joins bytes. It counts
    as the first part's.
    """
    for index in range(len(parts) - 1):
        head = _CUT_HEAD.search(parts[index])
        tail = _CUT_TAIL.match(parts[index + 1])
        if head is None or tail is None:
            continue
        data = (head[0] + tail[0]).encode("utf-8", "surrogateescape")
        for size in range(len(head[0]) + 1, len(data) + 1):
            try:
                character = data[:size].decode()
            except UnicodeDecodeError:
                continue
            parts[index] = parts[index][: head.start()] + character
            parts[index + 1] = parts[index + 1][size - len(head[0]) :]
            offsets[index + 1] += size - len(head[0])
            break


class Reader:
    """Walks over the source: ``position`` is the offset of the next unread line, ``line`` its number."""

    __slots__ = ("escape", "line", "position", "source", "text")

    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self.text = source.text
        self.position = 0
        self.line = 1
        self.escape = "\\"

    def next_line(self) -> str:
        """Read one physical line, without its line feed."""
        text = self.text
        start = self.position
        end = text.find("\n", start)
        if end < 0:
            self.position = end = len(text)
        else:
            self.position = end + 1
        self.line += 1
        line = text[start:end]
        if end - start > MAX_LINE // 4 and len(line.encode("utf-8", "surrogateescape")) > MAX_LINE:
            raise fail(
                self.source,
                f"line is longer than {MAX_LINE} bytes",
                start,
                start,
                "no Dockerfile front end reads such a line: break it with continuations, or COPY a file",
            )
        return line

    def skip_empty_lines(self) -> int:
        """Read lines as long as they are empty; the offset behind them."""
        while self.position < len(self.text):
            before = self.position
            if self.next_line().strip(SPACE):
                self.position = before
                self.line -= 1
                break
        return self.position

    def logical_line(self, start: int, first: str) -> LogicalLine:
        """Join ``first``, a line just read whose text begins at offset ``start``, with those that go on with
        it. Comments and empty lines between them are skipped.
        """
        escape = self.escape
        first_line = self.line - 1
        line = first.rstrip("\r")
        if escape not in line:
            return LogicalLine(line, (), (start,), self.position, first_line, first_line)
        parts: list[str] = []
        offsets: list[int] = []
        size = len(self.text)
        while True:
            body = line.rstrip(" \t")
            goes_on = body.endswith(escape) and body[-2:-1] != escape
            parts.append(body[:-1] if goes_on else line)
            offsets.append(start)
            if not goes_on:
                break
            while self.position < size:
                start = self.position
                line = self.next_line()
                content = line.lstrip(SPACE)
                if content and content[0] != "#":
                    line = line.rstrip("\r")
                    break
            else:
                break
        if not all(map(str.isascii, parts)):
            _mend_characters(parts, offsets)
        joints = list(accumulate(map(len, parts[:-1]), initial=0))
        return LogicalLine("".join(parts), joints, offsets, self.position, first_line, self.line - 1)

    def heredoc_body(self, name: str, *, chomp: bool) -> tuple[str, Span] | None:
        """Read lines up to the delimiter. Gives the content and its range with the delimiter's line, or none
        when the file ends before.
        """
        start = self.position
        while self.position < len(self.text):
            before = self.position
            line = self.next_line().rstrip("\r")
            if (line.lstrip("\t") if chomp else line) == name:
                return self.text[start:before], Span(start, self.position)
        return None
