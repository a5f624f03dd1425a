"""What to tell a person about a Dockerfile that is none."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .automaton import WordError
from .errors import DockerfileError
from .lines import SPACE, LogicalLine, fail
from .shapes import KEYWORDS, SHAPES, Problem, suggest
from .source import SourceFile, Span
from .syntax import Instruction, Item

__all__ = [
    "bad_word",
    "cut_character",
    "misshapen",
    "no_stage",
    "open_heredoc",
    "unknown_instruction",
    "unquoted_heredoc",
]

_BEGIN = "begin with FROM <image>, or with FROM scratch for an empty image"


def bad_word(source: SourceFile, line: LogicalLine, error: WordError, *, trigger: bool) -> DockerfileError:
    """A keyword that the grammar does not expect. ``trigger``: the text is what an ONBUILD held."""
    word = re.split(r"[\t\v\f\r ]", line.text[error.position :], maxsplit=1)[0]
    if not line.text:
        end = len(source.text[: line.end].rstrip(SPACE))
        return fail(source, "a line continuation that holds nothing", end - 1, end, "remove it")
    at = line.span(error.position, error.position + len(word))
    keyword = word.upper()
    if error.tokens or (trigger and keyword in ("FROM", "MAINTAINER", "ONBUILD")):
        return fail(
            source, f"ONBUILD can not hold {keyword}", at.start, at.end, "it holds any other instruction"
        )
    if keyword in SHAPES and trigger:
        return fail(source, "a trigger is one instruction", at.start, at.end, "write an ONBUILD for each")
    if keyword in SHAPES:
        help = f"{_BEGIN}; only ARG can stand before it"  # noqa: A001
        return fail(source, f"{keyword} before the first FROM", at.start, at.end, help)
    return unknown_instruction(source, word, at)


def unknown_instruction(source: SourceFile, word: str, at: Span) -> DockerfileError:
    """A word that is no keyword, at the beginning of an instruction."""
    if "\0" in source.text[:64]:
        return fail(source, "this is not UTF-8 text", 0, 1, "it looks like UTF-16: save the file as UTF-8")
    if word.startswith(("<<<<<<<", "=======", ">>>>>>>")):
        return fail(source, "a merge conflict that is not resolved", at.start, at.end, "choose one side")
    near = suggest(word.upper(), KEYWORDS)
    if near is not None:
        help = f"did you mean {near}?"  # noqa: A001
    else:
        help = "if it belongs to the instruction above, that line must end in a continuation (\\)"  # noqa: A001
    return fail(source, f"unknown instruction {word}", at.start, at.end, help)


def misshapen(source: SourceFile, instruction: Instruction, problem: Problem) -> DockerfileError:
    """An instruction whose flags or arguments do not fit (shapes.py)."""
    span = problem.flag.span if problem.flag is not None else instruction.args_span
    if span.start == span.end:
        span = instruction.keyword_span
    help = problem.help  # noqa: A001
    if "\r" in source.text and "\n" not in source.text:
        help = "the file has line ends of old Macs (CR alone): save it with LF"  # noqa: A001
    return fail(source, problem.message, span.start, span.end, help)


def no_stage(source: SourceFile, items: Sequence[Item]) -> DockerfileError:
    """The file ends and had no FROM."""
    end = len(source.text)
    what = "FROM" if any(isinstance(item, Instruction) for item in items) else "instruction"
    return fail(source, f"the file has no {what}", end, end, _BEGIN)


def open_heredoc(source: SourceFile, line: LogicalLine, name: str) -> DockerfileError:
    """A heredoc whose delimiter does not come."""
    start = line.text.find("<<")
    at = line.span(start, start + 2)
    help = f"end it with a line that is {name} alone; quote the << if it begins no heredoc"  # noqa: A001
    return fail(source, f"the heredoc {name} does not end", at.start, at.end, help)


def unquoted_heredoc(source: SourceFile, line: LogicalLine, word: str) -> DockerfileError:
    """A heredoc whose delimiter has an open quote."""
    start = line.text.find("<<")
    at = line.span(start, start + 2)
    return fail(
        source, f"the heredoc delimiter in {word} has an open quote", at.start, at.end, "close the quote"
    )


def cut_character(source: SourceFile, line: LogicalLine, character: str) -> DockerfileError:
    """A flag with a character whose bytes the official parser takes for a blank and something else."""
    start = line.text.find(character)
    at = line.span(start, start + 1)
    message = f"the official parser, which reads flags byte by byte, would cut {character} in two"
    return fail(source, message, at.start, at.end, "spell the flag in ASCII")
