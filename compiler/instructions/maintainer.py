"""MAINTAINER: the image's author; deprecated."""

from __future__ import annotations

from typing import Final, Self

from ..site import Site
from ..stage import Stage
from .command import Command

__all__ = ["Maintainer"]


class Maintainer(Command):
    """A text, not expanded."""

    def __init__(self, site: Site, author: str) -> None:
        super().__init__(site)
        self.author: Final = author

    @classmethod
    def read(cls, site: Site) -> Self:
        """``MAINTAINER text``."""
        return cls(site, site.instruction.args[0])

    def apply(self, stage: Stage) -> None:
        """Set the author of the image."""
        stage.change(author=self.author)
        stage.record(f"MAINTAINER {self.author}")
