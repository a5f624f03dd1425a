"""Nothing that a stranger wrote may control the terminal, and widths are what terminals use."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerc.runtime.cli.terminal import clip, plain_text, visible, wants_colour, width

ANYTHING = st.text(
    st.characters(codec=None) | st.sampled_from("\x1b[]m;0J\x07\x9b\x9d\\\u202e\u2066\ud800\udcff"),
    max_size=40,
)


def harmless(text: str) -> bool:
    return not re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\ud800-\udfff]", text)


@given(ANYTHING)
def test_visible_text_is_harmless(text: str) -> None:
    assert harmless(visible(text))
    assert "\t" not in visible(text)


@given(ANYTHING)
def test_output_is_harmless(text: str) -> None:
    assert harmless(plain_text(text))
    assert harmless(re.sub(r"\x1b\[[0-9;:]*m", "", plain_text(text, keep_colour=True)))


@given(ANYTHING, st.integers(0, 50))
def test_clipped_text_fits(text: str, limit: int) -> None:
    shown = visible(text)
    assert width(clip(shown, limit)) <= limit
    if width(shown) <= limit:
        assert clip(shown, limit) == shown


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://example.com\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPq unfinished", ""),
        ("\x1b(Btext\x1b7\x1b8\x1b=", "text"),
        ("\x9b31mred\x9d0;t\x9cx", "redx"),
        ("a\x08b\x07", "ab"),
        ("\x1b", ""),
        ("漢\u202e字", "漢\\u202e字"),
    ],
)
def test_control_sequences_of_programs(line: str, shown: str) -> None:
    assert plain_text(line) == shown


def test_colours_end_with_their_line() -> None:
    assert plain_text("\x1b[31mred", keep_colour=True) == "\x1b[31mred\x1b[0m"


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("漢字", 4), ("e\u0301", 1), ("é", 1), ("", 0)])
def test_width(text: str, columns: int) -> None:
    assert width(text) == columns


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "file", "terminal"),
    [
        ({}, False, True),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, False, True),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "0"}, False, True),
        ({"CLICOLOR": "0"}, False, False),
        ({"CLICOLOR_FORCE": "1"}, True, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
        ({"TERM": "dumb"}, False, False),
    ],
)
def test_when_to_colour(environment: dict[str, str], file: bool, terminal: bool) -> None:
    assert wants_colour(io.StringIO(), environment) is file
    assert wants_colour(Terminal(), environment) is terminal
