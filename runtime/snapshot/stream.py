"""A layer's archive as a stream: hashed, counted, and handed on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import BinaryIO

from ..errors import StoreError
from .entry import Entry
from .tar import END, headers, padding

__all__ = ["CHUNK", "LayerStream"]

CHUNK = 1 << 20
_BATCH = 1 << 17


class LayerStream:
    """Takes entries in order and makes the archive of them; ``sink``, if given, gets its bytes."""

    def __init__(self, sink: Callable[[bytes], object] | None = None) -> None:
        self._hash = hashlib.sha256()
        self._sink = sink
        self._batch: list[bytes] = []
        self._waiting = 0
        self.size = 0

    def entry(self, entry: Entry) -> None:
        """An entry that has no content."""
        self._add(headers(entry))

    def small_file(self, entry: Entry, data: bytes) -> None:
        """A file whose content is at hand."""
        self._add(headers(entry))
        self._add(data)
        self._add(padding(len(data)))

    def file(self, entry: Entry, content: BinaryIO) -> str:
        """A file; the digest of its content. Raises :class:`StoreError` if it is shorter than it should be."""
        self._add(headers(entry))
        digest = hashlib.sha256()
        left = entry.size
        while left > 0:
            data = content.read(min(CHUNK, left))
            if not data:
                raise StoreError(f"{entry.path}: the file became shorter while it was read")
            digest.update(data)
            self._add(data)
            left -= len(data)
        self._add(padding(entry.size))
        return f"sha256:{digest.hexdigest()}"

    def finish(self) -> str:
        """End the archive; its digest, the diff ID."""
        self._add(END)
        self._flush()
        return f"sha256:{self._hash.hexdigest()}"

    def _add(self, data: bytes) -> None:
        self._batch.append(data)
        self._waiting += len(data)
        if self._waiting >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        data = b"".join(self._batch)
        self._batch.clear()
        self._waiting = 0
        self.size += len(data)
        self._hash.update(data)
        if self._sink is not None:
            self._sink(data)
