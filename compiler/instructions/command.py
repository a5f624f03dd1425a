"""What every instruction's file offers: a frozen command, read from the tree and applied to a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self

from ..site import Site

if TYPE_CHECKING:
    from ..stage import Stage

__all__ = ["Command"]


class Command:
    """One instruction, checked. ``is_step`` says whether it counts in ``[build 2/5]``."""

    is_step: ClassVar[bool] = False

    def __init__(self, site: Site) -> None:
        self.site: Final = site

    @classmethod
    def read(cls, site: Site) -> Self:
        """Take the arguments, and check what the grammar does not and can be checked without values.

        Raises ``CompileError``.
        """
        raise NotImplementedError

    def apply(self, stage: Stage) -> None:
        """Change ``stage``: its config, its environment, its layers. Raises ``CompileError``."""
        raise NotImplementedError

    def mentions(self) -> tuple[str, ...]:
        """Stages or images whose files this command reads."""
        return ()
