"""CMD: what a container runs unless told otherwise."""

from __future__ import annotations

from typing import Self

from ..gotext import quote_list
from ..site import Site
from ..stage import Stage
from .command import Command
from .shellform import command_line

__all__ = ["Cmd"]


class Cmd(Command):
    """An empty JSON array unsets what the base says."""

    @classmethod
    def read(cls, site: Site) -> Self:
        """``CMD ["program", …]`` or ``CMD text``."""
        return cls(site)

    def apply(self, stage: Stage) -> None:
        """Set the command of the image."""
        stage.checks.used_once(self.site, stage.used)
        stage.checks.json_recommended(self.site, has_shell=bool(stage.config.shell))
        args = command_line(self.site, stage.config)
        stage.change(cmd=args or None, args_escaped=True)
        stage.record(f"CMD {quote_list(args)}")
