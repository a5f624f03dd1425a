"""ENTRYPOINT: the program that a container is."""

from __future__ import annotations

from typing import Self

from ..gotext import quote_list
from ..site import Site
from ..stage import Stage
from .command import Command
from .shellform import command_line

__all__ = ["Entrypoint"]


class Entrypoint(Command):
    """An empty JSON array unsets what the base says."""

    @classmethod
    def read(cls, site: Site) -> Self:
        """``ENTRYPOINT ["program", …]`` or ``ENTRYPOINT text``."""
        return cls(site)

    def apply(self, stage: Stage) -> None:
        """Set the entry point; a CMD that came from the base, and not from this stage, is dropped."""
        stage.checks.used_once(self.site, stage.used)
        stage.checks.json_recommended(self.site, has_shell=bool(stage.config.shell))
        args = command_line(self.site, stage.config)
        stage.change(entrypoint=args or None)
        if "CMD" not in stage.used:
            stage.change(cmd=None)
        stage.record(f"ENTRYPOINT {quote_list(args)}")
