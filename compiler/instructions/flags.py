"""``--name=value`` before an instruction's arguments."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...grammar.syntax import Flag
from ..site import Site
from ..suggest import suggestion

__all__ = ["Flags", "read_flags"]


@dataclass(frozen=True, slots=True)
class Flags:
    """The flags of one instruction, by name."""

    texts: dict[str, str] = field(default_factory=dict)
    switches: dict[str, bool] = field(default_factory=dict)
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        """The value of a flag that takes one."""
        return self.texts.get(name, default)

    def switch(self, name: str) -> bool:
        """Whether a switch is on; off where it is not given."""
        return self.switches.get(name, False)

    def list(self, name: str) -> tuple[str, ...]:
        """All values of a flag that may be repeated."""
        return self.lists.get(name, ())


def read_flags(
    site: Site, *, texts: tuple[str, ...] = (), switches: tuple[str, ...] = (), lists: tuple[str, ...] = ()
) -> Flags:
    """Read the instruction's flags. Raises ``CompileError`` for an unknown, repeated or malformed one."""
    found = Flags()
    for flag in site.instruction.flags:
        told = f"--{flag.name}"
        if flag.name in lists:
            found.lists[flag.name] = (*found.list(flag.name), _value(site, flag))
        elif flag.name in found.texts or flag.name in found.switches:
            raise site.error(f"duplicate flag specified: {told}", span=flag.span)
        elif flag.name in texts:
            found.texts[flag.name] = _value(site, flag)
        elif flag.name in switches:
            found.switches[flag.name] = _switch(site, flag)
        else:
            raise site.error(
                f"unknown flag: {told}",
                help=suggestion(flag.name, (*texts, *switches, *lists)) or _allowed(texts + switches + lists),
                span=flag.span,
            )
    return found


def _allowed(names: tuple[str, ...]) -> str:
    return "allowed here: " + ", ".join(f"--{name}" for name in sorted(names)) if names else "none is allowed"


def _value(site: Site, flag: Flag) -> str:
    if flag.value is None:
        raise site.error(f"missing a value on flag: --{flag.name}", span=flag.span)
    return flag.value


def _switch(site: Site, flag: Flag) -> bool:
    if flag.value is None:
        return True
    if not flag.value:
        raise site.error(f"missing a value on flag: --{flag.name}", span=flag.span)
    if flag.value.lower() not in ("true", "false"):
        raise site.error(f"expecting boolean value for flag --{flag.name}, not: {flag.value}", span=flag.span)
    return flag.value.lower() == "true"
