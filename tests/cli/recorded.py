"""A recorded build, and clocks for tests: what reporters are driven with."""

from __future__ import annotations

from collections.abc import Iterator

from layerc.compiler.graph.layer import Provenance
from layerc.runtime.decisions import Change, Decision, Earlier
from layerc.runtime.events import (
    BuildFinished,
    BuildStarted,
    CheckWarning,
    Event,
    Notice,
    StepCached,
    StepFailed,
    StepFinished,
    StepOutput,
    StepStarted,
    TaskFinished,
    TaskProgress,
    TaskStarted,
)

__all__ = ["Clock", "failing_build", "parallel_build", "step"]


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def step(stage: str, number: int, steps: int, title: str) -> Provenance:
    return Provenance("Dockerfile", number, number, stage, f"{title}\n", title, number, steps)


def parallel_build(clock: Clock) -> Iterator[Event]:
    """Two steps side by side, with everything that output can hold; the clock moves between the events."""

    def after(seconds: float, event: Event) -> Event:
        clock.now += seconds
        return event

    make = step("build", 2, 3, "RUN make")
    fetch = step("web", 1, 2, "RUN <<EOF\nnpm ci\nEOF")
    yield TaskStarted("pull debian", "bring in debian:12")
    yield after(6, TaskProgress("pull debian", 3_000_000, 12_500_000))
    yield after(0.1, TaskProgress("pull debian", 12_400_000, 12_500_000))
    yield after(1, TaskFinished("pull debian", 7.1, "sha256:0123"))
    yield Notice("[Warning] One or more build-args [X] were not consumed", "Dockerfile")
    yield CheckWarning("JSONArgsRecommended", "JSON arguments recommended for CMD", "Dockerfile:9")
    yield BuildStarted(7)
    yield after(0.1, StepCached("a", step("build", 1, 3, "COPY . /src"), "definition", 0.2))
    yield StepCached("e", step("", 1, 1, "RUN long ago"), "content", 63.0)
    changed = (Change("/src/main.c", "content", "sha256:0123456789abcdef", "sha256:fedcba9876543210"),)
    why = Decision(None, "parent", changes=changed, earlier=Earlier(100.0, 2.2))
    yield StepStarted("b", make, why.reason, why)
    yield StepStarted("c", fetch, "not built before")
    yield after(0.5, StepOutput("b", 1, b"cc -c main"))
    yield after(0.1, StepOutput("c", 2, b"fetching 10%\rfetching 70%"))
    yield StepOutput("c", 2, b"\rfetching 100%\r\n\x1b[2J\x1b]0;title\x07\x1b[31mdone\x1b[0m\n")
    yield after(0.1, StepOutput("b", 1, b".c\nna\xefve \xff \xe2\x82"))
    yield StepOutput("b", 1, b"\xac\nno line end")
    yield after(1.5, StepOutput("c", 1, b"linking\n"))
    yield StepFinished("c", 1.7, 1_000)
    yield after(0.2, StepFinished("b", 2.4, 2_000))
    yield BuildFinished(9.9, 2, 2)


def failing_build() -> Iterator[Event]:
    yield BuildStarted(2)
    yield StepStarted("a", step("", 1, 2, "RUN false"), "not built before")
    yield StepStarted("b", step("other", 1, 1, "RUN sleep 9"), "not built before")
    yield StepOutput("a", 2, b"it does not work\n")
    yield StepFailed("a", 0.3, False)
    yield StepFailed("b", 0.3, True)
