"""No progress: ``--quiet``."""

from __future__ import annotations

from typing import Self, TextIO

from ...events import Event

__all__ = ["QuietProgress"]


class QuietProgress:
    """Shows nothing; errors are shown by the command."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        """Show nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to show."""
