"""The stages of a Dockerfile, as ``--call=targets`` lists them. No value is evaluated."""

from __future__ import annotations

from typing import NamedTuple

from ...grammar.syntax import Document
from ..comments import comments_above, description
from ..program import read_program

__all__ = ["Target", "list_targets"]


class Target(NamedTuple):
    """A stage; ``base`` and ``platform`` are as written. ``default`` is built unless another is named."""

    name: str
    description: str
    base: str
    platform: str
    default: bool
    line: int
    end_line: int


def list_targets(document: Document) -> tuple[Target, ...]:
    """All stages in order. Raises ``CompileError``."""
    stages = read_program(document).stages
    comments = comments_above(document)
    found = []
    for stage in stages:
        from_, instruction = stage.from_, stage.from_.site.instruction
        told = description(comments.get(instruction.span.start, ()), from_.name)
        lines = instruction.start_line, instruction.end_line
        found.append(Target(from_.name, told, from_.base, from_.platform, stage is stages[-1], *lines))
    return tuple(found)
