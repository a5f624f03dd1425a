"""MAINTAINER: the image's author; deprecated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ..site import Site
from ..stage import Stage
from .command import Command

__all__ = ["Maintainer"]


@dataclass(frozen=True, slots=True, eq=False)
class Maintainer(Command):
    """A text, not expanded."""

    author: str

    @classmethod
    def read(cls, site: Site) -> Self:
        """``MAINTAINER text``."""
        return cls(site, site.instruction.args[0])

    def apply(self, stage: Stage) -> None:
        """Set the author of the image."""
        stage.change(author=self.author)
        stage.record(f"MAINTAINER {self.author}")
