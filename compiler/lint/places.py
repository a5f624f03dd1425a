"""Places that errors tell, as spans."""

from __future__ import annotations

from ...grammar.source import Location, SourceFile, Span

__all__ = ["span_of"]


def span_of(source: SourceFile, where: Location | None) -> Span:
    """The characters that ``where`` marks; the file's begin for none."""
    if where is None or not 0 < where.line <= len(source.line_starts):
        return Span(0, 0)
    start = source.line_starts[where.line - 1] - 1
    return Span(start + where.column, start + where.end_column)
