"""Words of one logical line to an :class:`Instruction`."""

from __future__ import annotations

from .lines import LogicalLine, fail
from .source import SourceFile, Span
from .syntax import Flag, Instruction
from .words import decode_exec, decode_word, drop_last_escape, is_json_array, split_flags, split_pairs

__all__ = ["Token", "build_instruction"]

#: Terminal of dockerfile.lark, and the characters of the logical line that it covers.
Token = tuple[str, int, int]


def build_instruction(source: SourceFile, line: LogicalLine, tokens: list[Token], escape: str) -> Instruction:
    """The node of the instruction whose words are ``tokens``, without heredocs; its text ends with the line.

    Raises DockerfileError for what the official parser refuses inside arguments: JSON arrays of other things
    than strings, ENV and LABEL without pairs.
    """
    kind, start, end = tokens[0]
    keyword_span = line.span(start, end)
    rest = tokens[1:]
    flags: tuple[Flag, ...] = ()
    if rest and rest[0][0] == "FLAGS":
        flags = _build_flags(line, rest[0], escape)
        rest = rest[1:]
    child = None
    exec_form = False
    args: tuple[str, ...] = ()
    if kind == "ONBUILD":
        if rest:
            child = build_instruction(source, line, rest, escape)
    elif kind == "OTHER":
        kind = line.text[start:end].upper()
        if kind in ("FROM", "MAINTAINER", "ONBUILD"):
            raise fail(source, f"ONBUILD can not hold {kind}", keyword_span.start, keyword_span.end)
        args = ("",)
    elif rest:
        exec_form, args = _build_args(source, line, kind, rest, escape)
    args_span = line.span(rest[0][1], len(line.text)) if rest else Span(keyword_span.end, keyword_span.end)
    span = Span(keyword_span.start, line.end)
    return Instruction(
        kind,
        flags,
        args,
        exec_form,
        (),
        source.text[span.start : span.end],
        span,
        keyword_span,
        args_span,
        line.first_line,
        line.last_line,
        child,
    )


def _build_flags(line: LogicalLine, token: Token, escape: str) -> tuple[Flag, ...]:
    _, first, last = token
    flags = []
    for start, end, raw in split_flags(line.text[first:last], escape)[0]:
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
        args.append(text[tokens[0][1] : tokens[0][2]].rstrip("\udc85\udca0"))
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
