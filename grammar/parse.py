"""Text to tree.

The reader of lines.py gives logical lines, the automaton that Lark made of dockerfile.lark says which words
they have and whether they can stand there, instruction.py makes nodes of them, shapes.py counts arguments and
knows flags.
"""

from __future__ import annotations

import gc

from .automaton import Automaton, Token, WordError
from .diagnose import (
    bad_word,
    cut_character,
    misshapen,
    no_stage,
    open_heredoc,
    unknown_instruction,
    unquoted_heredoc,
)
from .heredoc import HeredocWordError, find_heredocs
from .instruction import build_instruction
from .lines import SPACE, LogicalLine, Reader, fail, read_directive
from .shapes import SHAPES, check_shape
from .source import SourceFile, Span
from .syntax import Blank, Comment, Directive, Document, Heredoc, Instruction, Item
from .words import CutCharacterError

__all__ = ["check_instruction", "parse", "parse_instruction"]

#: From this many characters on, the garbage collector would go over the growing tree, in which there are no
#: cycles, again and again, and time would not be linear.
_LARGE = 200_000

_WITH_HEREDOC = frozenset(("ADD", "COPY", "RUN"))


def parse(source: SourceFile) -> Document:
    """Parse a Dockerfile. Raises DockerfileError.

    >>> parse(SourceFile("Dockerfile", "FROM scratch\\nCOPY a /\\n")).instructions[1].args
    ('a', '/')
    """
    parser = _Parser(source, trigger=False)
    if len(source.text) < _LARGE or not gc.isenabled():
        return parser.run()
    gc.disable()
    try:
        return parser.run()
    finally:
        gc.enable()


def parse_instruction(text: str, name: str = "<onbuild>") -> Instruction:
    """Parse the one instruction that a trigger in an image's ONBUILD list is. Raises DockerfileError.

    >>> parse_instruction("RUN make").args
    ('make',)
    """
    return _Parser(SourceFile(name, text), trigger=True).run().instructions[0]


def check_instruction(instruction: Instruction, source: SourceFile) -> None:
    """Check keyword, flags and number of arguments, as :func:`parse` does for all but what ONBUILD holds (the
    front end looks at that when it is triggered). Raises DockerfileError.
    """
    if instruction.keyword not in SHAPES:
        raise unknown_instruction(source, instruction.keyword, instruction.keyword_span)
    problem = check_shape(instruction)
    if problem is not None:
        raise misshapen(source, instruction, problem)


class _Parser:
    """One parse: reads items, in order, until the source ends."""

    def __init__(self, source: SourceFile, *, trigger: bool) -> None:
        self.source = source
        self.reader = Reader(source)
        self.trigger = trigger
        self.automaton = Automaton("single" if trigger else "dockerfile")
        self.items: list[Item] = []
        self.directives: set[str] = set()
        self.at_top = True

    def run(self) -> Document:
        reader, text = self.reader, self.source.text
        size = len(text)
        if text.startswith("\ufeff"):
            reader.position = 1
            self.add(Blank("\ufeff", Span(0, 1)), "BOM")
        while reader.position < size:
            start = reader.position
            line = reader.next_line()
            content = line.lstrip(SPACE)
            if not content:
                self.add_blanks(start)
            elif content[0] == "#":
                self.add_comment(start, content)
            else:
                self.at_top = False
                self.add_instruction(start, reader.logical_line(start + len(line) - len(content), content))
        if not self.automaton.finish():
            raise no_stage(self.source, self.items)
        return Document(self.source, tuple(self.items), reader.escape)

    def add(self, item: Item, terminal: str) -> None:
        """An item that can stand anywhere, as far as the grammar is concerned."""
        self.automaton.feed(terminal)
        self.items.append(item)

    def add_blanks(self, start: int) -> None:
        """The empty lines from ``start`` on, the first of which has just been read."""
        end = self.reader.skip_empty_lines()
        self.at_top = False
        self.add(Blank(self.source.text[start:end], Span(start, end)), "BLANK")

    def add_comment(self, start: int, content: str) -> None:
        """A comment or, at the top, a directive."""
        end = self.reader.position
        text = self.source.text[start:end]
        directive = read_directive(content.rstrip("\r")) if self.at_top else None
        if directive is None:
            self.at_top = False
            self.add(Comment(text, Span(start, end)), "COMMENT")
            return
        name, value = directive
        if name in self.directives:
            raise fail(self.source, f"a second {name} directive", start, end, "keep one of them")
        self.directives.add(name)
        if name == "escape":
            if value not in ("\\", "`"):
                message = f"{value!r} can not be the escape character"
                raise fail(self.source, message, start, end, "it is \\ or `")
            self.reader.escape = value
        self.add(Directive(name, value, text, Span(start, end)), "DIRECTIVE")

    def add_instruction(self, start: int, line: LogicalLine) -> None:
        reader = self.reader
        try:
            tokens = self.automaton.read_line(line.text, reader.escape)
        except WordError as error:
            raise bad_word(self.source, line, error, trigger=self.trigger) from None
        except CutCharacterError as error:
            raise cut_character(self.source, line, str(error)) from None
        heredocs = self.read_heredocs(line, tokens) if "<<" in line.joined else ()
        extent = (start, reader.position, reader.line - 1)
        instruction = build_instruction(self.source, line, reader.escape, tokens, heredocs, extent)
        problem = check_shape(instruction)
        if problem is not None:
            raise misshapen(self.source, instruction, problem)
        self.items.append(instruction)

    def read_heredocs(self, line: LogicalLine, tokens: list[Token]) -> tuple[Heredoc, ...]:
        """Find the heredocs that a line announces, and read their bodies from the lines below it."""
        kinds = [kind for kind, *_ in tokens[:4] if kind != "FLAGS"]
        holder = kinds[1:2] if kinds[0] == "ONBUILD" else kinds[:1]
        if not _WITH_HEREDOC.issuperset(holder) or tokens[-1][0] == "EXEC":
            return ()
        try:
            starts = find_heredocs(line.joined)
        except HeredocWordError as error:
            raise unquoted_heredoc(self.source, line, str(error)) from None
        heredocs = []
        for start in starts:
            body = self.reader.heredoc_body(start.name, chomp=start.chomp)
            if body is None:
                raise open_heredoc(self.source, line, start.name)
            content, span = body
            heredoc = Heredoc(start.name, content, start.expand, start.chomp, start.file_descriptor, span)
            heredocs.append(heredoc)
        return tuple(heredocs)
