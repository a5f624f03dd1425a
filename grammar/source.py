"""Source text and positions in it."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple

__all__ = ["Location", "SourceFile", "Span"]


class Span(NamedTuple):
    """Half-open range ``[start, end)`` of character offsets into a :class:`SourceFile`'s text."""

    start: int
    end: int


class Location(NamedTuple):
    """A place to show to a person: it keeps the offending line, so it outlives the source text.

    ``line`` and ``column`` count from 1; ``end_column`` is one past the last marked character of that line.
    """

    file: str
    line: int
    column: int
    end_column: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class _SourceFile(NamedTuple):
    name: str
    text: str


class SourceFile(_SourceFile):
    """A named text. Bytes that are not UTF-8 are kept as lone surrogates, so that writing is the identity.

    >>> SourceFile("Dockerfile", "FROM a\\nRUN b\\n").location(Span(11, 12))
    Location(file='Dockerfile', line=2, column=5, end_column=6, text='RUN b')
    """

    @classmethod
    def from_bytes(cls, name: str, data: bytes) -> SourceFile:
        """Decode ``data`` so that :meth:`to_bytes` gives it back, whatever it holds."""
        return cls(name, data.decode("utf-8", "surrogateescape"))

    def to_bytes(self) -> bytes:
        """The bytes this text was read from."""
        return self.text.encode("utf-8", "surrogateescape")

    @cached_property
    def line_starts(self) -> tuple[int, ...]:
        """Offset of the first character of each line; lines end at ``\\n``."""
        starts = [0]
        position = self.text.find("\n")
        while position != -1:
            starts.append(position + 1)
            position = self.text.find("\n", position + 1)
        return tuple(starts)

    def line_of(self, offset: int) -> int:
        """The line, from 1, that holds ``offset``."""
        return bisect_right(self.line_starts, offset)

    def line_text(self, line: int) -> str:
        """Line ``line`` (from 1) without its line end."""
        start = self.line_starts[line - 1]
        end = self.line_starts[line] if line < len(self.line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")

    def location(self, span: Span) -> Location:
        """Where ``span`` begins, with the part of it that lies on that line."""
        line = self.line_of(span.start)
        text = self.line_text(line)
        start = self.line_starts[line - 1]
        column = span.start - start + 1
        end = max(min(span.end - start, len(text)), span.start - start) + 1
        return Location(self.name, line, column, end, text)
