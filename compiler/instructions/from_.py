"""FROM: where a stage begins."""

from __future__ import annotations

from typing import NamedTuple, Self

from ..site import Site
from .flags import flag_text

__all__ = ["From"]


class From(NamedTuple):
    """``FROM [--platform=…] base [AS name]``: base and platform are not expanded, the name is lower case."""

    site: Site
    base: str
    name: str
    platform: str

    @classmethod
    def read(cls, site: Site) -> Self:
        """Take the arguments."""
        base, *name = site.instruction.args
        return cls(site, base, name[-1].lower() if name else "", flag_text(site, "platform"))
