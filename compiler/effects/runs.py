"""RUN: what the mounts, the directory and the command of a step read and write."""

from __future__ import annotations

from ..graph.operations import Run
from ..optimize.facts import Facts
from .links import Links
from .model import Effects, unknown

__all__ = ["run_effects"]


def run_effects(operation: Run, facts: Facts, links: Links) -> Effects:
    """The effects of a RUN."""
    del facts, links
    return unknown(f"`{operation.argv[0] if operation.argv else ''}` is not known")
