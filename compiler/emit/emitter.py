"""What a plan can be written as."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..graph.plan import LayerPlan

__all__ = ["Emitter"]


class Emitter(NamedTuple):
    """A format by the name that ``--format`` takes, the usual end of its file names, and who writes it."""

    name: str
    suffix: str
    emit: Callable[[LayerPlan], str]
