"""Where the values of a TOML or JSON text stand, so that errors can point at them.

``tomllib`` and ``json`` say whether a text is one and what it holds; this says where. It takes what they have
accepted, so it checks nothing.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from ...grammar.source import Span

__all__ = ["Path", "Place", "find_places"]

Path = tuple[str | int, ...]

_SKIPPED = re.compile(r"(?:[ \t\r\n\ufeff]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\r\n]*")
_BASIC = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_LITERAL = re.compile(r"'[^']*'")
_LONG_BASIC = re.compile(r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}', re.DOTALL)
_LONG_LITERAL = re.compile(r"'''(?:[^']|'{1,2}(?!'))*'{3,5}")


class Place(NamedTuple):
    """Of a value that has a key, both; an element of a list has itself for a key."""

    key: Span
    value: Span


def find_places(text: str, *, toml: bool) -> dict[Path, Place]:
    """The places of all keys and values, by their paths.

    >>> find_places('[[layers]]\\nname = "a"', toml=True)[("layers", 0, "name")]
    Place(key=Span(start=11, end=15), value=Span(start=18, end=21))
    """
    scanner = _Scanner(text)
    if toml:
        scanner.tables()
    else:
        scanner.value(())
    return scanner.places


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.places: dict[Path, Place] = {}
        self.counts: dict[Path, int] = {}

    def skip(self) -> str:
        """Go to the next thing that matters; gives its first character, or an empty text."""
        found = _SKIPPED.match(self.text, self.position)
        assert found is not None
        self.position = found.end()
        return self.text[self.position : self.position + 1]

    def take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.position)
        assert found is not None
        self.position = found.end()
        return found[0]

    # --- TOML's lines ----------------------------------------------------------------------------------

    def tables(self) -> None:
        table: Path = ()
        while first := self.skip():
            if first == "[":
                table = self.header()
            else:
                self.pair(table)

    def header(self) -> Path:
        """``[a.b]`` or ``[[a.b]]``: gives the path of the table."""
        start = self.position
        many = self.text.startswith("[[", start)
        self.position += 2 if many else 1
        path: Path = ()
        *above, last = self.keys()
        for key in above:
            path = self.element((*path, key))
        self.position = self.text.index("]", self.position) + (2 if many else 1)
        path = (*path, last)
        span = Span(start, self.position)
        self.places.setdefault(path, Place(span, span))
        if many:
            self.counts[path] = self.counts.get(path, 0) + 1
        path = self.element(path)
        self.places[path] = Place(span, span)
        return path

    def element(self, path: Path) -> Path:
        """The last table so far, where ``path`` is a list of tables."""
        return (*path, self.counts[path] - 1) if path in self.counts else path

    # --- what both have --------------------------------------------------------------------------------

    def pair(self, table: Path) -> None:
        """``key = value`` or ``"key": value``."""
        self.skip()
        start = self.position
        keys = self.keys()
        end = self.position
        self.skip()
        self.position += 1
        path = table
        for key in keys[:-1]:
            path = (*path, key)
            self.places.setdefault(path, Place(Span(start, end), Span(start, end)))
        path = (*path, keys[-1])
        self.value(path)
        self.places[path] = Place(Span(start, end), self.places[path].value)

    def keys(self) -> list[str]:
        """A key, or several with dots between them."""
        keys: list[str] = []
        while True:
            quote = self.skip()
            if quote == '"':
                keys.append(_unquoted(self.take(_BASIC)))
            elif quote == "'":
                keys.append(self.take(_LITERAL)[1:-1])
            else:
                keys.append(self.take(_BARE_KEY))
            end = self.position
            if self.skip() != ".":
                self.position = end
                return keys
            self.position += 1

    def value(self, path: Path) -> None:
        first = self.skip()
        start = self.position
        if first in ("{", "["):
            self.container(path, "}" if first == "{" else "]")
        elif first in ('"', "'"):
            long = self.text.startswith(first * 3, start)
            kinds = (_BASIC, _LONG_BASIC) if first == '"' else (_LITERAL, _LONG_LITERAL)
            self.take(kinds[long])
        else:
            self.take(_BARE_VALUE)
            self.position = start + len(self.text[start : self.position].rstrip())
        span = Span(start, self.position)
        self.places[path] = Place(span, span)

    def container(self, path: Path, close: str) -> None:
        self.position += 1
        index = 0
        while self.skip() != close:
            if close == "}":
                self.pair(path)
            else:
                self.value((*path, index))
                index += 1
            if self.skip() == ",":
                self.position += 1
        self.position += 1


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError:  # an escape that only TOML has
        return text[1:-1]
