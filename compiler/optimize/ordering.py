"""Which steps of a stage may change places, and the order of them that costs least to rebuild."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..effects.model import obstacle
from .knowledge import Knowledge, Known

__all__ = ["Lift", "Order", "obstacle_between"]

#: Instructions without a layer that a RUN sees. (VOLUME: what is written below it later is lost in some builders.)
_SEEN_BY_RUN = frozenset(("ENV", "ARG", "USER", "WORKDIR", "SHELL", "VOLUME"))
_VARIABLES = frozenset(("ENV", "ARG"))
_COMMANDS = frozenset(("CMD", "ENTRYPOINT", "HEALTHCHECK", "SHELL"))


class Lift(NamedTuple):
    """``moved`` go, in their order, right above ``above``; that saves ``seconds`` per change. ``wanted`` is the one
    for whose sake the others go.
    """

    moved: tuple[Known, ...]
    above: Known
    wanted: Known
    seconds: float


class Order:
    """The steps of one stage, in the order in which they are now."""

    def __init__(self, knowledge: Knowledge, steps: Sequence[Known], below: frozenset[int]) -> None:
        self._knowledge = knowledge
        self._steps = list(steps)
        self._below = below
        self._why: dict[tuple[int, int], str] = {}
        self.refused: dict[int, tuple[Known, Known, str]] = {}

    @property
    def cost(self) -> float:
        """Seconds per change."""
        return self._knowledge.expected(self._steps, self._below)

    def best(self, least: float) -> Lift | None:
        """The lift that saves most, if that is ``least`` seconds or more; of equal ones the shortest."""
        now = self.cost
        found: Lift | None = None
        for index, step in enumerate(self._steps):
            if step.step.keyword != "RUN" or step.seconds < least:
                continue
            for place in self._places(index):
                closure = self._closure(place, index)
                if place in closure:
                    self._note(place, index, least, now)
                    continue
                saved = now - self._knowledge.expected(self._lifted(closure, place), self._below)
                if saved >= max(least, found.seconds + 0.01 if found else 0):
                    moved = tuple(self._steps[number] for number in sorted(closure))
                    found = Lift(moved, self._steps[place], step, saved)
        return found

    def apply(self, lift: Lift) -> None:
        """The order behind it."""
        keys = [step.step.key for step in self._steps]
        closure = {keys.index(step.step.key) for step in lift.moved}
        self._steps = self._lifted(closure, keys.index(lift.above.step.key))

    def why(self, first: Known, second: Known) -> str:
        """Why they may not change places."""
        key = (first.step.key, second.step.key)
        if key not in self._why:
            self._why[key] = obstacle_between(first, second)
        return self._why[key]

    def _places(self, index: int) -> list[int]:
        """Steps above one, the lowest first, that make it run again more often."""
        found: list[int] = []
        changes = self._below
        for place, step in enumerate(self._steps[:index]):
            if not step.takes <= changes:
                changes |= step.takes
                found.append(place)
        return found[::-1]

    def _closure(self, place: int, index: int) -> set[int]:
        """Those from ``place`` on that a step can not be without."""
        closure = {index}
        for number in range(index - 1, place - 1, -1):
            if any(self.why(self._steps[number], self._steps[other]) for other in sorted(closure)):
                closure.add(number)
        return closure

    def _lifted(self, closure: set[int], place: int) -> list[Known]:
        moved = [self._steps[number] for number in sorted(closure)]
        rest = [step for number, step in enumerate(self._steps) if number >= place and number not in closure]
        return [*self._steps[:place], *moved, *rest]

    def _note(self, place: int, index: int, least: float, now: float) -> None:
        """Remember that a step would be worth to be moved, and what is in the way."""
        step, above = self._steps[index], self._steps[place]
        alone = self._knowledge.expected(self._lifted({index}, place), self._below)
        if now - alone < least or index in self.refused:
            return
        why = self.why(above, step)
        if why:
            self.refused[index] = (step, above, why)


def obstacle_between(first: Known, second: Known) -> str:
    """Why ``second``, which stands below ``first`` somewhere, may not be moved above it; empty if it may."""
    if first.effects and second.effects and (why := obstacle(first.effects, second.effects)):
        return why
    return _unlike(first, second) or _unlike(second, first)


def _unlike(one: Known, other: Known) -> str:
    """What ``other`` is would be another with ``one`` on its other side."""
    keyword, sees = one.step.keyword, other.step.keyword
    why = f"{sees} depends on {keyword}"
    if not one.step.built:
        return "it is not understood"
    if sees == "RUN":
        return why if keyword in _SEEN_BY_RUN else ""
    if keyword in _VARIABLES:
        return why if "$" in other.step.text or sees in _VARIABLES else ""
    if keyword == "WORKDIR":
        return why if sees in {"COPY", "ADD", "WORKDIR"} and not _is_absolute(other) else ""
    if keyword == "VOLUME":
        return why if other.effects is not None else ""
    if keyword == "USER":
        return why if sees in {"WORKDIR", "USER"} else ""
    if keyword in _COMMANDS:
        return why if sees in _COMMANDS else ""
    return why if one.effects is None and keyword == sees else ""


def _is_absolute(known: Known) -> bool:
    """Whether the working directory makes no difference to where it writes."""
    last = known.step.instruction.args[-1] if known.step.instruction.args else ""
    return known.step.keyword in {"COPY", "ADD"} and last.startswith("/")
