"""Words of one logical line to an :class:`Instruction`."""

from __future__ import annotations

from .automaton import Token
from .lines import LogicalLine, fail
from .source import SourceFile, Span
from .syntax import Flag, Heredoc, Instruction
from .words import decode_exec, decode_word, drop_last_escape, is_json_array, read_flags, split_pairs

__all__ = ["build_instruction"]

STRAY_BLANKS = "\udc85\udca0"


def build_instruction(
    source: SourceFile,
    line: LogicalLine,
    escape: str,
    tokens: list[Token],
    heredocs: tuple[Heredoc, ...],
    extent: tuple[int, int, int],
) -> Instruction:
    """The node of the instruction whose words are ``tokens``. ``extent`` is where its text begins and ends,
    and its last line. Raises DockerfileError for what the official parser refuses inside arguments: JSON
    arrays of other things than strings, ENV and LABEL without pairs.
    """
    start, end, last_line = extent
    keyword, first, last = tokens[0]
    keyword_span = line.span(first, last)
    flags: tuple[Flag, ...] = ()
    child = None
    exec_form = False
    args: tuple[str, ...] = ()
    words = tokens[1:]
    if words and words[0][0] == "FLAGS":
        flags = _build_flags(line, escape, words[0])
        del words[0]
    if words:
        args_span = line.span(words[0][1], len(line.text))
        if keyword == "ONBUILD":
            inner = (args_span.start, end, last_line)
            child = build_instruction(source, line, escape, words, heredocs, inner)
        elif keyword != "OTHER":
            exec_form, args = _build_args(source, line, keyword, words, escape)
    else:
        args_span = Span(keyword_span.end, keyword_span.end)
    if keyword == "OTHER":
        keyword, args = line.text[first:last].upper(), ("",)
        if keyword in ("FROM", "MAINTAINER", "ONBUILD"):
            raise fail(source, f"ONBUILD can not hold {keyword}", keyword_span.start, keyword_span.end)
    return Instruction(
        keyword,
        flags,
        args,
        exec_form,
        heredocs,
        source.text[start:end],
        Span(start, end),
        keyword_span,
        args_span,
        line.first_line,
        last_line,
        child,
    )


def _build_flags(line: LogicalLine, escape: str, token: Token) -> tuple[Flag, ...]:
    """The flags that a FLAGS word holds."""
    _, first, last = token
    flags = []
    for start, end, raw in read_flags(line.text[first:last], escape):
        name, sign, value = raw[2:].partition("=")
        flags.append(Flag(name, value if sign else None, raw, line.span(first + start, first + end)))
    return tuple(flags)


def _build_args(
    source: SourceFile, line: LogicalLine, keyword: str, tokens: list[Token], escape: str
) -> tuple[bool, tuple[str, ...]]:
    """Whether the arguments have the exec form, and their values."""
    text = line.text
    kind, start, end = tokens[0]
    if kind == "TEXT":
        if text[start] == "[" and keyword in _EXEC:
            _refuse_array(source, line, keyword, start)
        return False, (text[start:],)
    if kind == "BARE":
        if text[start] == "[" and keyword in _EXEC:
            _refuse_array(source, line, keyword, start)
        return False, tuple([text[first:last] for _, first, last in tokens])
    if kind == "EXEC":
        return True, decode_exec(text[start:])
    if kind == "TYPE":
        first_word = text[start:end].rstrip(STRAY_BLANKS)
        if len(tokens) == 1:
            return False, (first_word,)
        exec_form, args = _build_args(source, line, keyword, tokens[1:], escape)
        return exec_form, (first_word, *args)
    return False, _build_words(source, line, keyword, tokens, escape)


_EXEC = frozenset(("ADD", "CMD", "COPY", "ENTRYPOINT", "HEALTHCHECK", "RUN", "SHELL", "VOLUME"))


def _refuse_array(source: SourceFile, line: LogicalLine, keyword: str, start: int) -> None:
    """Raise DockerfileError where the text is a JSON array after all, of other things than strings."""
    if is_json_array(line.text[start:]):
        at = line.span(start, len(line.text))
        message = f"{keyword} has a JSON array that holds something else than strings"
        raise fail(source, message, at.start, at.end, "put each element in double quotes")


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
