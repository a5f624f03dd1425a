"""Text to tree.

The reader of lines.py gives logical lines; the automaton that Lark made of dockerfile.lark (tables.py) reads
their words, each by the terminals that can stand there; instruction.py makes a node of them.
"""

from __future__ import annotations

import re
from functools import cache

from .errors import DockerfileError
from .heredoc import HeredocWordError, find_heredocs
from .instruction import Token, build_instruction
from .lines import SPACE, LogicalLine, Reader, fail, read_directive
from .shapes import KEYWORDS, SHAPES, check_shape, lower, suggest
from .source import SourceFile, Span
from .syntax import Blank, Comment, Directive, Document, Heredoc, Instruction, Item
from .tables import ACTIONS, BACKTICK, END, GOTO, IGNORE, LEXERS, RULES, SCANNERS, START, TERMINALS
from .words import split_flags

__all__ = ["check_instruction", "parse", "parse_instruction"]

_WITH_HEREDOC = frozenset(("ADD", "COPY", "RUN"))


def parse(source: SourceFile) -> Document:
    """Parse a Dockerfile. Raises DockerfileError.

    >>> parse(SourceFile("Dockerfile", "FROM scratch\\nCOPY a /\\n")).instructions[1].args
    ('a', '/')
    """
    return _Parser(source, "dockerfile").run()


def parse_instruction(text: str, name: str = "<onbuild>") -> Instruction:
    """Parse the one instruction that a trigger in an image's ONBUILD list is. Raises DockerfileError."""
    return _Parser(SourceFile(name, text), "single").run().instructions[0]


def check_instruction(instruction: Instruction, source: SourceFile) -> None:
    """Check flags and number of arguments, as :func:`parse` does for all but what ONBUILD holds (the front end
    looks at that when it is triggered). Raises DockerfileError.
    """
    if instruction.keyword not in SHAPES:
        raise _unknown_instruction(source, instruction.keyword, instruction.keyword_span)
    problem = check_shape(instruction)
    if problem is not None:
        span = problem.flag.span if problem.flag else instruction.args_span
        if span.start == span.end:
            span = instruction.keyword_span
        raise fail(source, problem.message, span.start, span.end, problem.help)


@cache
def _scanner(number: int, escape: str) -> re.Pattern[str]:
    terminals = TERMINALS if escape == "\\" else TERMINALS | BACKTICK
    words = "|".join(f"(?P<{name}>{terminals[name]})" for name in SCANNERS[number])
    return re.compile(f"(?:{IGNORE})*+(?:{words})")


