"""Names that ARG and ENV give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...grammar.syntax import Instruction
from .stages import StageView

if TYPE_CHECKING:
    from .subject import Subject

__all__ = ["declared", "known_variables"]


def known_variables(subject: Subject, stage: StageView, instruction: Instruction) -> set[str]:
    """Names that ARG and ENV give above ``instruction``, in its stage and those below it."""
    found: set[str] = set()
    view: StageView | None = stage
    while view is not None:
        for each in view.of("ENV", "ARG"):
            if each.span.start < instruction.span.start:
                found.update(declared(each))
        view = view.parent
    for each in subject.arguments:
        if each.keyword == "ARG":
            found.update(declared(each))
    return found


def declared(instruction: Instruction) -> Iterator[str]:
    """The names that an ENV, LABEL or ARG gives."""
    if instruction.keyword == "ARG":
        yield from (word.partition("=")[0] for word in instruction.args)
    else:
        yield from instruction.args[::2]
