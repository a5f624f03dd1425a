"""SHELL: what the shell form of commands is handed to."""

from __future__ import annotations

from typing import Final, Self

from ..gotext import format_list
from ..site import Site
from ..stage import Stage
from .command import Command

__all__ = ["Shell"]


class Shell(Command):
    """A JSON array of at least one word."""

    def __init__(self, site: Site, shell: tuple[str, ...]) -> None:
        super().__init__(site)
        self.shell: Final = shell

    @classmethod
    def read(cls, site: Site) -> Self:
        """``SHELL ["program", "argument", …]``."""
        return cls(site, site.instruction.args)

    def apply(self, stage: Stage) -> None:
        """Set the shell of steps below and of the image."""
        stage.change(shell=self.shell)
        stage.record(f"SHELL {format_list(self.shell)}")
