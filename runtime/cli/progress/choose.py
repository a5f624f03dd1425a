"""The forms of progress by name; each is imported when it is used."""

from __future__ import annotations

import os
from importlib import import_module
from types import TracebackType
from typing import Protocol, Self, TextIO

from ...events import Event

__all__ = ["MODES", "Progress", "open_progress"]

# Name on the command line, module, class.
_FORMS = (
    ("plain", "plain", "PlainProgress"),
    ("tty", "tty", "TerminalProgress"),
    ("json", "json_lines", "JsonProgress"),
    ("rawjson", "json_lines", "JsonProgress"),
    ("quiet", "quiet", "QuietProgress"),
    ("none", "quiet", "QuietProgress"),
)
MODES = ("auto", *(name for name, _, _ in _FORMS))


class Progress(Protocol):
    """A reporter of :mod:`layerc.runtime.events` that is closed at the end. Any thread may call it."""

    def __call__(self, event: Event) -> None:
        """Show ``event``."""

    def __enter__(self) -> Self:
        """Itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show what is left, and leave the terminal in order."""


def open_progress(mode: str, stream: TextIO) -> Progress:
    """The progress of that name on ``stream``. ``auto`` is tty on a terminal, plain otherwise.

    Raises :class:`UsageError` for tty without a terminal.
    """
    if mode == "tty" and not stream.isatty():
        from ...errors import UsageError

        raise UsageError(
            "--progress tty: standard error is not a terminal", help="--progress auto sees that by itself"
        )
    if mode == "auto":
        capable = stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        mode = "tty" if capable else "plain"
    module, form = next((module, form) for name, module, form in _FORMS if name == mode)
    progress: Progress = getattr(import_module(f".{module}", __package__), form)(stream)
    return progress
