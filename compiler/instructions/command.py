"""What every instruction's file offers: a frozen command, read from the tree and applied to a stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from ..site import Site

if TYPE_CHECKING:
    from ..stage import Stage

__all__ = ["Command", "at_least_one", "exactly_one"]


@dataclass(frozen=True, slots=True, eq=False)
class Command:
    """One instruction, checked. ``is_step`` says whether it counts in ``[build 2/5]``."""

    site: Site

    is_step: ClassVar[bool] = False

    @classmethod
    def read(cls, site: Site) -> Self:
        """Check what can be checked without values. Raises ``CompileError``."""
        raise NotImplementedError

    def apply(self, stage: Stage) -> None:
        """Change ``stage``: its config, its environment, its layers. Raises ``CompileError``."""
        raise NotImplementedError

    def mentions(self) -> tuple[str, ...]:
        """Stages or images whose files this command reads."""
        return ()


def at_least_one(site: Site) -> tuple[str, ...]:
    """The arguments of an instruction that needs some."""
    if not site.instruction.args:
        raise site.error(f"{site.instruction.keyword} requires at least one argument")
    return site.instruction.args


def exactly_one(site: Site) -> str:
    """The argument of an instruction that takes one."""
    if len(site.instruction.args) != 1:
        raise site.error(f"{site.instruction.keyword} requires exactly one argument")
    return site.instruction.args[0]
