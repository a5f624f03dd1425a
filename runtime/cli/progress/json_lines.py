"""Progress for programs: one JSON object an event and a line (docs/cli.md has the table).

Each has ``event`` (the event's name), ``time`` (UTC, RFC 3339), and the event's own fields. What a step
printed is ``text`` where it is UTF-8, else ``base64``: no byte is lost.
"""

from __future__ import annotations

import json
import re
import time
from base64 import b64encode
from collections.abc import Callable
from threading import Lock
from typing import Any, Self, TextIO

from ...events import Event, StepCached, StepOutput, StepStarted

__all__ = ["JsonProgress", "event_document"]

_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


def event_document(event: Event) -> dict[str, Any]:
    """The JSON form of ``event``, without the time."""
    fields = event._asdict()
    if isinstance(event, StepStarted | StepCached):
        fields["provenance"] = event.provenance._asdict()
        fields["decision"] = event.decision and event.decision.to_document()
    if isinstance(event, StepOutput):
        del fields["data"]
        try:
            fields["text"] = event.data.decode()
        except UnicodeDecodeError:
            fields["base64"] = b64encode(event.data).decode()
    return {"event": _CAPITAL.sub("-", type(event).__name__).lower()} | fields


class JsonProgress:
    """Writes JSON lines. ``clock`` gives seconds since the epoch."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.time) -> None:
        self._stream = stream
        self._clock = clock
        self._lock = Lock()
        self._gone = False

    def __call__(self, event: Event) -> None:
        """Write ``event``. Once nobody reads, the build goes on unseen."""
        seconds, milliseconds = divmod(round(self._clock() * 1000), 1000)
        stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{milliseconds:03}Z"
        document = event_document(event)
        line = json.dumps({"event": document.pop("event"), "time": stamp} | document)
        with self._lock:
            if self._gone:
                return
            try:
                self._stream.write(line + "\n")
                self._stream.flush()
            except OSError:
                self._gone = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Every event was written when it came."""
