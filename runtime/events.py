"""What happens during a build, as values: the engine tells, a reporter (progress, tests) listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..compiler.graph.layer import Provenance
from .decisions import Decision

__all__ = [
    "BuildFinished",
    "BuildStarted",
    "CheckWarning",
    "Event",
    "Notice",
    "Reporter",
    "StepCached",
    "StepFailed",
    "StepFinished",
    "StepOutput",
    "StepStarted",
    "TaskFinished",
    "TaskProgress",
    "TaskStarted",
]


class BuildStarted(NamedTuple):
    """The plan is known: how many layers may have to be made."""

    layers: int


class StepStarted(NamedTuple):
    """A layer is being made; ``reason`` says why it was not found in the cache (empty for a base image), in one
    line, and ``decision`` in full.
    """

    layer: str
    provenance: Provenance
    reason: str
    decision: Decision | None = None


class StepCached(NamedTuple):
    """A layer was found; ``level`` is definition, content or trace; ``saved``: seconds it once took. ``layers``
    are the diff IDs of what it adds to its parent.
    """

    layer: str
    provenance: Provenance
    level: str
    saved: float
    decision: Decision | None = None
    layers: tuple[str, ...] = ()


class StepOutput(NamedTuple):
    """Bytes that a running step printed. ``stream`` is 1 (standard output) or 2 (standard error)."""

    layer: str
    stream: int
    data: bytes


class StepFinished(NamedTuple):
    """A layer was made, in ``seconds``; ``size`` is the bytes of its uncompressed archive, ``layers`` are the diff
    IDs of what it adds to its parent.
    """

    layer: str
    seconds: float
    size: int
    layers: tuple[str, ...] = ()


class StepFailed(NamedTuple):
    """A layer could not be made, or was cancelled because another failed."""

    layer: str
    seconds: float
    cancelled: bool


class TaskStarted(NamedTuple):
    """Work that is no step: resolving or pulling an image, scanning the context, exporting."""

    task: str
    title: str


class TaskProgress(NamedTuple):
    """``done`` of ``total``; ``total`` is 0 while unknown. ``unit``: ``bytes``, or what is counted."""

    task: str
    done: int
    total: int
    unit: str = "bytes"


class TaskFinished(NamedTuple):
    """``detail`` is a short result to show, such as a digest."""

    task: str
    seconds: float
    detail: str = ""


class Notice(NamedTuple):
    """Something that the user should know and that stops nothing."""

    message: str
    where: str = ""


class CheckWarning(NamedTuple):
    """What one of Docker's build checks says of the Dockerfile: the rule's name, and ``FILE:LINE``."""

    rule: str
    message: str
    where: str


class BuildFinished(NamedTuple):
    """How many steps ran and how many were found."""

    seconds: float
    executed: int
    cached: int


Event = (
    BuildStarted
    | StepStarted
    | StepCached
    | StepOutput
    | StepFinished
    | StepFailed
    | TaskStarted
    | TaskProgress
    | TaskFinished
    | Notice
    | CheckWarning
    | BuildFinished
)
Reporter = Callable[[Event], None]
