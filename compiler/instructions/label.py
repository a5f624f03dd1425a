"""LABEL: metadata of the image."""

from __future__ import annotations

from typing import Final, Self

from ..site import Site
from ..stage import Stage
from .command import Command
from .pairs import is_legacy, read_pairs

__all__ = ["Label"]


class Label(Command):
    """Names and values; the last of equal names counts."""

    def __init__(self, site: Site, pairs: tuple[tuple[str, str], ...]) -> None:
        super().__init__(site)
        self.pairs: Final = pairs

    @classmethod
    def read(cls, site: Site) -> Self:
        """``LABEL name=value …`` or ``LABEL name value``."""
        return cls(site, read_pairs(site))

    def apply(self, stage: Stage) -> None:
        """Add the labels to the image config."""
        if is_legacy(self.site):
            stage.checks.legacy_key_value(self.site)
        pairs = [
            (stage.expand(self.site, name), stage.expand(self.site, value)) for name, value in self.pairs
        ]
        stage.collected.labels.update(pairs)
        stage.record("LABEL " + " ".join(f"{name}={value}" for name, value in pairs))
