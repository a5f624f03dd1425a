"""Directives as they are looked up before a file is parsed.

Which front end reads a file (``syntax``) and how it is checked (``check``) is asked of any text, Dockerfile
or not, by rules that are a little wider than the parser's: a first line ``#!…`` is skipped, and ``syntax``
may also stand in ``//`` comments or in a JSON object. The parser itself (parse.py) decides on ``escape``.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from .lines import SPACE, read_directive
from .source import SourceFile

__all__ = ["FoundDirective", "find_directive"]


class FoundDirective(NamedTuple):
    """``value`` is the first word, ``words`` all that was written; ``line`` counts from 1."""

    value: str
    words: str
    line: int


def find_directive(source: SourceFile, name: str) -> FoundDirective | None:
    """The directive ``name`` (``syntax`` or ``check``) at the top of any text, or none.

    >>> find_directive(SourceFile("f", "#!/bin/sh\\n// syntax=org/frontend x\\n"), "syntax")
    FoundDirective(value='org/frontend', words='org/frontend x', line=2)
    """
    text = source.text.removeprefix("\ufeff")
    first = 1
    if text.startswith("#!"):
        text = text.partition("\n")[2]
        first = 2
    found = _find(text, name, "#", first)
    if found is not None or name != "syntax":
        return found
    return _find(text, name, "//", first) or _find_json(text, name, first)


def _find(text: str, name: str, mark: str, first: int) -> FoundDirective | None:
    seen: set[str] = set()
    start = 0
    line = first
    while text.startswith(mark, start):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        directive = read_directive("#" + text[start + len(mark) : end].removesuffix("\r"))
        if directive is None or directive[0] in seen:
            return None
        if directive[0] == name:
            return FoundDirective(directive[1].partition(" ")[0], directive[1], line)
        seen.add(directive[0])
        start, line = end + 1, line + 1
    return None


def _find_json(text: str, name: str, first: int) -> FoundDirective | None:
    if text.lstrip(SPACE)[:1] != "{":
        return None
    try:
        value = json.loads(text).get(name)
    except (ValueError, RecursionError):
        return None
    return FoundDirective(value, value, first) if isinstance(value, str) else None
