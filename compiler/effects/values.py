"""What is known of the words of a script while it runs: variables, the directory, the fields of a word."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ...grammar.shell_syntax import Part, Word

__all__ = ["Arg", "State", "fields", "value_of"]

_PATTERN = re.compile(r"[*?]|\[[^]]*\]|\[$(?<=.\[)|\{[^}]*(?:,|\.\.)[^}]*\}")
_MOST_FIELDS = 500


class Arg(NamedTuple):
    """One argument. ``exact``: ``text`` is all of it; else it begins so, the rest is not known, and it may be
    any number of arguments. ``pattern``: it has wildcards that were not quoted, the first at ``wild``.
    """

    text: str
    exact: bool = True
    pattern: bool = False
    wild: int = 0

    @property
    def known(self) -> str | None:
        """The text where there is no doubt about it."""
        return self.text if self.exact and not self.pattern else None

    @property
    def fixed(self) -> str:
        """What it surely begins with."""
        return self.text[: self.wild] if self.pattern else self.text

    def after(self, count: int) -> Arg:
        """Without its first ``count`` characters, which are known."""
        return Arg(self.text[count:], self.exact, self.pattern, max(self.wild - count, 0))


class State(NamedTuple):
    """``variables``: name → value, none where it is not known which. What is not in it is not set. ``cwds``: the
    directories that the script may be in. ``arguments`` are ``$1`` …, none where they are not known.
    """

    variables: Mapping[str, str | None]
    cwds: frozenset[str]
    stops: bool = False
    arguments: tuple[str, ...] | None = ()

    def set(self, name: str, value: str | None) -> State:
        """With a variable."""
        return self._replace(variables={**self.variables, name: value})

    def merged(self, other: State) -> State:
        """What holds whichever of the two it is."""
        names = {**self.variables, **other.variables}
        same = {
            name: self.variables[name]
            if name in self.variables
            and name in other.variables
            and self.variables[name] == other.variables[name]
            else None
            for name in names
        }
        return State(same, self.cwds | other.cwds, self.stops and other.stops, self.arguments)

    def get(self, name: str) -> str | None:
        """The value of a variable or parameter; none where it is not known."""
        if name.isdecimal():
            at = int(name)
            if at == 0 or self.arguments is None:
                return None
            return self.arguments[at - 1] if at <= len(self.arguments) else ""
        if name in {"@", "*"}:
            return None if self.arguments is None or len(self.arguments) > 0 else ""
        if not (name[0].isalpha() or name[0] == "_"):
            return None
        if name == "PWD":
            return min(self.cwds) if len(self.cwds) == 1 else None
        return self.variables.get(name, None if name in _SHELL else "")


_SHELL = frozenset(
    ("OLDPWD", "RANDOM", "LINENO", "SECONDS", "HOSTNAME", "UID", "EUID", "PPID", "IFS", "OPTARG")
)


def value_of(word: Word, state: State) -> str | None:
    """The value that ``word`` gives to a variable; none where it is not known."""
    pieces = [_piece(part, state) for part in word.parts]
    if word.parts and pieces[0] is not None and not word.parts[0].quoted and word.parts[0].kind == "text":
        pieces[0] = _home(pieces[0], state)
    known = [piece for piece in pieces if piece is not None]
    return "".join(known) if len(known) == len(pieces) else None


def fields(words: Iterable[Word], state: State) -> list[Arg]:
    """The arguments that ``words`` come to."""
    found: list[Arg] = []
    for word in words:
        found += _fields(word, state)
        if len(found) > _MOST_FIELDS:
            return [*found[:_MOST_FIELDS], Arg("", exact=False)]
    return found


def _fields(word: Word, state: State) -> list[Arg]:
    found: list[Arg] = []
    text = ""
    wild: int | None = None
    started = False
    for index, part in enumerate(word.parts):
        piece = _piece(part, state)
        if piece is None:
            return [*found, Arg(text, False, wild is not None, wild or 0)]
        if index == 0 and part.kind == "text" and not part.quoted:
            piece = _home(piece, state) or piece
        splits = part.kind != "text" and not part.quoted
        pieces = re.split(r"[ \t\n]+", piece) if splits else [piece]
        for number, item in enumerate(pieces):
            if number:
                if started:
                    found.append(Arg(text, True, wild is not None, wild or 0))
                text, wild, started = "", None, False
            if not part.quoted and wild is None and (match := _PATTERN.search(item)):
                wild = len(text) + match.start()
            text += item
            started |= bool(item) or part.quoted
    if started:
        found.append(Arg(text, True, wild is not None, wild or 0))
    return found


def _home(text: str, state: State) -> str:
    if text == "~" or text.startswith("~/"):
        home = state.get("HOME")
        return (home or "/root") + text[1:]
    return text


def _piece(part: Part, state: State) -> str | None:
    if part.kind == "text":
        return part.text
    if part.kind != "parameter":
        return None
    value = state.get(part.text)
    if not part.operation:
        return value
    if value is None:
        return None
    argument = value_of(part.argument, state) if part.argument is not None else ""
    if part.operation in {":-", "-", ":=", "="}:
        return value or argument
    if part.operation in {":+", "+"}:
        return argument if value else ""
    if part.operation in {":?", "?"}:
        return value or None
    return None
