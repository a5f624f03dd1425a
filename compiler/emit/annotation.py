"""What is known of a plan's layers besides the plan: what a build did with them, or what a rewrite did to them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["NO_ANNOTATIONS", "STATES", "Annotation", "Annotations", "annotation_text"]

# State → what it means, in the order of legends.
STATES = MappingProxyType(
    {
        "cached": "found in the cache",
        "ran": "ran",
        "changed": "changed",
        "moved": "moved",
        "new": "new",
        "removed": "removed",
        "failed": "failed",
    }
)


class Annotation(NamedTuple):
    """``state`` is one of ``STATES`` or empty; ``seconds`` is what the layer takes to make, ``size`` are the bytes
    that it adds (none: not known); ``note`` is a sentence for people.
    """

    state: str = ""
    seconds: float | None = None
    size: int | None = None
    note: str = ""


Annotations = Mapping[str, Annotation]  # by id of the layer

NO_ANNOTATIONS: Annotations = MappingProxyType({})


def annotation_text(annotation: Annotation) -> str:
    """One line of it, without the note.

    >>> annotation_text(Annotation("ran", 75.2, 3_400_000))
    'ran · 1 min 15 s · 3.4 MB'
    """
    parts = [annotation.state]
    if annotation.seconds is not None:
        parts.append(seconds_text(annotation.seconds))
    if annotation.size is not None:
        parts.append(size_text(annotation.size))
    return " · ".join(filter(None, parts))


def seconds_text(seconds: float) -> str:
    """A duration, for people.

    >>> [seconds_text(value) for value in (0, 0.0421, 3.14159, 59.97, 3725)]
    ['0 s', '42 ms', '3.1 s', '1 min 0 s', '1 h 2 min']
    """
    if round(seconds * 1000) < 1000:
        return f"{round(seconds * 1000)} ms" if round(seconds * 1000) else "0 s"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def size_text(size: int) -> str:
    """Bytes, for people.

    >>> [size_text(value) for value in (0, 999, 1000, 84_067_279, 5_000_000_000_000)]
    ['0 B', '999 B', '1.0 kB', '84.1 MB', '5000.0 GB']
    """
    value = float(size)
    for unit in ("B", "kB", "MB"):
        if value < (1000 if unit == "B" else 999.95):
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
