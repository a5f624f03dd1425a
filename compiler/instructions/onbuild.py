"""ONBUILD: an instruction for the images that are built from this one."""

from __future__ import annotations

from typing import Final, Self

from ..site import Site
from ..stage import Stage
from .command import Command

__all__ = ["OnBuild"]


class OnBuild(Command):
    """The trigger as one logical line, blanks at its end included, and heredoc bodies below it."""

    def __init__(self, site: Site, trigger: str) -> None:
        super().__init__(site)
        self.trigger: Final = trigger

    @classmethod
    def read(cls, site: Site) -> Self:
        """``ONBUILD instruction …``: any but ONBUILD, FROM and MAINTAINER."""
        head = site.logical_line().joined.lstrip()[len("ONBUILD") :].lstrip()
        bodies = "".join(f"\n{heredoc.content}{heredoc.name}" for heredoc in site.instruction.heredocs)
        return cls(site, head + bodies)

    def apply(self, stage: Stage) -> None:
        """Leave the trigger in the image config; it makes no line of history."""
        stage.collected.onbuild.append(self.trigger)
