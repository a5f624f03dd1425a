"""A parsed TOML or JSON value that knows where it stands, and complains there."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from ...grammar.errors import CompileError
from ...grammar.source import Location, SourceFile, Span
from ..suggest import suggestion
from .places import Path, Place, find_places

__all__ = ["Item", "is_toml", "parse_items"]

_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


class Item(NamedTuple):
    """A value and where it is in ``source``."""

    source: SourceFile
    places: Mapping[Path, Place]
    path: Path
    value: Any

    @property
    def place(self) -> Place:
        """Key and value; what has no place of its own (the whole text) begins at the top."""
        return self.places.get(self.path, Place(Span(0, 0), Span(0, 0)))

    def location(self, *, at_key: bool = False) -> Location:
        """The place to show to a person."""
        return self.source.location(self.place.key if at_key else self.place.value)

    def error(self, message: str, help: str, *, at_key: bool = False) -> CompileError:  # noqa: A002
        """An error that points here."""
        return CompileError(message, where=self.location(at_key=at_key), help=help)

    @property
    def name(self) -> str:
        """The nearest key above, for messages."""
        return next((part for part in reversed(self.path) if isinstance(part, str)), "the file")

    def _below(self, key: str | int, value: Any) -> Item:
        return self._replace(path=(*self.path, key), value=value)

    # --- kinds -----------------------------------------------------------------------------------------

    def wrong(self, wanted: str) -> CompileError:
        """Another kind of value is wanted."""
        return self.error(f"{self.name} is {_kind(self.value)}", f"it must be {wanted}")

    def text(self) -> str:
        """A string. Raises ``CompileError``, as all of these."""
        if not isinstance(self.value, str):
            raise self.wrong("a string")
        return self.value

    def scalar(self) -> str:
        """A string, a whole number, or true or false, as text."""
        match self.value:
            case bool():
                return "true" if self.value else "false"
            case str() | int():
                return str(self.value)
            case _:
                raise self.wrong("a string or a whole number")

    def switch(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def elements(self) -> Iterator[Item]:
        """The elements of a list."""
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        for index, value in enumerate(self.value):
            yield self._below(index, value)

    def one_or_more(self) -> Iterator[Item]:
        """The elements of a list, or the one value that is none."""
        if isinstance(self.value, list):
            yield from self.elements()
        else:
            yield self

    def entries(self) -> Iterator[tuple[str, Item]]:
        """Keys and values of a table, whatever the keys."""
        if not isinstance(self.value, dict):
            raise self.wrong("a table")
        for key, value in self.value.items():
            yield key, self._below(key, value)

    def table(self, known: Collection[str], needed: Collection[str] = ()) -> dict[str, Item]:
        """A table of which the keys are ``known``."""
        found = dict(self.entries())
        for key, item in found.items():
            if key not in known:
                help = suggestion(key, known) or f"it can have {', '.join(known)}"  # noqa: A001
                raise item.error(f"there is no key {key!r} here", help, at_key=True)
        for key in needed:
            if key not in found:
                raise self.error(f"{key} is missing", f"write {key} = …", at_key=True)
        return found


def _kind(value: object) -> str:
    kinds = {bool: "true or false", str: "a string", int: "a number", float: "a number", list: "a list"}
    kinds |= {dict: "a table", type(None): "null"}
    return kinds.get(type(value), "a date")


def is_toml(source: SourceFile) -> bool:
    """Whether the text is TOML and not JSON: by its name, else by how it begins."""
    if source.name.lower().endswith((".toml", ".json")):
        return source.name.lower().endswith(".toml")
    return re.match(r"\s*(\{|\[\s*\{)", source.text) is None


def parse_items(source: SourceFile) -> Item:
    """The whole text. Raises ``CompileError`` where it is no TOML or no JSON."""
    toml = is_toml(source)
    try:
        source.text.encode()
        value = tomllib.loads(source.text) if toml else json.loads(source.text)
        places = find_places(source.text, toml=toml)
    except UnicodeEncodeError as error:
        where = source.location(Span(error.start, error.end))
        raise CompileError("the text is not UTF-8", where=where, help="save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise _malformed_toml(source, str(error)) from None
    except json.JSONDecodeError as error:
        where = source.location(Span(error.pos, error.pos))
        raise CompileError(f"this is no JSON: {error.msg}", where=where, help=_ADVICE) from None
    except ValueError as error:  # a number of too many digits
        raise CompileError(f"the text can not be read: {error}", help=_ADVICE) from None
    except RecursionError:
        raise CompileError("values are nested too deeply", help=_ADVICE) from None
    return Item(source, places, (), value)


_ADVICE = "docs/definitions.md shows the form"


def _malformed_toml(source: SourceFile, message: str) -> CompileError:
    found = _POSITION.search(message)
    end = len(source.text)
    if found is not None and found[1]:
        end = min(end, source.line_starts[int(found[1]) - 1] + int(found[2]) - 1)
    text = message[: found.start()] if found is not None else message
    return CompileError(f"this is no TOML: {text}", where=source.location(Span(end, end)), help=_ADVICE)
