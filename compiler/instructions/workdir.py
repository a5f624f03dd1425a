"""WORKDIR: the directory that steps run in, made if it is not there."""

from __future__ import annotations

from typing import ClassVar, Final, Self

from ..graph.operations import MakeDir
from ..site import Site
from ..stage import Stage
from .command import Command

__all__ = ["Workdir"]


class Workdir(Command):
    """A path; a relative one goes on from the WORKDIR before."""

    is_step: ClassVar[bool] = True

    def __init__(self, site: Site, path: str) -> None:
        super().__init__(site)
        self.path: Final = path

    @classmethod
    def read(cls, site: Site) -> Self:
        """``WORKDIR path``."""
        return cls(site, site.instruction.args[0])

    def apply(self, stage: Stage) -> None:
        """Change the directory; every one but ``/`` makes a layer, even where it exists already."""
        path = stage.expand(self.site, self.path)
        if not stage.workdir_set and not path.startswith("/"):
            stage.checks.relative_workdir(self.site, path)
        stage.workdir_set = True
        stage.enter(path)
        where = stage.config.workdir
        if where != "/":
            title = stage.title(self.site)
            stage.add_layer(self.site, MakeDir(where, stage.config.user, stage.shared.epoch), title=title)
        stage.record(f"WORKDIR {where}", layer=where != "/")
