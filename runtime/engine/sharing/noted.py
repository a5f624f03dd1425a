"""Under which keys the result of a step can be found: noted when it is made, for those who share it."""

from __future__ import annotations

import json
from typing import NamedTuple

from ...store.store import Store

__all__ = ["StepKeys", "all_definitions", "note_keys", "noted_keys"]

_RECORD = "step keys"


class StepKeys(NamedTuple):
    """The keys of a step besides that of its definition; empty where they are not known."""

    content: str = ""
    trace: str = ""


def note_keys(store: Store, definition: str, keys: StepKeys) -> None:
    """Note the other keys of a definition's result."""
    store.add_record(_RECORD, definition, json.dumps(keys).encode())


def noted_keys(store: Store, definition: str) -> StepKeys:
    """What :func:`note_keys` noted."""
    noted = store.record(_RECORD, definition)
    return StepKeys() if noted is None else StepKeys(*json.loads(noted))


def all_definitions(store: Store) -> tuple[str, ...]:
    """Definition keys of all steps that were noted."""
    return tuple(store.records(_RECORD))
