"""The log: golden transcripts, turns of parallel steps, readers that go away."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from recorded import Clock, failing_build, parallel_build, step

from layerc.runtime.cli.progress.plain import PlainProgress
from layerc.runtime.events import StepFinished, StepOutput, StepStarted, TaskStarted

HERE = Path(__file__).parent / "transcripts"
Golden = Callable[[Path, str], None]


class Waker:
    """Keeps what is to be called later."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def __call__(self, seconds: float, call: Callable[[], None]) -> None:
        assert seconds > 0
        self.calls.append(call)


def test_parallel_steps(golden: Golden) -> None:
    clock, out = Clock(), io.StringIO()
    with PlainProgress(out, clock, Waker()) as progress:
        for event in parallel_build(clock):
            progress(event)
    golden(HERE / "parallel.plain.txt", out.getvalue())


def test_a_failing_step(golden: Golden) -> None:
    out = io.StringIO()
    with PlainProgress(out, Clock(), Waker()) as progress:
        for event in failing_build():
            progress(event)
    golden(HERE / "failing.plain.txt", out.getvalue())


def test_colours_of_programs_stay_where_colours_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    out = io.StringIO()
    with PlainProgress(out, Clock(), Waker()) as progress:
        progress(StepStarted("a", step("", 1, 1, "RUN x"), ""))
        progress(StepOutput("a", 1, b"\x1b[31mred\x1b[2J\n"))
    assert "#1 0.000 \x1b[31mred\x1b[0m\n" in out.getvalue()
    assert "\x1b[2J" not in out.getvalue()


def test_another_step_gets_the_floor_when_the_first_is_silent() -> None:
    clock, out, waker = Clock(), io.StringIO(), Waker()
    progress = PlainProgress(out, clock, waker)
    progress(StepStarted("a", step("", 1, 1, "RUN a"), ""))
    progress(StepStarted("b", step("", 1, 1, "RUN b"), ""))
    progress(StepOutput("b", 1, b"hello\n"))
    assert "hello" not in out.getvalue()
    (look_again,) = waker.calls
    clock.now += 1.01
    look_again()
    assert out.getvalue() == "#1 [1/1] RUN a\n#1 ...\n\n#2 [1/1] RUN b\n#2 0.000 hello\n"


def test_a_chatty_step_does_not_keep_the_floor_for_ever() -> None:
    clock, out = Clock(), io.StringIO()
    progress = PlainProgress(out, clock, Waker())
    progress(StepStarted("a", step("", 1, 1, "RUN a"), ""))
    progress(StepStarted("b", step("", 1, 1, "RUN b"), ""))
    for _ in range(60):
        clock.now += 0.1
        progress(StepOutput("a", 1, b"x\n"))
    assert "#2 [1/1] RUN b" in out.getvalue()


def test_three_chatty_steps_take_turns() -> None:
    clock, out = Clock(), io.StringIO()
    progress = PlainProgress(out, clock, Waker())
    for name in "abc":
        progress(StepStarted(name, step("", 1, 1, f"RUN {name}"), ""))
    for _ in range(200):
        clock.now += 0.1
        for name in "abc":
            progress(StepOutput(name, 1, b"x\n"))
    assert all(f"#{number} 1" in out.getvalue() for number in (1, 2, 3))


def test_no_timer_thread_before_the_first_step() -> None:
    """Until then the process may have to be of one thread (user namespaces)."""
    waker = Waker()
    progress = PlainProgress(io.StringIO(), Clock(), waker)
    progress(TaskStarted("a", "one"))
    progress(TaskStarted("b", "two"))
    assert waker.calls == []


def test_every_line_is_shown_once_and_steps_keep_their_order() -> None:
    clock, out = Clock(), io.StringIO()
    with PlainProgress(out, clock, Waker()) as progress:
        for name in "ab":
            progress(StepStarted(name, step("", 1, 1, f"RUN {name}"), ""))
        for number in range(100):
            clock.now += 0.3
            progress(StepOutput("ab"[number % 2], 1 + number % 3 % 2, f"<{number}>\n".encode()))
        progress(StepFinished("b", 1, 0))
        progress(StepFinished("a", 1, 0))
    seen = [int(line.split("<")[1][:-1]) for line in out.getvalue().splitlines() if "<" in line]
    assert sorted(seen) == list(range(100))
    for parity in (0, 1):
        own = [number for number in seen if number % 2 == parity]
        assert own == sorted(own)


def test_nobody_reads_any_more() -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    with PlainProgress(Closed(), Clock(), Waker()) as progress:
        for event in failing_build():
            progress(event)
