"""Keeps the store small: what goes besides what nobody refers to, and when that is looked at."""

from __future__ import annotations

import os
import time

from ..errors import StoreError
from ..events import Notice, Reporter, TaskFinished, TaskStarted
from ..store import Store, Usage
from .traces import recorded_on

__all__ = ["collect", "default_limit", "keep_below"]

_SHARE = 5  # of the disk: one part in five
_LEAST, _MOST = 10 * 10**9, 100 * 10**9
_SPARE = 0.9  # of the limit is kept, so that the next builds have room


def default_limit(root: str) -> int:
    """Bytes that the store at ``root`` may hold: a fifth of its disk, between 10 and 100 GB."""
    disk = os.statvfs(root)
    return min(max(disk.f_blocks * disk.f_frsize // _SHARE, _LEAST), _MOST)


def keep_below(store: Store, limit: int | None, reporter: Reporter) -> None:
    """Make room where the store holds more than ``limit`` bytes (none: the default). For the end of a build: what
    it has used stays, and what can not be removed is no reason to fail.
    """
    task, started = "collect", time.monotonic()
    try:
        most = default_limit(store.root) if limit is None else limit
        if store.size() <= most:
            return
        reporter(TaskStarted(task, "make room in the store"))
        freed = collect(store, keep_bytes=int(most * _SPARE)).removed["bytes"]
        reporter(TaskFinished(task, time.monotonic() - started, f"{freed / 10**6:.1f} MB freed"))
    except (StoreError, OSError) as error:
        reporter(Notice(f"the store could not be made smaller: {error}"))


def collect(store: Store, keep_bytes: int | None = None, until: float | None = None) -> Usage:
    """:meth:`Store.gc`, and the traces that say nothing any more: a trace is compared with the layers that it was
    recorded on. Raises :class:`StoreError`.
    """
    usage = store.gc(keep_bytes, until)
    there = store.diff_ids()
    store.remove_traces(number for number, value in store.all_traces() if not _is_of_use(value, there))
    return usage


def _is_of_use(trace: bytes, there: frozenset[str]) -> bool:
    layers = recorded_on(trace)
    return layers is not None and layers <= there
