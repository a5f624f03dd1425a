"""From paths as they are written to real ones, by the symbolic links that are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..optimize.facts import Facts
from .paths import Reads

__all__ = ["STANDARD", "Links", "Resolved", "normal"]

_MOST = 40
#: What distributions have where nothing is known of the base: merged /usr, /run.
STANDARD: Mapping[str, str] = {
    "/bin": "/usr/bin",
    "/sbin": "/usr/sbin",
    "/lib": "/usr/lib",
    "/lib32": "/usr/lib32",
    "/lib64": "/usr/lib64",
    "/libx32": "/usr/libx32",
    "/var/run": "/run",
    "/var/lock": "/run/lock",
}


class Resolved(NamedTuple):
    """``paths``: all that a written path may really be. ``passed``: the links on the way. ``circular``: it may lead
    nowhere.
    """

    paths: frozenset[str]
    passed: frozenset[str] = frozenset()
    circular: bool = False

    @property
    def reads(self) -> Reads:
        """What is looked at on the way, and the paths themselves."""
        return Reads(names=self.paths | self.passed)


class Links(NamedTuple):
    """Symbolic links, path → target, one mapping for each tree that may lie below.

    Where several may, a path resolves to what it is in any of them: too many paths are never wrong.
    """

    tables: tuple[Mapping[str, str], ...] = ({}, STANDARD)

    @classmethod
    def of(cls, facts: Facts, base: str | None = None) -> Links:
        """Those of the base with the layer ``base``; not known which: of all; nothing known: the usual ones."""
        if base is not None and base in facts.links:
            return cls((facts.links[base],))
        return cls(tuple(facts.links.values())) if facts.links and base is None else cls()

    def plus(self, made: Iterable[tuple[str, str]]) -> Links:
        """With links that earlier steps have, or may have, made."""
        more = dict(made)
        if not more:
            return self
        return Links((*self.tables, *({**table, **more} for table in self.tables)))

    def resolve(self, path: str, *, follow_last: bool = True) -> Resolved:
        """``path`` (absolute), with links followed, and its last component too if asked for.

        >>> sorted(Links(({"/bin": "/usr/bin"},)).resolve("/bin/../bin/sh").paths)
        ['/usr/bin/sh']
        """
        found: set[str] = set()
        passed: set[str] = set()
        circular = False
        for table in self.tables:
            real = _follow(table, path, follow_last, passed)
            circular |= real is None
            found.add(normal(path) if real is None else real)
        return Resolved(frozenset(found), frozenset(passed), circular)


def _follow(table: Mapping[str, str], path: str, follow_last: bool, passed: set[str]) -> str | None:
    resolved = ""
    todo = [part for part in reversed(path.split("/")) if part not in {"", "."}]
    links = 0
    while todo:
        part = todo.pop()
        if part == "..":
            resolved = resolved.rpartition("/")[0]
            continue
        here = f"{resolved}/{part}"
        target = table.get(here) if todo or follow_last else None
        if target is None:
            resolved = here
            continue
        links += 1
        if links > _MOST:
            return None
        passed.add(here)
        if target.startswith("/"):
            resolved = ""
        todo += [step for step in reversed(target.split("/")) if step not in {"", "."}]
    return resolved or "/"


def normal(path: str) -> str:
    """An absolute path without ``.``, ``..`` and doubled or trailing slashes; no links are followed.

    >>> normal("//a/./b/../c/"), normal("/..")
    ('/a/c', '/')
    """
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    return "/" + "/".join(parts)
