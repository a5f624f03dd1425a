"""Cuts what programs print into lines."""

from __future__ import annotations

__all__ = ["LineSplitter"]

_LONGEST = 64 * 1024


class LineSplitter:
    """Bytes in, whole lines out. Of a line that was overwritten after carriage returns the last state counts.

    Bytes that are not UTF-8 are written as escapes. A line that does not end is cut after 64 KiB.
    """

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[str]:
        """The lines that ``data`` completes."""
        self._rest += data
        if b"\n" in data:
            *whole, rest = bytes(self._rest).split(b"\n")
            self._rest = bytearray(rest)
        else:
            whole = []
        if len(self._rest) > _LONGEST:
            # What was overwritten is gone anyway; only a line that really is so long is cut.
            last = _last_state(bytes(self._rest))
            if len(last) > _LONGEST:
                whole.append(last)
                last = b""
            self._rest = bytearray(last)
        return [_text(line) for line in whole]

    def flush(self) -> list[str]:
        """The line that was begun, if any: its program has ended."""
        line, self._rest = bytes(self._rest), bytearray()
        return [_text(line)] if line else []

    @property
    def begun(self) -> str:
        """The line that is not ended yet, as far as it is known."""
        return _text(bytes(self._rest[-_LONGEST:]))


def _last_state(line: bytes) -> bytes:
    line = line.rstrip(b"\r")
    return line[line.rfind(b"\r") + 1 :]


def _text(line: bytes) -> str:
    return _last_state(line).decode("utf-8", "backslashreplace")
