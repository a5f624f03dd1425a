"""Shell patterns of ``${v#p}``, ``${v%p}`` and ``${v/p/r}``: ``*`` and ``?``, no brackets.

Neither wildcard matches a line end, as in BuildKit. Matching simulates all states of the pattern at once as
the bits of one integer, so a hostile pattern costs no more than the product of the lengths, over 64.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Final

__all__ = ["Pattern", "PatternError", "reverse_pattern"]


class PatternError(ValueError):
    """The text is not a pattern."""


class Pattern:
    """A compiled pattern.

    >>> Pattern("*/").prefix_end("usr/local/bin", longest=True)
    10
    >>> list(Pattern("b?").spans("abc abd"))
    [(1, 3), (5, 7)]
    """

    def __init__(self, text: str) -> None:
        self.text: Final = text

    @cached_property
    def _tokens(self) -> list[tuple[str, str]]:
        return list(_tokens(self.text))

    @cached_property
    def _stars(self) -> int:
        return sum(1 << index for index, (kind, _) in enumerate(self._tokens) if kind == "*")

    @cached_property
    def _any(self) -> int:
        return sum(1 << index for index, (kind, _) in enumerate(self._tokens) if kind == "?")

    @cached_property
    def _literals(self) -> dict[str, int]:
        masks: dict[str, int] = {}
        for index, (kind, char) in enumerate(self._tokens):
            if kind == "=":
                masks[char] = masks.get(char, 0) | 1 << index
        return masks

    def _closure(self, states: int) -> int:
        return states | (states & self._stars) << 1

    def _step(self, states: int, char: str) -> int:
        wild = char != "\n"
        moved = states & self._literals.get(char, 0) | (states & self._any if wild else 0)
        return self._closure(moved << 1 | (states & self._stars if wild else 0))

    def _ends(self, value: Iterable[str], start: int = 0) -> Iterator[int]:
        """Every offset at which a match that begins at ``start`` can end, ascending."""
        final = 1 << len(self._tokens)
        states = self._closure(1)
        position = start
        if states & final:
            yield position
        for char in value:
            states = self._step(states, char)
            position += 1
            if states & final:
                yield position
            if not states:
                return

    def prefix_end(self, value: str, *, longest: bool) -> int | None:
        """Where the shortest or longest match at the start of ``value`` ends; none if there is none."""
        end = None
        for end in self._ends(value):
            if not longest:
                return end
        return end

    def spans(self, value: str) -> Iterator[tuple[int, int]]:
        """The matches in ``value``, leftmost and longest, not overlapping; empty ones as Go finds them."""
        starts = self._starts(value)
        previous_end = -1
        position = 0
        for start in starts:
            if start < position:
                continue
            end = max(self._ends(_from(value, start), start))
            if end == start == previous_end:
                continue
            yield start, end
            previous_end = end
            position = end if end > start else start + 1

    def _starts(self, value: str) -> list[int]:
        """Every offset at which a match can begin, ascending: the mirrored pattern, run from the end."""
        mirror = Pattern(reverse_pattern(self.text))
        final = 1 << len(mirror._tokens)
        begin = mirror._closure(1)
        states = begin
        found = [len(value)] if states & final else []
        for index in range(len(value) - 1, -1, -1):
            states = mirror._step(states, value[index]) | begin
            if states & final:
                found.append(index)
        return found[::-1]


def _from(value: str, start: int) -> Iterator[str]:
    return (value[index] for index in range(start, len(value)))


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    chars = iter(text)
    last = ""
    for char in chars:
        kind = "="
        if char == "\\":
            # The escapes of `}` and `/` served to get them past the braces; others must escape a wildcard.
            char = next(chars, "")
            if char not in ("}", "/", "*", "?", "\\") or not char:
                raise PatternError(f"invalid escape '\\{char}'")
        elif char in "*?":
            kind = char
        if not kind == last == "*":
            yield kind, char
        last = kind


def reverse_pattern(text: str) -> str:
    """``text`` mirrored, its escapes kept: ``a\\*c`` becomes ``c\\*a``."""
    parts: list[str] = []
    index = 0
    while index < len(text):
        width = 2 if text[index] == "\\" and index + 1 < len(text) else 1
        parts.append(text[index : index + width])
        index += width
    return "".join(reversed(parts))
