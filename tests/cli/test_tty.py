"""Progress on a terminal: what stands on the screen, at many sizes, and on a real pseudo-terminal."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import termios
import threading
import time
from collections.abc import Iterable
from typing import Self

import pytest
from display import Display
from recorded import Clock, failing_build, parallel_build, step

from layerc.runtime.cli.progress.screen import Screen
from layerc.runtime.cli.progress.tty import TerminalProgress
from layerc.runtime.cli.terminal import plain_text, width
from layerc.runtime.events import (
    BuildStarted,
    CheckWarning,
    Event,
    Notice,
    StepCached,
    StepFinished,
    StepOutput,
    StepStarted,
    TaskProgress,
    TaskStarted,
)

LONG = "RUN apt-get update && apt-get install -y " + " ".join(f"package-{number}" for number in range(30))


class Utf8(io.StringIO):
    encoding = "utf-8"


class Stage:
    """A reporter whose drawings the test asks for, on a :class:`Display`."""

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self.display = Display(columns, rows)
        self.clock = Clock()
        self.out = Utf8()
        self.progress = TerminalProgress(self.out, self.clock, lambda: (columns, rows))
        self._read = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.__exit__(None, None, None)

    def send(self, events: Iterable[Event]) -> None:
        for event in events:
            self.progress(event)

    def lines(self) -> list[str]:
        text = self.out.getvalue()
        self.display.feed(text[self._read :])
        self._read = len(text)
        return self.display.lines()

    def wait_for(self, words: str) -> list[str]:
        """The screen, as soon as ``words`` stand on it (the ticker draws ten times a second)."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            lines = self.lines()
            if any(words in line for line in lines):
                return lines
            time.sleep(0.02)
        raise AssertionError(f"{words!r} does not appear: {self.lines()}")


def test_running_steps_with_their_times_and_last_lines() -> None:
    with Stage() as stage:
        stage.send([BuildStarted(5), StepCached("x", step("", 1, 1, "RUN x"), "definition", 2.0)])
        stage.send([StepStarted("a", step("build", 2, 4, "RUN make"), "src/ changed")])
        stage.send([StepOutput("a", 1, "".join(f"line {n}\n" for n in range(20)).encode())])
        stage.send([StepOutput("a", 1, b"begun\rbegun anew")])
        stage.clock.now += 61
        lines = stage.wait_for("1m01s")
        assert re.fullmatch(r"\S \[build 2/4\] RUN make · src/ changed +1m01s", lines[0])
        assert lines[1:-1] == [*(f"    line {n}" for n in range(15, 20)), "    begun anew"]
        assert lines[-1] == "  1m01s · 1 cached"
        assert not stage.display.cursor_shown
    assert stage.lines() == ["= 1 step cached · saved 2.0s"]
    assert stage.display.cursor_shown


def test_the_final_state_stays_on_the_screen() -> None:
    stage = Stage()
    with stage:
        stage.send(parallel_build(stage.clock))
    lines = stage.lines()
    assert stage.display.cursor_shown
    assert not stage.display.synchronised
    assert [re.sub(r" +", " ", line) for line in lines] == [
        "✓ bring in debian:12 · sha256:0123 7.1s",
        "! Dockerfile: [Warning] One or more build-args [X] were not consumed",
        "✓ [web 1/2] RUN <<EOF npm ci EOF · not built before 1.7s",
        "✓ [build 2/3] RUN make · /src/main.c changed (content) 2.4s",
        "= 2 steps cached · saved 1m03s",
        "1 warning found (layerc build --check explains it):",
        " - JSONArgsRecommended: JSON arguments recommended for CMD (Dockerfile:9)",
    ]


def test_failed_and_cancelled_steps() -> None:
    stage = Stage()
    with stage:
        stage.send(failing_build())
    first, second = stage.lines()
    assert first.startswith("✗ [1/2] RUN false")
    assert second.startswith("- [other 1/1] RUN sleep 9")


def test_a_build_with_nothing_to_do_draws_once() -> None:
    stage = Stage()
    with stage:
        stage.send([BuildStarted(3)])
        stage.send(StepCached(str(n), step("", n, 3, "RUN x"), "definition", 0) for n in range(3))
        assert stage.out.getvalue() == ""
    assert stage.lines() == ["= 3 steps cached"]
    assert "?25" not in stage.out.getvalue()


def test_no_thread_before_the_first_step() -> None:
    """Until then the process may have to be of one thread (user namespaces); tasks are drawn all the same."""
    before = threading.active_count()
    with Stage() as stage:
        stage.send([TaskStarted("t", "bring in debian:12")])
        stage.clock.now += 0.5
        stage.send([TaskProgress("t", 1_000_000, 4_000_000)])
        assert "1.0 MB of 4.0 MB" in stage.lines()[0]
        assert threading.active_count() == before


