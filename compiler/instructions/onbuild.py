"""ONBUILD: an instruction for the images that are built from this one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ..site import Site
from ..stage import Stage
from .command import Command
from .flags import read_flags

__all__ = ["OnBuild"]


@dataclass(frozen=True, slots=True, eq=False)
class OnBuild(Command):
    """The trigger as one logical line, heredoc bodies below it."""

    trigger: str

    @classmethod
    def read(cls, site: Site) -> Self:
        """``ONBUILD instruction …``: any but ONBUILD, FROM and MAINTAINER."""
        child = site.instruction.child
        if child is None:
            raise site.error("ONBUILD requires at least one argument")
        read_flags(site)
        if child.keyword == "ONBUILD":
            raise site.error("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
        if child.keyword in ("MAINTAINER", "FROM"):
            raise site.error(f"{child.keyword} isn't allowed as an ONBUILD trigger")
        head = site.logical_line().lstrip()[len("ONBUILD") :].lstrip()
        bodies = "".join(f"\n{heredoc.content}{heredoc.name}" for heredoc in child.heredocs)
        return cls(site, head + bodies)

    def apply(self, stage: Stage) -> None:
        """Leave the trigger in the image config; it makes no line of history."""
        stage.change(onbuild=(*stage.config.onbuild, self.trigger))
