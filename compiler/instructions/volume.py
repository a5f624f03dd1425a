"""VOLUME: directories that containers get a volume for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ..gotext import format_list
from ..site import Site
from ..stage import Stage
from .command import Command, at_least_one
from .flags import read_flags

__all__ = ["Volume"]

_EMPTY = "VOLUME specified can not be an empty string"


@dataclass(frozen=True, slots=True, eq=False)
class Volume(Command):
    """Paths; they touch the config only, not what later steps see."""

    paths: tuple[str, ...]

    @classmethod
    def read(cls, site: Site) -> Self:
        """``VOLUME ["/path", …]`` or ``VOLUME /path …``."""
        args = at_least_one(site)
        read_flags(site)
        paths = tuple(path.strip() for path in args)
        if not all(paths):
            raise site.error(_EMPTY)
        return cls(site, paths)

    def apply(self, stage: Stage) -> None:
        """Add the volumes to the image config."""
        paths = [stage.expand(self.site, path) for path in self.paths]
        if not all(paths):
            raise self.site.error(_EMPTY, help="a variable in it has no value")
        stage.change(volumes=tuple(sorted({*stage.config.volumes, *paths})))
        stage.record(f"VOLUME {format_list(paths)}")
