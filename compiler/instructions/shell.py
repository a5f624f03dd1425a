"""SHELL: what the shell form of commands is handed to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ..gotext import format_list
from ..site import Site
from ..stage import Stage
from .command import Command, at_least_one
from .flags import read_flags

__all__ = ["Shell"]


@dataclass(frozen=True, slots=True, eq=False)
class Shell(Command):
    """A JSON array of at least one word."""

    shell: tuple[str, ...]

    @classmethod
    def read(cls, site: Site) -> Self:
        """``SHELL ["program", "argument", …]``."""
        read_flags(site)
        shell = at_least_one(site)
        if not site.instruction.exec_form:
            raise site.error(
                "SHELL requires the arguments to be in JSON form",
                help='for example SHELL ["/bin/bash", "-c"]',
            )
        return cls(site, shell)

    def apply(self, stage: Stage) -> None:
        """Set the shell of steps below and of the image."""
        stage.change(shell=self.shell)
        stage.record(f"SHELL {format_list(self.shell)}")
