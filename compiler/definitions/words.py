"""Values as words of a Dockerfile: variables in them count, quotes and backslashes stand for themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

__all__ = ["json_form", "plain", "quoted", "word"]

_PLAIN = re.compile(r"[A-Za-z0-9_./*?${}:@+,=~%-]+", re.ASCII)
_MARKS = re.compile(r"""["']|\\(?!\$)""")
_MARKS_IN_QUOTES = re.compile(r'"|\\(?!\$)')


def word(text: str) -> str:
    r"""``text`` so that expanding it as a word gives it back, with its variables' values. ``\$`` is a dollar.

    >>> print(word(r'a "b" $C \$D \x'))
    a \"b\" $C \$D \\x
    """
    return _MARKS.sub(lambda found: f"\\{found[0]}", text)


def quoted(text: str) -> str:
    """The same, as one word whatever blanks it has."""
    if _PLAIN.fullmatch(text):
        return text
    return '"' + _MARKS_IN_QUOTES.sub(lambda found: f"\\{found[0]}", text) + '"'


def plain(texts: Iterable[str]) -> bool:
    """Whether these can stand in an instruction one after the other, as they are."""
    return all(_PLAIN.fullmatch(text) and not text.startswith("-") for text in texts)


def json_form(texts: Iterable[str]) -> str:
    """The exec form: a JSON array."""
    return json.dumps(list(texts), ensure_ascii=False)