class _Parser:
    """One parse: a stack of automaton states over the lines of one source."""

    def __init__(self, source: SourceFile, start: str) -> None:
        self.source = source
        self.reader = Reader(source)
        self.items: list[Item] = []
        self.stack = [START[start]]
        self.end = END[start]

    def run(self) -> Document:
        reader, text = self.reader, self.source.text
        size = len(text)
        if text.startswith("\ufeff"):
            self.add_trivia(Blank("\ufeff", Span(0, 1)), "BOM")
            reader.position = 1
        directives: set[str] | None = set()
        while reader.position < size:
            start = reader.position
            line = reader.next_line()
            content = line.lstrip(SPACE)
            if not content:
                directives = None
                self.add_blank(start)
            elif content[0] == "#":
                directive = read_directive(content.rstrip("\r")) if directives is not None else None
                if directive is None:
                    directives = None
                    self.add_trivia(
                        Comment(text[start : reader.position], Span(start, reader.position)), "COMMENT"
                    )
                elif directives is not None:
                    self.add_directive(start, directive, directives)
            else:
                directives = None
                self.add_instruction(start, reader.logical_line(start + len(line) - len(content), content))
        self.finish()
        return Document(self.source, tuple(self.items), reader.escape)

    # --- the automaton

    def feed(self, terminal: str) -> bool:
        """Shift ``terminal``, after the reductions that it calls for; false where it can not stand."""
        stack = self.stack
        while True:
            action = ACTIONS[stack[-1]].get(terminal)
            if action is None:
                return False
            if action >= 0:
                stack.append(action)
                return True
            rule, length = RULES[~action]
            if length:
                del stack[-length:]
            stack.append(GOTO[stack[-1]][rule])

    def finish(self) -> None:
        stack = self.stack
        while stack[-1] != self.end:
            action = ACTIONS[stack[-1]].get("$END")
            if action is None:
                raise self.no_stage()
            rule, length = RULES[~action]
            if length:
                del stack[-length:]
            stack.append(GOTO[stack[-1]][rule])

    # --- items

    def add_trivia(self, item: Item, terminal: str) -> None:
        self.feed(terminal)
        self.items.append(item)

    def add_blank(self, start: int) -> None:
        """An empty line; several in a row are one item."""
        end = self.reader.position
        last = self.items[-1] if self.items else None
        if isinstance(last, Blank) and last.text != "\ufeff":
            start = last.span.start
            self.items.pop()
        self.add_trivia(Blank(self.source.text[start:end], Span(start, end)), "BLANK")

    def add_directive(self, start: int, directive: tuple[str, str], seen: set[str]) -> None:
        name, value = directive
        end = self.reader.position
        if name in seen:
            raise fail(self.source, f"the directive {name} is given twice", start, end, "keep one of them")
        seen.add(name)
        if name == "escape":
            if value not in ("\\", "`"):
                message = f"the escape character can not be {value!r}"
                raise fail(self.source, message, start, end, "write # escape=\\ or # escape=`")
            self.reader.escape = value
        self.add_trivia(Directive(name, value, self.source.text[start:end], Span(start, end)), "DIRECTIVE")

    def add_instruction(self, start: int, line: LogicalLine) -> None:
        tokens = self.read_words(line)
        instruction = build_instruction(self.source, line, tokens, self.reader.escape)
        heredocs: tuple[Heredoc, ...] = ()
        if "<<" in line.joined:
            holder = instruction.child or instruction
            if holder.keyword in _WITH_HEREDOC and not holder.exec_form:
                heredocs = self.read_heredocs(line)
        reader = self.reader
        instruction = instruction.complete(
            heredocs, self.source.text[start : reader.position], Span(start, reader.position), reader.line - 1
        )
        check_instruction(instruction, self.source)
        self.items.append(instruction)

    def read_words(self, line: LogicalLine) -> list[Token]:
        text, escape = line.text, self.reader.escape
        size = len(text)
        tokens: list[Token] = []
        position = 0
        while position < size:
            number = LEXERS[self.stack[-1]]
            match = _scanner(number, escape).match(text, position) if number >= 0 else None
            if match is None:
                raise self.unexpected(line, tokens, position)
            kind = match.lastgroup or ""
            start, end = match.span(kind)
            if kind == "FLAGS" and not text.isascii():
                end = start + split_flags(text[start:], escape)[1]
                end += len(text[end:]) - len(text[end:].lstrip(SPACE))
            self.feed(kind)
            tokens.append((kind, start, end))
            position = end
        if not self.feed("_EOL"):
            raise self.unexpected(line, tokens, position)
        return tokens

    def read_heredocs(self, line: LogicalLine) -> tuple[Heredoc, ...]:
        first = line.span(0, len(line.text))
        try:
            starts = find_heredocs(line.joined)
        except HeredocWordError as error:
            message = f"the heredoc delimiter in {error.args[0]!r} has an open quote"
            raise fail(self.source, message, first.start, first.end, "close the quote") from None
        heredocs = []
        for start in starts:
            body = self.reader.heredoc_body(start.name, chomp=start.chomp)
            if body is None:
                at = line.text.find("<<")
                mark = line.span(at, at + 2)
                raise fail(
                    self.source,
                    f"the heredoc {start.name} is not ended",
                    mark.start,
                    mark.end,
                    f"end it with a line that is only {start.name}; if it is none, quote the <<",
                )
            content, span = body
            heredocs.append(
                Heredoc(start.name, content, start.expand, start.chomp, start.file_descriptor, span)
            )
        return tuple(heredocs)

    # --- errors

    def unexpected(self, line: LogicalLine, tokens: list[Token], position: int) -> DockerfileError:
        """What stands at ``position`` of the line can not stand there."""
        return unexpected_word(self.source, line, tokens, position)

    def no_stage(self) -> DockerfileError:
        end = len(self.source.text)
        help_text = "begin with FROM <image>, or FROM scratch for an empty image"
        if any(isinstance(item, Instruction) for item in self.items):
            return fail(self.source, "there is no FROM", end, end, help_text)
        return fail(self.source, "there is no instruction", end, end, help_text)


def unexpected_word(
    source: SourceFile, line: LogicalLine, tokens: list[Token], position: int
) -> DockerfileError:
    rest = line.text[position:]
    word = re.split(r"[\t\v\f\r ]", rest, maxsplit=1)[0]
    at = line.span(position, position + len(word))
    upper = lower(word).upper()
    if tokens and tokens[0][0] == "ONBUILD":
        help_text = "ONBUILD holds any other instruction"
        return fail(source, f"ONBUILD can not hold {upper}", at.start, at.end, help_text)
    if upper in SHAPES:
        return fail(
            source,
            f"{upper} before the first FROM",
            at.start,
            at.end,
            "begin with FROM <image>; only ARG can stand before it",
        )
    return _unknown_instruction(source, word, at)


def _unknown_instruction(source: SourceFile, word: str, at: Span) -> DockerfileError:
    if "\0" in source.text[:64]:
        return fail(source, "this is not UTF-8 text", 0, 1, "it looks like UTF-16: save the file as UTF-8")
    near = suggest(word.upper(), KEYWORDS)
    if near is not None:
        return fail(source, f"unknown instruction {word}", at.start, at.end, f"did you mean {near}?")
    help_text = "if it belongs to the instruction above, end the line before it with the escape character"
    return fail(source, f"unknown instruction {word}", at.start, at.end, help_text)
