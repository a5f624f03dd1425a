"""A store for a trial: it has all that the real one has, and what is noted in it is gone afterwards.

Layers that a trial makes are really there, held by the open store; results, traces and records under which a later
build would find them are kept here alone.
"""

from __future__ import annotations

from types import TracebackType

from ..store import Store
from ..store.values import Result
from .history import History

__all__ = ["ScratchStore", "UnkeptHistory"]


class ScratchStore(Store):
    """The view of one trial build onto an open store. It is closed with that one."""

    def __init__(self, store: Store) -> None:
        vars(self).update(vars(store))  # all of it is shared, but for what is overridden below
        self._own_results: dict[str, Result] = {}
        self._own_records: dict[tuple[str, str], bytes] = {}

    def result(self, key: str) -> Result | None:
        """What the trial noted, else what the store has."""
        return self._own_results.get(key) or super().result(key)

    def add_result(self, key: str, result: Result) -> None:
        """Note it for the trial."""
        self._own_results[key] = result

    def add_trace(self, key: str, result: Result, trace: bytes, most: int) -> None:
        """Traces serve later builds; a trial has none."""

    def replace_trace(self, key: str, trace: bytes, other: bytes) -> None:
        """Nothing is changed."""

    def record(self, kind: str, key: str) -> bytes | None:
        """What the trial noted, else what the store has."""
        own = self._own_records.get((kind, key))
        return super().record(kind, key) if own is None else own

    def add_record(self, kind: str, key: str, value: bytes) -> None:
        """Note it for the trial."""
        self._own_records[kind, key] = value


class UnkeptHistory(History):
    """Knows earlier builds, and does not become one."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is written down."""
