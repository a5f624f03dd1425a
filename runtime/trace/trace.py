"""A trace: what was asked of a tree, by path."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["ABSENT", "LINKED", "LISTED", "LOOKED_UP", "READ", "STATED", "Trace", "parse_record"]

# The events of server.c.
LOOKED_UP = 1  # that the path exists; its type, mode, owner, link target, device, extended attributes
STATED = 2  # its size and time
READ = 4  # its content
LISTED = 8  # the names in it
ABSENT = 16  # that nothing is there
LINKED = 32  # that the file has other names as well

_HEADER = b"layerc-trace 1\n"
_END = b"."
_STORED = "layerc-trace 2\n"
_NUMBERS = {f"{number:02x} ": number for number in range(256)}


class Trace(NamedTuple):
    """Events by path (as in :class:`..snapshot.entry.Entry`), each a sum of the constants above."""

    events: Mapping[str, int]

    def joined(self, events: Mapping[str, int]) -> Trace:
        """With ``events`` as well."""
        return Trace(
            {**self.events, **{path: self.events.get(path, 0) | event for path, event in events.items()}}
        )

    def to_bytes(self) -> bytes:
        """A compact form, equal for equal traces: of two digits for each event, it is quick to read."""
        rows = (f"{self.events[path]:02x} {path}" for path in sorted(self.events))
        return zlib.compress(_STORED.encode() + "\0".join(rows).encode("utf-8", "surrogateescape"))

    @classmethod
    def from_bytes(cls, data: bytes) -> Trace:
        """The trace that :meth:`to_bytes` gave. Raises ``ValueError`` for anything else."""
        try:
            text = zlib.decompress(data).decode("utf-8", "surrogateescape")
            if not text.startswith(_STORED):
                raise ValueError("no trace of this version")
            rows = text[len(_STORED) :].split("\0") if len(text) > len(_STORED) else []
            return cls({row[3:]: _NUMBERS[row[:3]] for row in rows})
        except (zlib.error, KeyError) as error:
            raise ValueError(f"no trace: {error}") from error


def parse_record(data: bytes) -> Trace:
    """The record that the tracer writes (``server.c`` describes it). Raises ``ValueError`` if it is cut off."""
    if not data.startswith(_HEADER) or not data.endswith(_END + b"\0"):
        raise ValueError("not a complete trace")
    events: dict[str, int] = {}
    for row in data[len(_HEADER) : -2].split(b"\0")[:-1]:
        number, _, path = row.partition(b" ")
        events[path.decode("utf-8", "surrogateescape")] = int(number, 16)
    return Trace(events)
