"""One instruction in the style: its keyword, the blanks between its words, its continuation lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from ...grammar.syntax import Instruction
from .lines import INDENT, Line, levels, split_lines
from .sameness import Sameness

__all__ = ["format_instruction"]

# How often one instruction is tried with some of its lines moved, and how many lines that may take; a text that
# needs more keeps its other lines.
_TRIALS = 200
_TRIED_LINES = 50_000
# Blanks that a line is tried with: as many as hardly any line has, or all would seem well by chance.
_TRIED = 61
_BARE = frozenset(("ADD", "COPY", "EXPOSE", "FROM", "VOLUME"))
_PAIRS = frozenset(("ARG", "ENV", "LABEL"))
_BLANKS = re.compile(r"[ \t]+")
# Blanks between words of one line; what is quoted or escaped is passed over.
_BETWEEN = re.compile(r"\"(?:[^\"\\]|\\.)*+\"?|'[^']*+'?|\\.|(?P<blanks>(?<=[^ \t])[ \t]+(?=[^ \t\r]))")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"')

_Edit = tuple[int, int, str]


def format_instruction(instruction: Instruction, same: Sameness) -> str:
    """The text of ``instruction`` in the style, as far as that leaves alone what it says."""
    edited = _edit_words(instruction, same)
    if instruction.keyword == "ONBUILD":  # the image keeps what it holds as it is spelled
        return edited
    tail = ""
    if instruction.heredocs:
        tail = instruction.text[instruction.heredocs[0].span.start - instruction.span.start :]
    lines = split_lines(edited[: len(edited) - len(tail)], same.escape)
    if lines[-1].kind != "code" or lines[-1].continues:  # the file ends within the instruction
        return edited

    def holds(moved: Mapping[int, int]) -> bool:
        return same.holds(instruction, _join(lines, moved, same.escape) + tail)

    last = _last_free_line(instruction, same)
    code = [index for index, line in enumerate(lines) if line.kind == "code" and 0 < index <= last]
    movable = _movable(code, lambda part: holds(dict.fromkeys(part, _TRIED)))
    moved = _indents(lines, movable, closes_array=instruction.exec_form)
    text = _join(lines, moved, same.escape) + tail
    return text if text == edited or same.holds(instruction, text) else edited


def _last_free_line(instruction: Instruction, same: Sameness) -> int:
    """The last line before which other blanks may stand: where blanks in the arguments count, the one on which
    these begin.
    """
    parted = instruction.exec_form or instruction.keyword in _BARE | _PAIRS
    if parted or same.reads_script(instruction):
        return instruction.text.count("\n")
    return instruction.text.count("\n", 0, instruction.args_span.start - instruction.span.start)


def _movable(lines: Sequence[int], holds: Callable[[list[int]], bool]) -> list[int]:
    """Those of ``lines`` before which any blanks may stand: all if they can, else what is found by halves."""
    found: list[int] = []
    waiting = [list(lines)] if lines else []
    for _ in range(max(2, min(_TRIALS, _TRIED_LINES // max(len(lines), 1)))):
        if not waiting:
            break
        part = waiting.pop()
        if holds([*found, *part]):
            found += part
        elif len(part) > 1:
            middle = len(part) // 2
            waiting += (part[middle:], part[:middle])
    return found


def _indents(lines: Sequence[Line], movable: Sequence[int], *, closes_array: bool) -> dict[int, int]:
    """Blanks before each movable line; the bracket that ends an array stands at the beginning of its line."""
    ends = {index for index in movable if closes_array and lines[index].content.startswith("]")}
    inner = sorted(index for index in movable if index not in ends)
    depths = levels([lines[index].width for index in inner])
    return dict.fromkeys(ends, 0) | {
        index: INDENT * depth for index, depth in zip(inner, depths, strict=True)
    }


def _join(lines: Sequence[Line], moved: Mapping[int, int], escape: str) -> str:
    """The lines, those that are ``moved`` indented by as many blanks, comments as the line below them. Empty lines
    are left out.
    """
    pieces: list[str] = []
    below: int | None = None
    for index in range(len(lines) - 1, -1, -1):
        line = lines[index]
        indent = below if line.kind == "comment" else moved.get(index)
        gap = None
        if line.kind == "code" and below is not None:
            gap = " " if line.content else ""
        if line.kind != "empty":
            pieces.append(line.text(escape, None if indent is None else " " * indent, gap))
        if line.kind == "code":
            below = moved.get(index)
    return "".join(reversed(pieces))


# --- words -----------------------------------------------------------------------------------------------


def _edit_words(instruction: Instruction, same: Sameness) -> str:
    text = instruction.text
    head = list(_head_edits(instruction))
    for edits in ([*head, *_argument_edits(instruction)], head):
        edited = _apply(text, edits)
        if edited == text or same.holds(instruction, edited):
            return edited
    return text


def _apply(text: str, edits: Sequence[_Edit]) -> str:
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _head_edits(instruction: Instruction) -> Iterator[_Edit]:
    """The keyword at the beginning of the line, one blank before each flag and before the arguments."""
    text, offset = instruction.text, instruction.span.start
    start, end = instruction.keyword_span
    if "\n" in text[start - offset : end - offset]:
        return
    yield 0, start - offset, ""
    yield start - offset, end - offset, instruction.keyword
    spans = [flag.span for flag in instruction.flags]
    if instruction.args_span.start > (spans[-1].end if spans else end):
        spans.append(instruction.args_span)
    for span in spans:
        if _BLANKS.fullmatch(text, end - offset, span.start - offset):
            yield end - offset, span.start - offset, " "
        end = span.end


def _argument_edits(instruction: Instruction) -> Iterator[_Edit]:
    text, offset = instruction.text, instruction.span.start
    start, end = (place - offset for place in instruction.args_span)
    keyword, args = instruction.keyword, instruction.args
    if keyword == "HEALTHCHECK" and args:
        after = start + len(args[0])
        yield start, after, args[0].upper()
        if blanks := _BLANKS.match(text, after, end):
            yield *blanks.span(), " "
    if instruction.exec_form:
        start = text.index("[", start)
        if "\n" not in text[start:end]:
            yield start, end, f"[{', '.join(_STRING.findall(text, start, end))}]"
    elif keyword in _BARE:
        for match in _lines(text, start, end):
            yield from ((*blanks.span(), " ") for blanks in _inner_blanks(match, _BLANKS))
        if keyword == "FROM" and len(args) == 3:
            at = text.rfind(args[1], start, end - len(args[2]))
            yield at, at + len(args[1]), "AS"
    elif keyword in _PAIRS:
        if keyword != "ARG" and args and "=" not in text[start:end].split(maxsplit=1)[0]:
            if blanks := _BLANKS.search(text, start, end):  # the old form: the rest is the value
                yield *blanks.span(), " "
            return
        for match in _lines(text, start, end):
            yield from ((*blanks.span("blanks"), " ") for blanks in _inner_blanks(match, _BETWEEN))


def _lines(text: str, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """The lines of ``text[start:end]`` that are no comments, without the blanks at their ends."""
    position = start
    while position < end:
        stop = text.find("\n", position, end)
        stop = end if stop < 0 else stop
        line = text[position:stop]
        first = position + len(line) - len(line.lstrip(" \t"))
        if position == start or not text.startswith("#", first):
            yield text, first, position + len(line.rstrip(" \t\r"))
        position = stop + 1


def _inner_blanks(line: tuple[str, int, int], pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
    text, start, end = line
    for match in pattern.finditer(text, start, max(end, start)):
        if match.start() > start and match[match.lastgroup or 0].isspace():
            yield match
