"""Paths and wildcards as Go's ``path/filepath`` has them: what BuildKit matches sources with.

Paths here are "/"-separated. Source of the rules: the documentation of Go's ``filepath.Match`` and ``Clean``.
"""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache

__all__ = ["PatternError", "clean", "compile_glob", "has_wildcards", "rooted"]


class PatternError(ValueError):
    """A wildcard pattern is malformed: an open bracket, a trailing backslash."""


def clean(path: str) -> str:
    """The shortest equal path. Differs from ``posixpath.normpath`` for a leading ``//``.

    >>> clean("a/./b/../c/"), clean(""), clean("//a"), clean("/..")
    ('a/c', '.', '/a', '/')
    """
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def rooted(path: str) -> str:
    """``path`` as seen from a root that ``..`` can not leave, without the leading slash.

    >>> rooted("../../etc"), rooted("/a//b/"), rooted(".")
    ('etc', 'a/b', '')
    """
    return clean("/" + path)[1:]


def has_wildcards(text: str) -> bool:
    r"""Whether ``text`` holds an unescaped ``*``, ``?`` or ``[``.

    >>> has_wildcards("a*"), has_wildcards(r"a\*")
    (True, False)
    """
    return re.search(r"(?<!\\)(?:\\\\)*[*?\[]", text) is not None


@lru_cache(maxsize=1024)
def compile_glob(pattern: str) -> re.Pattern[str]:
    r"""A regular expression whose ``fullmatch`` is Go's ``filepath.Match(pattern, …)``.

    ``*`` and ``?`` do not match a slash, a class does. Raises :class:`PatternError`.

    >>> bool(compile_glob("a?[^x-z]*").fullmatch("abcd/")), bool(compile_glob(r"\*").fullmatch("*"))
    (False, True)
    """
    out: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "*":
            out.append("[^/]*")
            at += 1
        elif char == "?":
            out.append("[^/]")
            at += 1
        elif char == "[":
            expression, at = _character_class(pattern, at + 1)
            out.append(expression)
        else:
            literal, at = _literal(pattern, at)
            out.append(re.escape(literal))
    return re.compile("".join(out), re.DOTALL)


def _literal(pattern: str, at: int) -> tuple[str, int]:
    """The character at ``at``, escaped or not, and where the next one begins."""
    if pattern[at] == "\\":
        at += 1
        if at == len(pattern):
            raise PatternError(f"syntax error in pattern {pattern!r}: it ends with a backslash")
    return pattern[at], at + 1


def _character_class(pattern: str, at: int) -> tuple[str, int]:
    """The class that begins after its bracket; an expression for it, and where what follows begins."""
    negated = pattern[at : at + 1] == "^"
    at += negated
    ranges: list[str] = []
    while True:
        if at < len(pattern) and pattern[at] == "]" and ranges:
            break
        low, at = _class_character(pattern, at)
        high = low
        if at < len(pattern) and pattern[at] == "-":
            high, at = _class_character(pattern, at + 1)
        if at >= len(pattern):
            raise PatternError(f"syntax error in pattern {pattern!r}: a bracket is not closed")
        if low <= high:
            ranges.append(f"{re.escape(low)}-{re.escape(high)}")
        else:
            ranges.append("")  # an upside-down range matches nothing, but is no error
    content = "".join(ranges)
    if not content:
        return (r"[\s\S]" if negated else r"(?!)"), at + 1
    return f"[{'^' if negated else ''}{content}]", at + 1


def _class_character(pattern: str, at: int) -> tuple[str, int]:
    if at >= len(pattern) or pattern[at] in "-]":
        raise PatternError(f"syntax error in pattern {pattern!r}: a bracket is not closed or holds nothing")
    return _literal(pattern, at)
