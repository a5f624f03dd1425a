"""ENV: variables of the image and of the steps below."""

from __future__ import annotations

from typing import Final, Self

from ..site import Site
from ..stage import Stage
from .command import Command
from .pairs import is_legacy, read_pairs

__all__ = ["Env"]


class Env(Command):
    """All values of one ENV are expanded with the values from before it."""

    def __init__(self, site: Site, pairs: tuple[tuple[str, str], ...]) -> None:
        super().__init__(site)
        self.pairs: Final = pairs

    @classmethod
    def read(cls, site: Site) -> Self:
        """``ENV name=value …`` or ``ENV name value``."""
        return cls(site, read_pairs(site))

    def apply(self, stage: Stage) -> None:
        """Set the variables for steps and in the image config."""
        if is_legacy(self.site):
            stage.checks.legacy_key_value(self.site)
        pairs = [
            (stage.expand(self.site, name), stage.expand(self.site, value)) for name, value in self.pairs
        ]
        for name, value in pairs:
            stage.checks.secret_name(self.site, name)
            stage.set_variable(name, value)
            stage.collected.env[name] = value
        stage.record("ENV " + " ".join(f"{name}={value}" for name, value in pairs))