@pytest.mark.parametrize("columns", [20, 40, 79, 80, 120, 200])
@pytest.mark.parametrize("rows", [4, 10, 24, 60])
def test_no_line_is_wider_than_the_screen(columns: int, rows: int) -> None:
    stage = Stage(columns, rows)
    with stage:
        stage.send([BuildStarted(90)])
        for number in range(12):
            stage.send([StepStarted(str(number), step("stage", number, 99, LONG), "not built before")])
            text = f"漢字 tab\there {'x' * 300} \x1b[31mred\x1b]0;evil\x07\n" * 9
            stage.send([StepOutput(str(number), 1, text.encode())])
        stage.clock.now += 1
        lines = stage.wait_for("1.0s")
        assert len(lines) <= rows
        assert max(map(width, lines)) < columns
        assert stage.display.wrapped == 0
        assert stage.display.history == []


def test_warnings_are_whole() -> None:
    text = "a warning that is longer than the terminal is wide, and must be read all the same"
    stage = Stage(40)
    with stage:
        stage.send([Notice(text, "Dockerfile:1")])
    assert "".join(stage.lines()).replace(" ", "") == f"! Dockerfile:1: {text}".replace(" ", "")


def test_hostile_texts_reach_the_screen_as_text() -> None:
    """The display fails on every sequence that is not ours."""
    evil = "\x1b[2J\x1b]0;x\x07\x9b1A\u202e\r\n"
    stage = Stage()
    with stage:
        stage.send([StepStarted("a", step(evil, 1, 1, f"RUN {evil}"), evil)])
        stage.send(
            [
                StepOutput("a", 1, f"{evil}x\n{evil}".encode()),
                Notice(evil, evil),
                CheckWarning(evil, evil, evil),
            ]
        )
        stage.wait_for("RUN")


def test_ascii_where_the_terminal_knows_no_more() -> None:
    class Latin(io.StringIO):
        encoding = "ascii"

    out = Latin()
    with TerminalProgress(out, Clock(), lambda: (40, 20)) as progress:
        progress(StepStarted("a", step("", 1, 1, LONG), ""))
        progress(StepFinished("a", 1, 0))
    assert out.getvalue().isascii()


def test_what_stays_may_wrap_below_lines_that_are_drawn_again() -> None:
    display, out = Display(10, 8), io.StringIO()
    screen = Screen(out, lambda: (10, 8))
    screen.draw([], ["one", "two", "three"])
    screen.draw(["0123456789", "0123456789abcde"], ["four"])
    screen.draw(["end"], [])
    display.feed(out.getvalue())
    assert display.lines() == ["0123456789", "0123456789", "abcde", "end"]
    assert display.cursor_shown


def test_drawings_scroll_at_the_bottom() -> None:
    display, out = Display(20, 4), io.StringIO()
    screen = Screen(out, lambda: (20, 4))
    for number in range(9):
        screen.draw([f"done {number}"], ["running", "much"])
    screen.draw([], [])
    display.feed(out.getvalue())
    assert display.lines() == [f"done {number}" for number in range(9)]


def test_an_unchanged_screen_is_not_sent_again() -> None:
    out = io.StringIO()
    screen = Screen(out, lambda: (20, 4))
    screen.draw([], ["a"])
    sent = out.getvalue()
    screen.draw([], ["a"])
    assert out.getvalue() == sent


def test_the_terminal_goes_away() -> None:
    class Closed(Utf8):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

    with TerminalProgress(Closed(), Clock(), lambda: (40, 20)) as progress:
        for event in failing_build():
            progress(event)


# --- a real pseudo-terminal --------------------------------------------------------------------------


def resize(descriptor: int, columns: int, rows: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def test_the_size_of_the_terminal_is_followed() -> None:
    master, slave = pty.openpty()
    seen = bytearray()

    def read() -> None:
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:
                return
            seen.extend(data)

    reader = threading.Thread(target=read)
    try:
        resize(slave, 100, 30)
        reader.start()
        with os.fdopen(slave, "w", encoding="utf-8") as stream, TerminalProgress(stream) as progress:
            progress(StepStarted("a", step("", 1, 1, LONG), ""))
            widths = []
            for columns in (100, 40, 140):
                resize(master, columns, 30)
                time.sleep(0.25)
                seen.clear()
                time.sleep(0.35)
                drawn = re.split("[\r\n]+", bytes(seen).decode("utf-8", "ignore"))
                widths.append(next(width(plain_text(line)) for line in drawn if "RUN" in line))
            progress(StepFinished("a", 1, 0))
        assert widths == [99, 39, 139]
    finally:
        reader.join(5)
        os.close(master)
