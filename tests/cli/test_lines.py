"""Cutting output into lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerc.runtime.cli.progress.lines import LineSplitter


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"a\nb\n", ["a", "b"]),
        (b"a\n\nb", ["a", "", "b"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"10%\r50%\r100%\n", ["100%"]),
        (b"10%\r50%\r", ["50%"]),
        (b"\r\n", [""]),
        (b"\xff\n", ["\\xff"]),
        ("é\n".encode(), ["é"]),
    ],
)
def test_lines(data: bytes, lines: list[str]) -> None:
    splitter = LineSplitter()
    assert splitter.feed(data) + splitter.flush() == lines


@given(st.lists(st.binary(max_size=12) | st.sampled_from([b"\n", b"\r", b"\r\n", b"\xe2\x82", b"\xac"])))
def test_pieces_do_not_matter(pieces: list[bytes]) -> None:
    whole, piecewise = LineSplitter(), LineSplitter()
    expected = whole.feed(b"".join(pieces)) + whole.flush()
    assert [line for piece in pieces for line in piecewise.feed(piece)] + piecewise.flush() == expected


def test_a_line_without_end_takes_no_more_than_its_share_of_memory() -> None:
    splitter = LineSplitter()
    lines = [line for _ in range(40) for line in splitter.feed(b"x" * 10_000)]
    assert max(map(len, lines)) < 100_000
    assert len("".join(lines + splitter.flush())) == 400_000


def test_a_progress_bar_without_end_is_no_line() -> None:
    splitter = LineSplitter()
    assert [line for _ in range(40) for line in splitter.feed(b"50%\r" * 10_000)] == []
    assert splitter.begun == "50%"
