"""How errors are shown, and what the process exits with.

Everything that comes from a Dockerfile, a file name or a program is made harmless first: a hostile text must
not reach the terminal as control sequences.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from ...compiler.graph.layer import Provenance
from ...grammar.errors import LayercError
from ...grammar.source import Location
from ..errors import EnvironmentLackError, StepError
from .progress.words import step_name
from .terminal import Style, clip, columns, plain_text, visible, visible_character, wants_colour, width

__all__ = ["INTERNAL_ERROR", "marked_line", "render", "report"]

INTERNAL_ERROR = 70
_NARROWEST = 40
# Characters of a long line that are looked at around the marked one; more than fit on any screen.
_NEIGHBOURHOOD = 1000
_SHOWN_LINES = 12
# What a full disk or a limit of the machine says; neither is a bug of ours.
_LACKS = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO)
)


def report(error: Exception, stream: TextIO | None = None) -> int:
    """Show ``error`` on ``stream`` (standard error) and return the exit code. With ``LAYERC_DEBUG`` set,
    the traceback comes first.
    """
    out = sys.stderr if stream is None else stream
    if os.environ.get("LAYERC_DEBUG"):
        import traceback

        traceback.print_exception(error, file=out)
    known = _known(error)
    print(render(known, Style(wants_colour(out)), columns(out)), file=out, flush=True)
    return known.exit_code


def _known(error: Exception) -> LayercError:
    if isinstance(error, LayercError):
        return error
    if isinstance(error, OSError) and error.errno in _LACKS:
        name = f": {error.filename}" if error.filename else ""
        return EnvironmentLackError(f"{error.strerror}{name}")
    return _InternalError(error)


class _InternalError(LayercError):
    """An exception that nobody expected."""

    exit_code = INTERNAL_ERROR

    def __init__(self, error: Exception) -> None:
        super().__init__(
            f"internal error: {type(error).__name__}: {error}",
            help="this is a bug in layerc; LAYERC_DEBUG=1 shows the traceback, please report it",
        )


def render(error: LayercError, style: Style, screen: int = 100) -> str:
    """The text that is shown for ``error``, without a final line end."""
    screen = max(screen, _NARROWEST)
    first, *rest = _lines(error.message)
    lines = [f"{style('red', 'error:')} {style('bold', first)}", *(f"       {line}" for line in rest)]
    if isinstance(error, StepError) and error.provenance is not None and error.provenance.line:
        lines += _instruction(error.provenance, style, screen)
    elif error.where is not None:
        lines += marked_line(error.where, style, screen)
    if isinstance(error, StepError):
        lines += _tail(error.tail, style)
    for number, line in enumerate(_lines(error.help) if error.help else ()):
        lines.append(f"{style('cyan', 'help:') if number == 0 else '     '} {line}")
    return "\n".join(lines)


def _lines(text: str) -> list[str]:
    return [visible(line) for line in text.splitlines()] or [""]


# --- the source line with its caret ------------------------------------------------------------------


def marked_line(where: Location, style: Style, screen: int) -> Iterator[str]:
    """The file and line, and the source text with a caret below what is marked."""
    gutter = " " * len(str(where.line))
    yield f"{gutter}{style('blue', '-->')} {visible(str(where))}"
    if not where.text and where.column <= 1:
        return
    text, start, length = _window(where, screen - len(gutter) - 4)
    bar = style("blue", "|")
    yield f"{gutter} {bar}"
    yield f"{style('blue', str(where.line))} {bar} {text}"
    yield f"{gutter} {bar} {' ' * start}{style('red', '^' * length)}"


def _window(where: Location, room: int) -> tuple[str, int, int]:
    """What of the line is shown, and where in it (columns of the screen) the caret starts, and its length."""
    text = where.text
    begin = min(max(where.column - 1, 0), len(text))
    end = min(max(where.end_column - 1, begin), len(text))
    first = max(0, begin - _NEIGHBOURHOOD)
    last = min(len(text), end + _NEIGHBOURHOOD, begin + 2 * _NEIGHBOURHOOD)
    shown = [visible_character(character) for character in text[first:last]]
    widths = [width(item) for item in shown]
    start = sum(widths[: begin - first])
    length = max(1, sum(widths[begin - first : end - first]))
    if first == 0 and last == len(text) and sum(widths) <= room:
        return "".join(shown), start, length
    left = max(0, min(start - room // 3, sum(widths) + 1 - room))
    if first == 0 and left <= 1:
        left = 0
    cut_left = left > 0 or first > 0
    dropped, skipped = _skip(widths, left + cut_left)
    line = clip("".join(shown[dropped:]) + ("…" if last < len(text) else ""), room - cut_left)
    start += cut_left - skipped
    return ("…" if cut_left else "") + line, start, max(1, min(length, room - start))


def _skip(widths: list[int], wanted: int) -> tuple[int, int]:
    """How many items to leave out so that at least ``wanted`` columns go, and how many columns that are."""
    skipped = 0
    for number, each in enumerate(widths):
        if skipped >= wanted:
            return number, skipped
        skipped += each
    return len(widths), skipped


# --- a failing step ----------------------------------------------------------------------------------


def _instruction(step: Provenance, style: Style, screen: int) -> Iterator[str]:
    """All lines of the instruction, without the middle of a long one; and how it is called as a step."""
    line, source = step.line, step.text.rstrip("\r\n").split("\n")
    numbers = list(range(len(source)))
    if len(source) > _SHOWN_LINES:
        half = _SHOWN_LINES // 2
        numbers = [*numbers[:half], -1, *numbers[-half:]]
    margin = len(str(line + len(source) - 1))
    bar = style("blue", "|")
    yield f"{' ' * margin}{style('blue', '-->')} {visible(step.file)}:{line}"
    yield f"{' ' * margin} {bar}"
    for number in numbers:
        if number < 0:
            yield f"{' ' * margin} {bar} …"
            continue
        shown = clip(visible(source[number][: 2 * _NEIGHBOURHOOD].rstrip("\r")), screen - margin - 3)
        yield f"{style('blue', str(line + number).rjust(margin))} {bar} {shown}"
    yield f"{' ' * margin} {bar}"
    yield f"{style('bold', 'step:')} {clip(step_name(step), screen - 6)}"


def _tail(tail: tuple[str, ...], style: Style) -> Iterator[str]:
    if not tail:
        return
    yield style("bold", f"last {'line' if len(tail) == 1 else f'{len(tail)} lines'} of output:")
    for line in tail:
        yield f"  {plain_text(line.expandtabs(8), keep_colour=style.colour)}"
