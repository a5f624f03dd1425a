"""``Profile``: what is known of a tool. The data is tools.toml, which says what each field means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .tool_table import TOOLS

__all__ = ["PROFILES", "CommandRule", "Profile"]


class CommandRule(NamedTuple):
    """What one subcommand does. ``seconds`` is an estimate."""

    words: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    manifests: tuple[str, ...] = ()
    caches: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()
    above: tuple[str, ...] = ()
    operands: str = "value"
    volatile: str = ""
    network: bool = False
    seconds: float = 1
    inspector: str = ""
    claim: str = ""
    unknown: str = ""

    def fits(self, operands: list[str]) -> int | None:
        """How many operands belong to the subcommand; none where it is another one."""
        for word in self.words:
            parts = word.split()
            if operands[: len(parts)] == parts and (parts or not operands):
                return len(parts)
        return None if self.words else 0


class Profile(NamedTuple):
    """What is known of one program."""

    names: tuple[str, ...]
    commands: tuple[CommandRule, ...]
    options: Mapping[str, str]
    home: tuple[str, ...] = ()
    simple: bool = False
    local: bool = False


def _rule(table: Mapping[str, Any]) -> CommandRule:
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in table.items()
    }
    return CommandRule(**fields)


def _profile(table: Mapping[str, Any]) -> Profile:
    return Profile(
        tuple(table["names"]),
        tuple(_rule(command) for command in table["command"]),
        table.get("options", {}),
        tuple(table.get("home", ())),
        table.get("simple", False),
        table.get("local", False),
    )


#: By the name of the program.
PROFILES: Mapping[str, Profile] = {name: _profile(table) for table in TOOLS for name in table["names"]}
