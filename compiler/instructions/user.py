"""USER: who steps run as."""

from __future__ import annotations

from typing import Final, Self

from ..site import Site
from ..stage import Stage
from .command import Command

__all__ = ["User"]


class User(Command):
    """``name``, ``uid``, ``name:group`` …: looked up in the image when a step runs."""

    def __init__(self, site: Site, user: str) -> None:
        super().__init__(site)
        self.user: Final = user

    @classmethod
    def read(cls, site: Site) -> Self:
        """``USER user[:group]``."""
        return cls(site, site.instruction.args[0])

    def apply(self, stage: Stage) -> None:
        """Change the user of steps below and of the image."""
        user = stage.expand(self.site, self.user)
        stage.change(user=user)
        stage.record(f"USER {user}")
