"""Where a command stands in the user's text: errors and provenance point there."""

from __future__ import annotations

from dataclasses import dataclass

from ..grammar.errors import CompileError
from ..grammar.lines import Reader
from ..grammar.source import Location, SourceFile, Span
from ..grammar.syntax import Document, Instruction
from .words import WordError

__all__ = ["Site"]


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """An instruction and the document that holds it.

    A trigger (what ONBUILD left in a base) comes from a text that the user does not see: ``trigger_of`` is
    the FROM that brought it in, and errors point there.
    """

    document: Document
    instruction: Instruction
    trigger_of: Site | None = None

    @property
    def shown(self) -> Site:
        """The place in the user's own file."""
        return self if self.trigger_of is None else self.trigger_of.shown

    @property
    def file(self) -> str:
        """Name of the file that the user sees."""
        return self.shown.document.source.name

    def location(self, span: Span | None = None) -> Location:
        """The instruction's first line, or ``span`` of it."""
        if self.trigger_of is not None:
            return self.trigger_of.location()
        instruction = self.instruction
        whole = Span(
            instruction.keyword_span.start, max(instruction.args_span.end, instruction.keyword_span.end)
        )
        return self.document.source.location(span or whole)

    def logical_line(self) -> str:
        """The instruction as one line: continuations joined, heredoc bodies left out."""
        reader = Reader(SourceFile(self.file, self.instruction.text))
        reader.escape = self.document.escape
        return reader.logical_line(0, reader.next_line()).text

    def error(self, message: str, *, help: str | None = None, span: Span | None = None) -> CompileError:  # noqa: A002
        """An error at this place."""
        if self.trigger_of is not None:
            message = f"{message} (in the trigger `ONBUILD {self.instruction.text.strip()}` of the base)"
        return CompileError(message, where=self.location(span), help=help)

    def word_error(self, error: WordError) -> CompileError:
        """A word that could not be expanded; points at the character, where it can be found in the text."""
        help = None if not error.expected else f"expected {error.expected}"  # noqa: A001
        return self.error(
            f'failed to process "{error.word}": {error.message}', help=help, span=self._find(error)
        )

    def _find(self, error: WordError) -> Span | None:
        text = self.document.source.text
        start = text.find(error.word, self.instruction.span.start, self.instruction.span.end)
        if start < 0:
            return None
        return Span(start + error.position, min(start + error.position + 1, len(text)))
