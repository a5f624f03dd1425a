"""Which rules are wanted: ``# check=…`` at the top or above an instruction, BUILDKIT_DOCKERFILE_CHECK."""

from __future__ import annotations

from typing import NamedTuple

from ..gotext import parse_bool, quote
from .rules import Rule

__all__ = ["Wanted"]

_ALL = "all"
_NAMES = ("skip", "error", "experimental")


class Wanted(NamedTuple):
    """``skip`` and ``experimental`` hold names of rules, or ``all``; ``error`` makes warnings errors."""

    skip: frozenset[str] = frozenset()
    experimental: frozenset[str] = frozenset()
    error: bool = False

    @classmethod
    def parse(cls, text: str) -> Wanted:
        """Read ``skip=Rule,Rule;error=true;experimental=all``. Raises ``ValueError``.

        >>> Wanted.parse("skip=JSONArgsRecommended;error=true").error
        True
        """
        wanted = cls()
        for part in text.strip().split(";", 2) if text.strip() else ():
            name, equals, value = part.partition("=")
            name = name.strip()
            if not equals or name not in _NAMES:
                raise ValueError(f"invalid check option {quote(name if equals else part)}")
            if name == "error":
                wanted = wanted._replace(error=parse_bool(value.strip()))
                continue
            rules = frozenset(rule.strip() for rule in value.split(","))
            wanted = wanted._replace(skip=rules) if name == "skip" else wanted._replace(experimental=rules)
        return wanted

    def merged(self, own: Wanted) -> Wanted:
        """These, and what is said above one instruction. What is an error is said for the whole file."""
        return Wanted(self.skip | own.skip, self.experimental | own.experimental, self.error)

    def includes(self, rule: Rule) -> bool:
        """Whether ``rule`` is on. Experimental ones need to be named; they can not be skipped."""
        listed = self.experimental if rule.experimental else self.skip
        return (_ALL in listed or rule.name in listed) is rule.experimental

    def unknown(self, rules: frozenset[str]) -> tuple[str, ...]:
        """Names that are in none of ``rules``."""
        return tuple(sorted((self.skip | self.experimental) - rules - {_ALL, ""}))
