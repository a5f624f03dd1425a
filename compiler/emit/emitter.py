"""What a plan can be written as."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ..graph.plan import LayerPlan
from .annotation import NO_ANNOTATIONS, Annotations

__all__ = ["Emit", "Emitter"]


class Emit(Protocol):
    """Writes a plan, with what is known of its layers besides."""

    def __call__(self, plan: LayerPlan, annotations: Annotations = NO_ANNOTATIONS) -> str:
        """The text."""
        ...


class Emitter(NamedTuple):
    """A format by the name that ``--format`` takes, the usual end of its file names, and who writes it. Pictures
    show what a build did; other formats are the plan alone.
    """

    name: str
    suffix: str
    emit: Emit
    is_picture: bool = True
