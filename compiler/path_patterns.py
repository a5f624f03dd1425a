"""Ignore patterns: which paths a list of ``.dockerignore`` lines (or ``--exclude`` flags) matches.

The rules are those of moby/patternmatcher, with its corner cases, since users' files rely on what it does:

* the last pattern that matches decides; one with ``!`` takes back;
* a pattern that matches a directory matches all below it;
* ``*`` and ``?`` stop at a slash, ``**`` does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Literal, NamedTuple

from .globs import PatternError, clean, compile_glob

__all__ = ["Matched", "PatternError", "PatternMatcher"]

MatchKind = Literal["exact", "prefix", "suffix", "regexp"]

# Which patterns matched a directory, one item a pattern; empty for the root.
Matched = tuple[bool, ...]

# What Go's strings.TrimSpace removes.
WHITE = " \t\n\v\f\r\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_SPECIAL = re.compile(r"[*\[\]?^\\]")
_GLOB_SUFFIXES = ("/**", "/*")


class _Pattern(NamedTuple):
    text: str
    exclusion: bool
    kind: MatchKind
    operand: str


class Pattern(_Pattern):
    """One pattern, cleaned, without its ``!``. ``kind`` says how ``operand`` is compared with a path: equal,
    at its start, at its end, or as an expression.
    """

    @cached_property
    def match(self) -> Callable[[str], object]:
        """A function that is true for paths that the pattern matches by itself."""
        return _any_match([self])

    @cached_property
    def prefix(self) -> str:
        """The pattern without a ``/**`` or ``/*`` at its end."""
        for suffix in _GLOB_SUFFIXES:
            if self.text.endswith(suffix):
                return self.text[: -len(suffix)]
        return self.text


class PatternMatcher:
    """A list of patterns, each compiled once. Raises :class:`PatternError` for one that is malformed.

    >>> ignore = PatternMatcher(["docs", "*.log", "!docs/keep"])
    >>> [ignore.matches(path) for path in ("docs/a", "docs/keep", "x.log", "a/x.log")]
    [True, False, True, False]
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = tuple(_parse(text) for text in map(_trim, patterns) if text)
        self.has_exclusions = any(pattern.exclusion for pattern in self.patterns)
        self._nothing = (False,) * len(self.patterns)
        self._any = _any_match([pattern for pattern in self.patterns if not pattern.exclusion])

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def match(self, path: str, parent: Matched = ()) -> tuple[bool, Matched]:
        """Whether ``path`` is matched, given what the call for its directory returned (nothing for a name in
        the root); and what to hand to the calls for its own entries.
        """
        parent = parent or self._nothing
        if True not in parent and not self._any(path):
            return False, self._nothing
        matched = False
        here: list[bool] = []
        for pattern, inherited in zip(self.patterns, parent, strict=True):
            hit = inherited or (pattern.exclusion is matched and bool(pattern.match(path)))
            here.append(hit)
            if hit:
                matched = not pattern.exclusion
        return matched, tuple(here)

    def matches(self, path: str) -> bool:
        """Whether ``path`` is matched, its directories taken into account."""
        state: Matched = ()
        at = path.find("/")
        while at != -1:
            _, state = self.match(path[:at], state)
            at = path.find("/", at + 1)
        return self.match(path, state)[0]

    def reaches_into(self, directory: str) -> bool:
        """Whether an exclusion (``!``) might take back something below ``directory``, which is matched."""
        return self.has_exclusions and (not self._plain_exclusions or self._any_prefix(directory, True))

    def leads_into(self, directory: str) -> bool:
        """Whether something below ``directory``, which is not matched itself, might be matched."""
        return not self._plain_patterns or self._any_prefix(directory, False)

    def culprit(self, path: str) -> str:
        """The cleaned pattern that makes ``path`` matched; empty if it is not."""
        state: Matched = self._nothing
        parts = path.split("/")
        for count in range(1, len(parts) + 1):
            _, state = self.match("/".join(parts[:count]), state)
        found = [pattern for pattern, hit in zip(self.patterns, state, strict=True) if hit]
        return found[-1].text if found and not found[-1].exclusion else ""

    def _any_prefix(self, directory: str, exclusion: bool) -> bool:
        below = directory + "/"
        return any(
            (pattern.prefix + "/").startswith(below)
            for pattern in self.patterns
            if pattern.exclusion is exclusion
        )

    @cached_property
    def _plain_exclusions(self) -> bool:
        return not any(_SPECIAL.search(p.prefix) for p in self.patterns if p.exclusion)

    @cached_property
    def _plain_patterns(self) -> bool:
        return not any(_SPECIAL.search(p.prefix) for p in self.patterns if not p.exclusion)


def _trim(text: str) -> str:
    return text.strip(WHITE)


def _parse(text: str) -> Pattern:
    text = clean(text)
    exclusion = text.startswith("!")
    if exclusion:
        text = text[1:]
        if not text:
            raise PatternError("a '!' without a pattern")
    compile_glob(text)  # refuses what Go's filepath.Match refuses
    expression, kind = _translate(text)
    if kind == "regexp":
        try:
            re.compile(expression, re.ASCII)
        except re.error as error:
            raise PatternError(f"syntax error in pattern {text!r}: {error}") from error
        return Pattern(text, exclusion, kind, expression)
    operand = text[:-2] if kind == "prefix" else text[2:] if kind == "suffix" else text
    return Pattern(text, exclusion, kind, operand)


def _any_match(patterns: Sequence[Pattern]) -> Callable[[str], object]:
    """A function that says whether any of ``patterns`` matches a path by itself."""
    exact = {pattern.operand for pattern in patterns if pattern.kind == "exact"}
    starts = tuple(pattern.operand for pattern in patterns if pattern.kind == "prefix")
    ends = tuple(pattern.operand for pattern in patterns if pattern.kind == "suffix")
    exact |= {end[1:] for end in ends if end.startswith("/")}  # **/x matches x as well
    expressions = [f"(?:{pattern.operand})" for pattern in patterns if pattern.kind == "regexp"]
    regexp = re.compile("|".join(expressions) or "(?!)", re.ASCII).match

    def match(path: str) -> object:
        return path in exact or path.startswith(starts) or path.endswith(ends) or regexp(path)

    return match


