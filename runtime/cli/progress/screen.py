"""The lowest lines of a terminal, drawn again and again, below text that stays.

The cursor rests at the top of the drawn lines. So a terminal that was made narrower or wider, and has wrapped
them anew, is repaired by the next drawing, whatever it does with long lines: nothing has to be counted. A
drawing overwrites line by line and clears only what is left over, and is sent as one synchronised update: it
does not flicker.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TextIO

from ..terminal import plain_text, width

__all__ = ["Screen"]

_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
_CLEAR_LINE, _CLEAR_BELOW = "\x1b[K", "\x1b[J"


class Screen:
    """Draws on ``stream``. ``size`` tells columns and rows; it is asked before each drawing."""

    def __init__(self, stream: TextIO, size: Callable[[], tuple[int, int]] | None = None) -> None:
        self._stream = stream
        self._size = size or self._terminal_size
        self._drawn = 0
        self._last: Sequence[str] = ()
        self._gone = False

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return self._size()

    def draw(self, staying: Sequence[str], lines: Sequence[str]) -> None:
        """Add the lines ``staying`` above, and draw ``lines`` (each narrower than the screen) below them."""
        if not staying and lines == self._last:
            return
        self._last = lines
        hide = _HIDE_CURSOR if lines and not self._drawn else ""
        show = _SHOW_CURSOR if self._drawn and not lines else ""
        columns = self._size()[0]
        kept = "".join(f"{line}{_rest_of_line(line, columns)}\r\n" for line in staying)
        drawn = "\r\n".join(f"{line}{_CLEAR_LINE}" for line in lines)
        back = f"\x1b[{len(lines) - 1}A\r" if len(lines) > 1 else "\r"
        self._write(f"{_BEGIN}{hide}\r{kept}{drawn}{_CLEAR_BELOW if self._drawn else ''}{back}{show}{_END}")
        self._drawn = len(lines)

    def _write(self, text: str) -> None:
        if self._gone:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:  # the terminal was closed; the build goes on unseen
            self._gone = True

    def _terminal_size(self) -> tuple[int, int]:
        try:
            size = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            return 80, 24
        return size.columns or 80, size.lines or 24


def _rest_of_line(line: str, columns: int) -> str:
    """What clears the rest of a line's last row: a full row has none, and clearing would cost its last cell."""
    return "" if line and width(plain_text(line)) % columns == 0 else _CLEAR_LINE
