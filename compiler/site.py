"""Where a command stands in the user's text: errors and provenance point there."""

from __future__ import annotations

from typing import Final

from ..grammar.errors import CompileError
from ..grammar.lines import LogicalLine, Reader
from ..grammar.source import Location, SourceFile, Span
from ..grammar.syntax import Document, Instruction
from .gotext import quote
from .words import WordError

__all__ = ["Site"]


class Site:
    """An instruction and the document that holds it.

    A trigger (what ONBUILD left in a base) comes from a text that the user does not see: ``trigger_of`` is
    the FROM that brought it in, and errors point there.
    """

    def __init__(self, document: Document, instruction: Instruction, trigger_of: Site | None = None) -> None:
        self.document: Final = document
        self.instruction: Final = instruction
        self.trigger_of: Final = trigger_of

    @property
    def shown(self) -> Site:
        """The place in the user's own file."""
        return self if self.trigger_of is None else self.trigger_of.shown

    @property
    def file(self) -> str:
        """Name of the file that the user sees."""
        return self.shown.document.source.name

    @property
    def written_keyword(self) -> str:
        """The keyword in the letter case of the text; layer definitions have none."""
        span = self.instruction.keyword_span
        return self.document.source.text[span.start : span.end] or self.instruction.keyword

    def location(self, at: str = "", flag: str = "") -> Location:
        """Where the text ``at`` stands (in the flag of that name, if one is given), else the flag, else the
        instruction: as much of it as is on one line.
        """
        if self.trigger_of is not None:
            return self.trigger_of.location()
        instruction = self.instruction
        end = max(instruction.args_span.end, instruction.keyword_span.end)
        span = Span(instruction.keyword_span.start, end)
        for candidate in instruction.flags:
            if candidate.name == flag and at in candidate.raw:
                span = candidate.span
                break
        source = self.document.source
        start = source.text.find(at, span.start, span.end) if at else -1
        return source.location(span if start < 0 else Span(start, start + len(at)))

    def logical_line(self) -> LogicalLine:
        """The instruction as one line: continuations joined, heredoc bodies left out."""
        reader = Reader(SourceFile(self.file, self.instruction.text))
        reader.escape = self.document.escape
        return reader.logical_line(0, reader.next_line())

    def error(self, message: str, *, help: str, at: str = "", flag: str = "") -> CompileError:  # noqa: A002
        """An error at this place; ``at`` and ``flag`` are what :meth:`location` takes."""
        if self.trigger_of is not None:
            message = f"{message} (in the trigger `ONBUILD {self.instruction.text.strip()}` of the base)"
        return CompileError(message, where=self.location(at, flag), help=help)

    def word_error(self, error: WordError) -> CompileError:
        """A word that could not be expanded; points at the character, where it can be found in the text."""
        help = error.help or f"expected {error.expected}"  # noqa: A001
        made = self.error(f"can not expand {quote(error.word)}: {error.message}", help=help)
        start = self.document.source.text.find(
            error.word, self.instruction.span.start, self.instruction.span.end
        )
        if start >= 0 and self.trigger_of is None:
            end = min(start + error.position + 1, len(self.document.source.text))
            made.where = self.document.source.location(Span(start + error.position, end))
        return made
