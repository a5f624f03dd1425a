"""``Effects``: what one step may read and write, on what evidence."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from .paths import EVERYTHING, NO_READS, NO_WRITES, WRITES_EVERYTHING, Reads, Writes

__all__ = ["Claim", "Effects", "Evidence", "obstacle", "unknown"]


class Evidence(IntEnum):
    """On what a statement about a step rests, the weakest first."""

    NONE = 0
    PROFILE = 1  # what its tools are known to do
    TEXT = 2  # its own text: copies, redirections, the shell's own commands
    OBSERVED = 3  # a trace of an earlier run


class Claim(NamedTuple):
    """One sentence for people: ``npm ci reads package.json and package-lock.json``."""

    text: str
    evidence: Evidence


class Effects(NamedTuple):
    """What a step may read of the tree below it, and what it may write.

    ``evidence`` is the weakest that the sets rest on. ``volatile`` says, in words, why another run may give
    another result (the network, the clock, a moving target); empty where it gives the same. ``network`` says that
    it asks it. ``unknown`` says what could not be understood: the sets are then everything.

    ``manifests`` are the files (absolute paths in the image) that name what an installing tool installs; ``caches``
    are paths that it fills and that an image does not need; ``removes`` are paths that are gone when it ends.
    ``tools`` are the profiles that were used; ``seconds`` what they say that the step takes, an estimate. ``links``
    are symbolic links that it makes, path and absolute target.
    """

    reads: Reads = NO_READS
    writes: Writes = NO_WRITES
    evidence: Evidence = Evidence.TEXT
    volatile: str = ""
    network: bool = False
    unknown: str = ""
    manifests: tuple[str, ...] = ()
    caches: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    seconds: float = 0.0
    links: tuple[tuple[str, str], ...] = ()


def unknown(why: str) -> Effects:
    """The effects of a step of which nothing is known."""
    return Effects(EVERYTHING, WRITES_EVERYTHING, Evidence.NONE, unknown=why)


def obstacle(first: Effects, second: Effects) -> str:
    """Why two steps, one right after the other, may not change places; empty if they commute.

    They commute if neither writes what the other reads or writes.
    """
    for effects in (first, second):
        if effects.unknown:
            return effects.unknown
    if path := second.reads.conflict(first.writes):
        return f"the second may read {path}, which the first writes"
    if path := first.reads.conflict(second.writes):
        return f"the first may read {path}, which the second writes"
    if path := first.writes.conflict(second.writes):
        return f"both may write {path}"
    return ""
