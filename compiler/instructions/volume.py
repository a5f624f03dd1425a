"""VOLUME: directories that containers get a volume for."""

from __future__ import annotations

from typing import Final, Self

from ...grammar.lines import SPACE
from ..gotext import format_list
from ..site import Site
from ..stage import Stage
from .command import Command

__all__ = ["Volume"]


class Volume(Command):
    """Paths; they touch the config only, not what later steps see."""

    def __init__(self, site: Site, paths: tuple[str, ...]) -> None:
        super().__init__(site)
        self.paths: Final = paths

    @classmethod
    def read(cls, site: Site) -> Self:
        """``VOLUME ["/path", …]`` or ``VOLUME /path …``."""
        return cls(site, tuple(path.strip(SPACE) for path in site.instruction.args))

    def apply(self, stage: Stage) -> None:
        """Add the volumes to the image config."""
        paths = [stage.expand(self.site, path) for path in self.paths]
        if not all(paths):
            raise self.site.error("VOLUME has an empty path", help="a variable in it has no value", at="$")
        stage.collected.volumes.update(paths)
        stage.record(f"VOLUME {format_list(paths)}")
