"""Stages as the tree shows them: nothing is checked or evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...grammar.source import Span
from ...grammar.syntax import Instruction

__all__ = ["StageView", "stages_of"]


class StageView(NamedTuple):
    """FROM and the ``instructions`` after it. ``number`` counts from 0; ``base`` is as written, variables and all,
    ``name`` in lower case and empty where there is none. ``parent`` is the stage that this one goes on from.
    """

    number: int
    from_: Instruction
    base: str
    name: str
    parent: StageView | None
    is_last: bool
    instructions: tuple[Instruction, ...]

    def of(self, *keywords: str) -> tuple[Instruction, ...]:
        """Its instructions of these keywords."""
        return tuple(each for each in self.instructions if each.keyword in keywords)

    @property
    def span(self) -> Span:
        """From FROM to the end of its last instruction."""
        last = self.instructions[-1] if self.instructions else self.from_
        return Span(self.from_.span.start, last.span.end)


def stages_of(instructions: Sequence[Instruction]) -> tuple[StageView, ...]:
    """Cut ``instructions`` at each FROM; what stands before the first is in none."""
    starts = [index for index, each in enumerate(instructions) if each.keyword == "FROM"]
    views: list[StageView] = []
    by_name: dict[str, StageView] = {}
    for number, start in enumerate(starts):
        last = number + 1 == len(starts)
        from_ = instructions[start]
        end = len(instructions) if last else starts[number + 1]
        name = from_.args[2].lower() if len(from_.args) > 2 else ""
        view = StageView(
            number,
            from_,
            from_.args[0],
            name,
            by_name.get(from_.args[0]),
            last,
            tuple(instructions[start + 1 : end]),
        )
        views.append(view)
        if name:
            by_name[name] = view
    return tuple(views)
