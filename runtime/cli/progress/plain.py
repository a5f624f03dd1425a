"""Progress as a log: every line says by its number which step or task it belongs to.

One step at a time has the floor; lines of the others wait until it ends, or has been silent or in possession
of it for a while, so that parallel steps stay readable.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock, Timer
from typing import Self, TextIO

from ...events import (
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
from ..terminal import Style, plain_text, visible, wants_colour
from .lines import LineSplitter
from .words import amount, duration, step_name, warning_lines

__all__ = ["PlainProgress"]

_SILENCE = 1.0
_TURN = 5.0
_TASK_INTERVAL = 5.0
_StepEvent = StepStarted | StepCached | StepOutput | StepFinished | StepFailed


@dataclass(slots=True, eq=False)
class _Entry:
    """A step or task: its number, its title, and lines that wait."""

    number: int
    title: str
    started: float
    splitters: dict[int, LineSplitter] = field(default_factory=lambda: {1: LineSplitter(), 2: LineSplitter()})
    waiting: list[str] = field(default_factory=list)
    shown: bool = False
    ended: bool = False
    told: float = 0.0

    def tell(self, text: str, now: float) -> None:
        """Say how far it has come, now and then."""
        if now - max(self.told, self.started) >= _TASK_INTERVAL:
            self.told = now
            self.waiting.append(text)


class PlainProgress:
    """Writes the log. ``clock`` gives seconds; ``wake`` calls back after a while (a timer thread)."""

    def __init__(
        self,
        stream: TextIO,
        clock: Callable[[], float] = time.monotonic,
        wake: Callable[[float, Callable[[], None]], None] | None = None,
    ) -> None:
        self._stream = stream
        self._style = Style(wants_colour(stream))
        self._clock = clock
        self._wake = wake or self._start_timer
        self._timer: Timer | None = None
        self._lock = Lock()
        self._entries: dict[str, _Entry] = {}
        self._order: list[_Entry] = []
        self._count = 0
        self._floor: _Entry | None = None
        self._since = self._spoken = 0.0
        # No timer before the first step: until then the process may still need to be of one thread.
        self._awaited = True
        self._stepping = False
        self._gone = False
        self._warnings: list[CheckWarning] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._awaited = True
            for entry in self._order:
                for splitter in entry.splitters.values():
                    entry.waiting += self._output(entry, splitter.flush())
                entry.ended = True
            self._give_floor()
            if self._warnings:
                first, *others = warning_lines(self._warnings)
                self._write("\n".join([self._style("yellow", first), *others, "", ""]))
        if self._timer is not None:
            self._timer.cancel()

    def __call__(self, event: Event) -> None:
        """Write what ``event`` tells. Once nobody reads, the build goes on unseen."""
        with self._lock:
            self._take(event)
            self._give_floor()

    # --- what the events say --------------------------------------------------------------------------

    def _take(self, event: Event) -> None:
        match event:
            case StepStarted() | StepCached() | StepOutput() | StepFinished() | StepFailed():
                self._take_step(event)
            case TaskStarted() | TaskProgress() | TaskFinished():
                self._take_task(event)
            case Notice():
                self._notice(event)
            case CheckWarning():
                self._warnings.append(event)
            case BuildStarted() | BuildFinished():
                pass  # the command sums up

    def _take_step(self, event: _StepEvent) -> None:
        match event:
            case StepCached():
                self._open(event.layer, step_name(event.provenance))
                level = "" if event.level == "definition" else f" by {visible(event.level)}"
                saved = f" (saved {duration(event.saved)})" if event.saved >= 1 else ""
                self._end(event.layer, self._style("green", f"CACHED{level}") + saved)
            case StepStarted():
                if not self._stepping:
                    self._stepping, self._awaited = True, False
                entry = self._open(event.layer, step_name(event.provenance))
                if event.reason:
                    entry.waiting.append(f"runs because: {visible(event.reason)}")
            case StepOutput():
                if (known := self._entries.get(event.layer)) is not None:
                    known.waiting += self._output(known, known.splitters[event.stream].feed(event.data))
            case StepFinished():
                self._end(event.layer, f"DONE {duration(event.seconds)}")
            case StepFailed():
                word = "CANCELED" if event.cancelled else self._style("red", "ERROR")
                self._end(event.layer, f"{word} {duration(event.seconds)}")

    def _take_task(self, event: TaskStarted | TaskProgress | TaskFinished) -> None:
        if isinstance(event, TaskStarted):
            self._open(event.task, visible(event.title))
        elif isinstance(event, TaskFinished):
            detail = f" {visible(event.detail)}" if event.detail else ""
            self._end(event.task, f"DONE {duration(event.seconds)}{detail}")
        elif (entry := self._entries.get(event.task)) is not None:
            entry.tell(amount(event), self._clock())

    def _open(self, key: str, title: str) -> _Entry:
        self._count += 1
        entry = self._entries[key] = _Entry(self._count, title, self._clock())
        self._order.append(entry)
        return entry

    def _output(self, entry: _Entry, lines: list[str]) -> list[str]:
        stamp = f"{self._clock() - entry.started:.3f}"
        return [f"{stamp} {plain_text(line, keep_colour=self._style.colour)}".rstrip() for line in lines]

    def _end(self, key: str, last: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        for splitter in entry.splitters.values():
            entry.waiting += self._output(entry, splitter.flush())
        entry.waiting.append(last)
        entry.ended = True

    def _notice(self, event: Notice) -> None:
        where = f"{visible(event.where)}: " if event.where else ""
        if self._floor is not None:
            self._leave()
        self._write(f"{self._style('yellow', 'warning:')} {where}{visible(event.message)}\n\n")

    # --- who has the floor ----------------------------------------------------------------------------

    def _give_floor(self) -> None:
        """Write what may be written now."""
        while True:
            if self._floor is not None:
                self._say(self._floor)
                if self._floor.ended:
                    self._order.remove(self._floor)
                    self._write("\n")
                    self._floor = None
                elif not self._must_yield(self._floor):
                    return
                else:
                    self._leave()
            following = self._next()
            if following is None:
                return
            self._floor = following
            self._since = self._spoken = self._clock()
            self._write(f"#{following.number} {following.title}\n")
            following.shown = True

    def _say(self, entry: _Entry) -> None:
        if entry.waiting:
            self._write("".join(f"#{entry.number} {line}\n" for line in entry.waiting))
            entry.waiting.clear()
            self._spoken = self._clock()

    def _next(self) -> _Entry | None:
        """Who has waited longest: first those that have ended, then those that have something to say."""
        waiting = [entry for entry in self._order if entry.waiting or not entry.shown]
        return next((entry for entry in waiting if entry.ended), next(iter(waiting), None))

    def _must_yield(self, holder: _Entry) -> bool:
        """Whether another's turn has come. If others wait and it has not, look again when it will have."""
        if not any(entry is not holder and (entry.waiting or not entry.shown) for entry in self._order):
            return False
        now = self._clock()
        left = min(self._spoken + _SILENCE, self._since + _TURN) - now
        if left <= 0:
            return True
        if not self._awaited:
            self._awaited = True
            self._wake(left, self._look_again)
        return False

    def _leave(self) -> None:
        assert self._floor is not None
        self._write(f"#{self._floor.number} ...\n\n")
        self._order.remove(self._floor)
        self._order.append(self._floor)
        self._floor = None

    def _look_again(self) -> None:
        with self._lock:
            self._awaited = False
            self._give_floor()

    def _start_timer(self, seconds: float, call: Callable[[], None]) -> None:
        self._timer = Timer(seconds, call)
        self._timer.daemon = True
        self._timer.start()

    def _write(self, text: str) -> None:
        if self._gone:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            self._gone = True
