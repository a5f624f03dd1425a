"""Words of one logical line to an :class:`Instruction`."""

from __future__ import annotations

from dataclasses import dataclass

from .automaton import Token
from .lines import LogicalLine, fail
from .source import SourceFile, Span
from .syntax import Flag, Heredoc, Instruction
from .words import decode_exec, decode_word, drop_last_escape, is_json_array, read_flags, split_pairs

__all__ = ["Builder"]

STRAY_BLANKS = "\udc85\udca0"


@dataclass(slots=True)
class Builder:
    """Makes the nodes of one logical line. ``heredocs`` are its bodies; the text ends at offset ``end``, on
    line ``last_line``. Raises DockerfileError for what the official parser refuses inside arguments: JSON
    arrays of other things than strings, ENV and LABEL without pairs.
    """

    source: SourceFile
    line: LogicalLine
    escape: str
    heredocs: tuple[Heredoc, ...]
    end: int
    last_line: int

    def build(self, tokens: list[Token], start: int = -1) -> Instruction:
        """The instruction whose words are ``tokens``; its text begins at ``start``, or at its keyword."""
        line = self.line
        kind, first, last = tokens[0]
        keyword_span = line.span(first, last)
        flags: tuple[Flag, ...] = ()
        child = None
        exec_form = False
        args: tuple[str, ...] = ()
        rest = 1
        if len(tokens) > 1 and tokens[1][0] == "FLAGS":
            flags = self.build_flags(tokens[1])
            rest = 2
        if len(tokens) > rest:
            args_span = line.span(tokens[rest][1], len(line.text))
            if kind == "ONBUILD":
                child = self.build(tokens[rest:])
            elif kind != "OTHER":
                exec_form, args = _build_args(self.source, line, kind, tokens[rest:], self.escape)
        else:
            args_span = Span(keyword_span.end, keyword_span.end)
        if kind == "OTHER":
            kind, args = line.text[first:last].upper(), ("",)
            if kind in ("FROM", "MAINTAINER", "ONBUILD"):
                raise fail(self.source, f"ONBUILD can not hold {kind}", keyword_span.start, keyword_span.end)
        if start < 0:
            start = keyword_span.start
        return Instruction(
            kind,
            flags,
            args,
            exec_form,
            self.heredocs,
            self.source.text[start : self.end],
            Span(start, self.end),
            keyword_span,
            args_span,
            line.first_line,
            self.last_line,
            child,
        )

    def build_flags(self, token: Token) -> tuple[Flag, ...]:
        """The flags that a FLAGS word holds."""
        _, first, last = token
        line = self.line
        flags = []
        for start, end, raw in read_flags(line.text[first:last], self.escape):
            name, sign, value = raw[2:].partition("=")
            flags.append(Flag(name, value if sign else None, raw, line.span(first + start, first + end)))
        return tuple(flags)


def _build_args(
    source: SourceFile, line: LogicalLine, keyword: str, tokens: list[Token], escape: str
) -> tuple[bool, tuple[str, ...]]:
    """Whether the arguments have the exec form, and their values."""
    text = line.text
    args: list[str] = []
    if tokens[0][0] == "TYPE":
        args.append(text[tokens[0][1] : tokens[0][2]].rstrip(STRAY_BLANKS))
        tokens = tokens[1:]
        if not tokens:
            return False, tuple(args)
    kind, start, _ = tokens[0]
    if kind == "EXEC":
        return True, (*args, *decode_exec(text[start:]))
    if kind == "TEXT" or (kind == "BARE" and keyword in ("ADD", "COPY", "VOLUME")):
        if text[start] == "[" and keyword in _EXEC and is_json_array(text[start:]):
            at = line.span(start, len(text))
            message = f"{keyword} has a JSON array that holds something else than strings"
            raise fail(source, message, at.start, at.end, "put each element in double quotes")
        if kind == "TEXT":
            return False, (*args, text[start:])
    if kind not in ("WORD", "LAST_ESCAPE", "PAD"):
        return False, tuple([text[first:last] for _, first, last in tokens])
    return False, _build_words(source, line, keyword, tokens, escape)


_EXEC = frozenset(("ADD", "CMD", "COPY", "ENTRYPOINT", "HEALTHCHECK", "RUN", "SHELL", "VOLUME"))


def _build_words(
    source: SourceFile, line: LogicalLine, keyword: str, tokens: list[Token], escape: str
) -> tuple[str, ...]:
    """The words of ARG, the names and values of ENV and LABEL."""
    words = [decode_word(line.text[start:end]) for kind, start, end in tokens if kind == "WORD"]
    if tokens[-1][0] == "WORD" and line.text[-1] == escape:
        words[-1] = drop_last_escape(words[-1], escape)
    if keyword == "ARG":
        return tuple(words)
    tokens = [token for token in tokens if token[0] == "WORD"]
    if not tokens:
        return ()
    pairs, wrong = split_pairs(line.text[tokens[0][1] :], words)
    if wrong is not None:
        _, start, end = next(t for t, word in zip(tokens, words, strict=False) if word == wrong)
        at = line.span(start, end)
        message = (
            f"{keyword} has no value for {wrong!r}"
            if len(words) == 1
            else f"expected name=value, not {wrong!r}"
        )
        raise fail(
            source, message, at.start, at.end, f"write {keyword} <name>=<value>…, with quotes around blanks"
        )
    return tuple(pairs)
