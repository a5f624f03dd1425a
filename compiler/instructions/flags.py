"""``--name=value`` before an instruction's arguments; the grammar has checked that they may stand there."""

from __future__ import annotations

from ..site import Site

__all__ = ["flag_list", "flag_switch", "flag_text"]


def flag_text(site: Site, name: str, default: str = "") -> str:
    """The value of a flag that takes one."""
    return next((flag.value or "" for flag in site.instruction.flags if flag.name == name), default)


def flag_switch(site: Site, name: str) -> bool | None:
    """Whether a switch is on; none where it is not given."""
    for flag in site.instruction.flags:
        if flag.name == name:
            return flag.value is None or flag.value.lower() == "true"
    return None


def flag_list(site: Site, name: str) -> tuple[str, ...]:
    """All values of a flag that may be repeated."""
    return tuple(flag.value or "" for flag in site.instruction.flags if flag.name == name)
