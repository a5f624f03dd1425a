"""What a recorded step read, taken from its trace again."""

from __future__ import annotations

from dataclasses import dataclass

from ..store import Store
from ..trace import trace as events
from .history import StepRecord
from .reasons import trace_of
from .traces import recorded

__all__ = ["Reading", "reading", "words"]

# Events, strongest first, as they are called in what is printed.
_WORDS = (
    (events.READ, "read"),
    (events.LISTED, "listed"),
    (events.STATED, "looked at"),
    (events.LINKED, "links counted"),
    (events.ABSENT, "looked for in vain"),
    (events.LOOKED_UP, "looked up"),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a step took from its trees: events by path, tree by tree (the first is what it ran on, the others are
    its bind mounts, in order). None where that is not known; ``why`` says why not, if there is a reason.
    """

    trees: tuple[dict[str, int], ...] | None
    why: str = ""


def reading(store: Store, step: StepRecord) -> Reading:
    """What ``step`` read when its result was made."""
    key, why = trace_of(store, step.layer)
    found = list(store.traces(key)) if key else []
    # The one that gave what the build used; else the last one.
    found.sort(key=lambda item: item[0].layers != step.layers)
    for _, data in found:
        views = recorded(data)
        if views is not None:
            return Reading(tuple(dict(view.trace.events) for view in views))
    return Reading(None, why)


def words(event: int) -> list[str]:
    """What an event says, in words; that a path was looked up only where nothing else was done with it."""
    said = [word for bit, word in _WORDS if event & bit]
    return said[:-1] if len(said) > 1 and event & events.LOOKED_UP else said
