"""What a plan can be written as."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..graph.plan import LayerPlan

__all__ = ["Emitter"]


@dataclass(frozen=True, slots=True)
class Emitter:
    """A format by the name that ``--format`` takes, the usual end of its file names, and who writes it."""

    name: str
    suffix: str
    emit: Callable[[LayerPlan], str]
