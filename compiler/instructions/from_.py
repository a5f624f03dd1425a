"""FROM: where a stage begins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from ..site import Site
from .flags import read_flags

__all__ = ["From"]

_NAME = re.compile(r"[a-z][a-z0-9-_.]*")


@dataclass(frozen=True, slots=True, eq=False)
class From:
    """``FROM [--platform=…] base [AS name]``: base and platform are not expanded, the name is lower case."""

    site: Site
    base: str
    name: str
    platform: str

    @classmethod
    def read(cls, site: Site) -> Self:
        """Raises ``CompileError``."""
        args = site.instruction.args
        if len(args) == 3 and args[1].lower() == "as":
            name = args[2].lower()
            if not _NAME.fullmatch(name):
                raise site.error(
                    f'invalid name for build stage: "{args[2]}", '
                    "name can't start with a number or contain symbols",
                    help="letters, digits, - _ and . with a letter first",
                )
        elif len(args) == 1:
            name = ""
        else:
            raise site.error("FROM requires either one or three arguments", help="FROM base [AS name]")
        flags = read_flags(site, texts=("platform",))
        return cls(site, args[0], name, flags.text("platform"))
