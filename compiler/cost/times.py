"""How long a step takes: as it did in earlier builds, else an estimate that is marked as one."""

from __future__ import annotations

from typing import Literal, NamedTuple

from ..effects.model import Effects
from ..graph.layer import ImageLayer
from ..graph.operations import Add, Base, Copy, HttpFile, MakeDir, Run
from ..optimize.facts import Facts

__all__ = ["Source", "Time", "time_of", "weakest"]

#: On what a figure rests. ``measured``: times of earlier builds, and changes from the history of the files;
#: ``history``: those changes, but times are estimates; ``estimate``: the changes are assumed, too.
Source = Literal["measured", "history", "estimate"]

_ORDER: tuple[Source, ...] = ("estimate", "history", "measured")
_UNKNOWN = 5.0
_COPY = 0.1
_DOWNLOAD = 2.0
_LEAST = 0.2  # of a step that starts a program


class Time(NamedTuple):
    """Seconds, and whether they were measured."""

    seconds: float
    measured: bool


def time_of(layer: ImageLayer, facts: Facts, effects: Effects) -> Time:
    """What the step of ``layer`` takes when it runs."""
    observed = facts.observed.get(layer.id)
    if observed is not None and observed.seconds is not None:
        return Time(observed.seconds, True)
    return Time(_estimate(layer, effects), False)


def _estimate(layer: ImageLayer, effects: Effects) -> float:
    match layer.operation:
        case Run():
            return max(effects.seconds + _UNKNOWN * bool(effects.unknown), _LEAST)
        case Copy() | Add() as copy:
            return _DOWNLOAD if any(isinstance(item, HttpFile) for item in copy.sources) else _COPY
        case Base() | MakeDir():
            return 0.0


def weakest(*sources: Source) -> Source:
    """The source of a figure that rests on several.

    >>> weakest("measured", "history")
    'history'
    """
    return min(sources, key=_ORDER.index, default="measured")