def _translate(text: str) -> tuple[str, MatchKind]:
    """An expression for ``text``, and how to match it.

    Only patterns with wildcards become expressions, and only there have the characters ``^ | { }`` the
    meaning that they have in expressions. That is an oversight of the original which is kept.
    """
    out = ["^"]
    kind: MatchKind = "exact"
    first = True
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if text.startswith("**", at - 1):
            at += 1
            at += text.startswith("/", at)
            if at == len(text):
                kind = "prefix" if kind == "exact" else "regexp"
                out.append(".*")
            else:
                kind = "regexp"
                out.append("(?:.*/)?")
            if first:
                kind = "suffix"
        elif char == "*":
            kind = "regexp"
            out.append("[^/]*")
        elif char == "?":
            kind = "regexp"
            out.append("[^/]")
        elif char in ".+()$":
            out.append("\\" + char)
        elif char == "\\":
            if at < len(text):
                kind = "regexp"
                out.append("\\" + text[at])
                at += 1
            else:
                out.append("\\")
        else:
            kind = "regexp" if char in "[]" else kind
            out.append(char)
        first = False
    expression = _python_syntax("".join(out)) + r"\Z"
    if "|" in text:
        expression = f"(?s:.*?)(?:{expression})"  # each side is tied to one end only
    return expression, kind


# --- from the syntax of Go's expressions to Python's -------------------------------------------------

_ESCAPES = {"z": r"\Z", "s": r"[\t\n\f\r ]", "S": r"[^\t\n\f\r ]"}
_KEPT_ESCAPES = frozenset("dDwWbBAafnrtv")


def _python_syntax(expression: str) -> str:
    """Go's expression in Python's syntax: classes and escapes are the only differences that can occur."""
    out: list[str] = []
    at = 0
    while at < len(expression):
        char = expression[at]
        if char == "\\":
            out.append(_escape(expression[at + 1 : at + 2]))
            at += 2
        elif char == "[":
            content, at = _class(expression, at + 1)
            out.append(content)
        else:
            out.append(char)
            at += 1
    return "".join(out)


def _escape(char: str) -> str:
    if not char.isascii() or (char.isalnum() and char not in _KEPT_ESCAPES and char not in _ESCAPES):
        raise PatternError(f"syntax error in pattern: invalid escape \\{char}")
    if char in _ESCAPES:
        return _ESCAPES[char]
    return "\\" + char


def _class(expression: str, at: int) -> tuple[str, int]:
    """The class that begins after its bracket, with what Python would read otherwise escaped."""
    out = ["["]
    if expression.startswith("^", at):
        out.append("^")
        at += 1
    first = True
    while first or not expression.startswith("]", at):
        if at >= len(expression):
            raise PatternError("syntax error in pattern: a bracket is not closed")
        char = expression[at]
        if char == "\\":
            out.append(_escape(expression[at + 1 : at + 2]))
            at += 2
        else:
            out.append("\\" + char if char in "[]&~|^" else char)
            at += 1
        first = False
    return "".join(out) + "]", at + 1
