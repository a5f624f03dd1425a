"""Progress on a terminal: what runs now, with its time and the end of its output; finished steps stay above.

Drawn with a few control sequences (``screen.py``) and no library: a build with nothing to do would wait
longer for the import of one than for all the rest.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event as Flag
from threading import Lock, Thread
from typing import Self, TextIO

from ...events import (
    BuildFinished,
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
from ..terminal import Style, clip, plain_text, visible, wants_colour, width
from .lines import LineSplitter
from .screen import Screen
from .words import amount, duration, step_name, warning_lines

__all__ = ["TerminalProgress"]

_INTERVAL = 0.1  # seconds between drawings, and before the first one
_NOTED = 0.5  # tasks that took less leave no line
_OUTPUT_LINES = 6
_NOTE_ROOM = 16
_WIDEST, _NARROWEST = 160, 16


@dataclass(frozen=True, slots=True)
class _Symbols:
    done: str
    failed: str
    cancelled: str
    cached: str
    notice: str
    dot: str
    more: str
    spinner: str


_UNICODE = _Symbols("✓", "✗", "-", "=", "!", "·", "…", "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
_ASCII = _Symbols("+", "x", "-", "=", "!", "-", "...", "|/-\\")


@dataclass(slots=True)
class _Running:
    """A step or task that has not ended. ``note`` is why it runs, or how far it has come."""

    name: str
    note: str
    started: float
    is_step: bool
    splitters: dict[int, LineSplitter] = field(default_factory=lambda: {1: LineSplitter(), 2: LineSplitter()})
    output: deque[str] = field(default_factory=lambda: deque(maxlen=_OUTPUT_LINES))

    def last_lines(self, count: int) -> list[str]:
        """The end of its output, with the line that it is writing."""
        begun = [text for splitter in self.splitters.values() if (text := _line(splitter.begun))]
        return [*self.output, *begun][-count:] if count else []


class TerminalProgress:
    """Draws the build. ``clock`` gives seconds; ``size`` the terminal's columns and rows."""

    def __init__(
        self,
        stream: TextIO,
        clock: Callable[[], float] = time.monotonic,
        size: Callable[[], tuple[int, int]] | None = None,
    ) -> None:
        self._screen = Screen(stream, size)
        self._style = Style(wants_colour(stream))
        self._symbols = _UNICODE if "utf" in (stream.encoding or "").lower() else _ASCII
        self._clock = clock
        self._started = self._drawn_at = clock()
        self._lock = Lock()
        self._running: dict[str, _Running] = {}
        self._staying: list[str] = []
        self._executed = self._cached = 0
        self._saved = 0.0
        self._warnings: list[CheckWarning] = []
        self._closed = Flag()
        self._ticker: Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        if self._ticker is not None:
            self._ticker.join()
        with self._lock:
            if self._cached:
                saved = f" {self._symbols.dot} saved {duration(self._saved)}" if self._saved >= 1 else ""
                steps = "step" if self._cached == 1 else "steps"
                text = f"{self._symbols.cached} {self._cached} {steps} cached{saved}"
                self._staying.append(self._style("green", text))
            if self._warnings:
                first, *others = warning_lines(self._warnings)
                self._staying += [self._style("yellow", first), *others]
            self._running.clear()
            self._draw([])

    def __call__(self, event: Event) -> None:
        """Take note of ``event``; it is drawn within a tenth of a second."""
        with self._lock:
            if self._closed.is_set():
                return
            if isinstance(event, TaskStarted | TaskProgress | TaskFinished):
                self._take_task(event)
            else:
                self._take(event)
            # No thread before the first step: until then the process may still need to be of one thread.
            if isinstance(event, StepStarted) and self._ticker is None:
                self._ticker = Thread(target=self._tick, name="progress", daemon=True)
                self._ticker.start()
            if self._ticker is None and self._clock() - self._drawn_at >= _INTERVAL:
                self._draw(self._live())

    # --- what the events say --------------------------------------------------------------------------

    def _take(self, event: Event) -> None:
        match event:
            case StepCached():
                self._cached += 1
                self._saved += event.saved
            case StepStarted():
                name, reason = step_name(event.provenance), visible(event.reason)
                self._running[event.layer] = _Running(name, reason, self._clock(), True)
            case StepOutput() if event.layer in self._running:
                step = self._running[event.layer]
                step.output.extend(map(_line, step.splitters[event.stream].feed(event.data)))
            case StepFinished():
                self._executed += 1
                self._stay(event.layer, self._symbols.done, "green", event.seconds)
            case StepFailed():
                symbol, colour = (
                    (self._symbols.cancelled, "dim") if event.cancelled else (self._symbols.failed, "red")
                )
                self._stay(event.layer, symbol, colour, event.seconds)
            case Notice():
                where = f"{visible(event.where)}: " if event.where else ""
                self._staying.append(
                    f"{self._style('yellow', self._symbols.notice)} {where}{visible(event.message)}"
                )
            case CheckWarning():
                self._warnings.append(event)
            case BuildFinished():
                self._running.clear()
            case _:
                pass  # the number of layers says little: see _summary

    def _take_task(self, event: TaskStarted | TaskProgress | TaskFinished) -> None:
        if isinstance(event, TaskStarted):
            self._running[event.task] = _Running(visible(event.title), "", self._clock(), False)
            return
        task = self._running.get(event.task)
        if task is None:
            return
        if isinstance(event, TaskProgress):
            task.note = amount(event)
        elif event.seconds < _NOTED:
            del self._running[event.task]
        else:
            task.note = visible(event.detail) or task.note
            self._stay(event.task, self._symbols.done, "green", event.seconds)

    def _stay(self, key: str, symbol: str, colour: str, seconds: float) -> None:
        ended = self._running.pop(key, None)
        if ended is not None:
            line = self._row(self._style(colour, symbol), ended.name, ended.note, duration(seconds))
            self._staying.append(line)

    # --- drawing --------------------------------------------------------------------------------------

    def _tick(self) -> None:
        while not self._closed.wait(_INTERVAL):
            with self._lock:
                self._draw(self._live())

    def _draw(self, lines: list[str]) -> None:
        self._drawn_at = self._clock()
        self._screen.draw(self._staying, lines)
        self._staying = []

    def _live(self) -> list[str]:
        """The lines to draw: what runs, with the end of its output as far as there is room; a summary."""
        _, rows = self._screen.size
        room = max(rows * 2 // 3, 3) - 1
        running = list(self._running.values())
        shown = running if len(running) <= room else running[: room - 1]
        now = self._clock()
        talking = sum(item.is_step for item in shown)
        share = min(_OUTPUT_LINES, (room - len(shown)) // talking) if talking else 0
        spinner = self._symbols.spinner
        symbol = self._style("cyan", spinner[int((now - self._started) / _INTERVAL) % len(spinner)])
        lines = []
        for item in shown:
            lines.append(self._row(symbol, item.name, item.note, duration(now - item.started)))
            if item.is_step:
                lines += [self._output(text) for text in item.last_lines(share)]
        if len(running) > len(shown):
            lines.append(self._plain_row(f"  {self._symbols.more} and {len(running) - len(shown)} more"))
        lines.append(self._plain_row(self._summary(now)))
        return lines

    def _summary(self, now: float) -> str:
        parts = [duration(now - self._started)]
        # No total: what only fed a step that is found in the cache is never looked at.
        if self._executed:
            parts.append(f"{self._executed} done")
        if self._cached:
            parts.append(f"{self._cached} cached")
        return "  " + f" {self._symbols.dot} ".join(parts)

    def _row(self, symbol: str, name: str, note: str, seconds: str) -> str:
        """``symbol name · note      time``; the time is at the right, the name is cut last."""
        room = self._columns() - 2 - len(seconds) - 1
        shown = clip(name, room, self._symbols.more)
        left = room - width(shown)
        remark = (
            clip(f" {self._symbols.dot} {note}", left, self._symbols.more)
            if note and left >= _NOTE_ROOM
            else ""
        )
        gap = " " * (left - width(remark) + 1)
        return f"{symbol} {shown}{self._style('dim', remark)}{gap}{self._style('dim', seconds)}"

    def _output(self, text: str) -> str:
        return self._style("dim", "    " + clip(text, self._columns() - 4, self._symbols.more))

    def _plain_row(self, text: str) -> str:
        return self._style("dim", clip(text, self._columns(), self._symbols.more))

    def _columns(self) -> int:
        """Columns to use: all but the last one, and no more than are easy to read across."""
        return max(min(self._screen.size[0] - 1, _WIDEST), _NARROWEST)


def _line(text: str) -> str:
    return plain_text(text.expandtabs(8))
