"""What a terminal shows: widths of characters, control characters made harmless, colours.

Only the standard library: error messages and a no-op build must not wait for imports.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from typing import TextIO

__all__ = ["Style", "cells", "clip", "columns", "plain_text", "printable", "visible", "wants_colour", "width"]

# Besides control characters: those that reorder, hide or break lines of text.
_INVISIBLE = frozenset("\u061c\u200b\u200e\u200f\u2028\u2029\u2060\ufeff") | frozenset(
    map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xFFF9, 0xFFFC)))
)
_TAB = "    "
_PLAIN = str.maketrans({"→": "->", "├": "|", "└": "`", "│": "|", "…": "..."})
_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "1;31",
    "green": "32",
    "yellow": "33",
    "blue": "1;34",
    "cyan": "36",
}


def cells(character: str) -> int:
    """Columns that one printable character takes on a terminal."""
    if character < "\u0300":
        return 1
    import unicodedata  # a megabyte that plain text never needs

    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def width(text: str) -> int:
    """Columns that printable text takes on a terminal."""
    return len(text) if text.isascii() else sum(map(cells, text))


def clip(text: str, limit: int, mark: str = "…") -> str:
    """``text``, cut and marked where it takes more than ``limit`` columns.

    >>> clip("parallel", 5)
    'para…'
    """
    if width(text) <= limit:
        return text
    room = limit - width(mark)
    if room < 0:
        return ""
    kept = 0
    for character in text:
        room -= cells(character)
        if room < 0:
            break
        kept += 1
    return text[:kept] + mark


def visible_character(character: str) -> str:
    """How one character of a stranger's text is shown: itself, or an escape that does nothing."""
    code = ord(character)
    if character == "\t":
        return _TAB
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x20 or 0x7F <= code < 0xA0:
        return f"\\x{code:02x}"
    if character in _INVISIBLE or 0xD800 <= code <= 0xDFFF:
        return f"\\u{code:04x}"
    return character


def visible(text: str) -> str:
    """Text of a stranger (a Dockerfile, a file name) with everything made visible that is not; one line.

    >>> visible("a\\x1b[2Jb")
    'a\\\\x1b[2Jb'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(visible_character, text))


@cache
def _escapes() -> re.Pattern[str]:
    """Colours; other CSI sequences; string sequences (OSC, DCS, SOS, PM, APC), up to their end or the line's;
    other escapes; control characters.
    """
    return re.compile(
        r"(?P<colour>\x1b\[[0-9;:]*m)"
        r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
        r"|(?:\x1b[]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|\Z)"
        r"|\x1b[ -/]*[0-~]?"
        r"|[\x00-\x08\x0a-\x1f\x7f-\x9f]"
    )


def plain_text(line: str, *, keep_colour: bool = False) -> str:
    """A line that a program printed, without control sequences; colours stay if asked for and end with it.

    >>> plain_text("\\x1b[2J\\x1b[31mred\\x1b[0m\\x07")
    'red'
    """
    if line.isascii() and line.isprintable():
        return line
    coloured = False

    def replace(match: re.Match[str]) -> str:
        nonlocal coloured
        if not keep_colour or match["colour"] is None:
            return ""
        coloured = True
        return match["colour"]

    kept = _escapes().sub(replace, line)
    if not kept.isascii():
        # What is left of controls is colours; only what is not ASCII can still deceive.
        kept = "".join(char if char < "\x80" else visible_character(char) for char in kept)
    return f"{kept}\x1b[0m" if coloured else kept


def printable(text: str, stream: TextIO) -> str:
    """``text`` with our own arrows and branches in ASCII, where ``stream`` has no others."""
    return text if "utf" in (stream.encoding or "").lower() else text.translate(_PLAIN)


def columns(stream: TextIO, default: int = 100) -> int:
    """Width of the terminal behind ``stream``, or ``default``."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or default
    except (OSError, ValueError):
        return default


def wants_colour(stream: TextIO, environment: Mapping[str, str] | None = None) -> bool:
    """Whether to colour: on a terminal, unless NO_COLOR or CLICOLOR=0; always with FORCE_COLOR or
    CLICOLOR_FORCE. NO_COLOR wins.
    """
    values = os.environ if environment is None else environment
    if values.get("NO_COLOR"):
        return False
    if any(values.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return stream.isatty() and values.get("TERM") != "dumb" and values.get("CLICOLOR") != "0"


class Style:
    """Colours, or none.

    >>> Style(True)("red", "no"), Style(False)("red", "no")
    ('\\x1b[1;31mno\\x1b[0m', 'no')
    """

    def __init__(self, colour: bool) -> None:
        self.colour = colour

    def __call__(self, name: str, text: str) -> str:
        """``text`` in the colour ``name``; an empty one is the terminal's own."""
        return f"\x1b[{_CODES[name]}m{text}\x1b[0m" if self.colour and text and name else text
