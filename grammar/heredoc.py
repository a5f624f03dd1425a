"""Which words of an instruction announce heredocs.

The official parser finds them by splitting the whole logical line as its shell lexer would, with no variable
set; a line that this lexer refuses (an open quote, ``${x^}``) has no heredoc. :func:`shell_words` splits as
that lexer does, to the letter.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .lines import SPACE

__all__ = ["HeredocStart", "HeredocWordError", "find_heredocs", "parse_heredoc_word", "shell_words"]

_HEREDOC = re.compile(r"([0-9]*)<<(-?)[\t\n\f\r ]*([^<]*)")
_INVALID = re.compile("[\udc80-\udcff]")
_PLAIN = re.compile(r"[^$<'\"\\/}\s\x85\xa0]+")
_SPECIAL = frozenset("@*#?-$!0")
_DEPTH = 100


class HeredocStart(NamedTuple):
    """``[file_descriptor]<<[-]name`` as it stands in an instruction."""

    name: str
    expand: bool
    chomp: bool
    file_descriptor: str


class HeredocWordError(ValueError):
    """A word begins like a heredoc, but its delimiter can not be read (an open quote)."""


class _SplitError(ValueError):
    """The shell lexer refuses the line."""


def find_heredocs(line: str) -> list[HeredocStart]:
    """The heredocs that a logical line announces. Raises HeredocWordError.

    >>> [start.name for start in find_heredocs("RUN <<A cat && 3<<-'B' cat")]
    ['A', 'B']
    """
    words = shell_words(line, raw=True, raw_escapes=True)
    starts = [parse_heredoc_word(word) for word in words or []]
    return [start for start in starts if start is not None]


def parse_heredoc_word(word: str) -> HeredocStart | None:
    """Read one word, or none when it is no heredoc. Raises HeredocWordError."""
    match = _HEREDOC.fullmatch(word)
    if match is None or not match[3]:
        return None
    names = shell_words(match[3], raw=False, raw_escapes=False)
    if names is None:
        raise HeredocWordError(word)
    if len(names) != 1:
        return None
    raw = shell_words(match[3], raw=True, raw_escapes=False)
    if raw is None or len(raw) != 1:
        raise HeredocWordError(word)
    name = names[0]
    quotes = name.count("'") + name.count('"')
    return HeredocStart(name, quotes == raw[0].count("'") + raw[0].count('"'), bool(match[2]), match[1])


def shell_words(text: str, *, raw: bool, raw_escapes: bool) -> list[str] | None:
    """Split ``text`` as the official shell lexer does; none where it gives up.

    ``raw`` keeps quotes, ``raw_escapes`` keeps backslashes. Unset variables stay as written.

    >>> shell_words("a 'b c' ${d:-e} << F", raw=False, raw_escapes=True)
    ['a', 'b c', '${d:-e}', '<< F']
    """
    try:
        return _Splitter(_INVALID.sub("\ufffd", text).removeprefix("\ufeff"), raw).until("", raw_escapes, 0)[
            1
        ]
    except _SplitError:
        return None


class _Splitter:
    """State of one split. ``word`` is the word in progress, shared by all levels of ``${…}`` as it is in the
    official lexer, where an inner level drops what the outer one had collected.
    """

    def __init__(self, text: str, raw: bool) -> None:
        self.text = text
        self.size = len(text)
        self.position = 0
        self.raw = raw
        self.word: list[str] = []

    def peek(self) -> str:
        return self.text[self.position] if self.position < self.size else ""

    def take(self) -> str:
        character = self.peek()
        self.position += 1
        return character

    def until(self, stop: str, raw_escapes: bool, depth: int) -> tuple[str, list[str]]:
        """Read to ``stop``, or to the end where it is empty: the text and its words."""
        if depth > _DEPTH:
            raise _SplitError
        self.word.clear()
        result: list[str] = []
        words: list[str] = []
        inside = False
        while self.position < self.size:
            plain = _PLAIN.match(self.text, self.position)
            if plain is not None:
                self.position = plain.end()
                inside = True
                self.word.append(plain[0])
                result.append(plain[0])
                continue
            character = self.take()
            if character == stop:
                return "".join(result), self.finish(words)
            if character == "$":
                piece = self.dollar(depth)
                for item in piece:
                    inside = self.add(item, words, inside)
                result.append(piece)
                continue
            if character == "<":
                piece = self.less()
            elif character == "'":
                piece = self.single_quoted()
            elif character == '"':
                piece = self.double_quoted(raw_escapes, depth)
            elif character == "\\":
                piece = ("\\" if raw_escapes else "") + self.take()
            else:
                inside = self.add(character, words, inside)
                result.append(character)
                continue
            inside = True
            self.word.append(piece)
            result.append(piece)
        if stop:
            raise _SplitError
        return "".join(result), self.finish(words)

    def add(self, character: str, words: list[str], inside: bool) -> bool:
        """Add a character that ends a word where it is a blank; whether a word is in progress then."""
        if character not in SPACE:
            self.word.append(character)
            return True
        if inside and any(self.word):
            words.append("".join(self.word))
            self.word.clear()
            return False
        return inside

    def finish(self, words: list[str]) -> list[str]:
        if any(self.word):
            words.append("".join(self.word))
        self.word.clear()
        return words

    def less(self) -> str:
        if self.peek() != "<":
            return "<"
        start = self.position - 1
        self.position += 1
        while self.peek() in ("\t", "\r", " "):
            self.position += 1
        return self.text[start : self.position]

    def single_quoted(self) -> str:
        end = self.text.find("'", self.position)
        if end < 0:
            raise _SplitError
        content = self.text[self.position : end]
        self.position = end + 1
        return f"'{content}'" if self.raw else content

    def double_quoted(self, raw_escapes: bool, depth: int) -> str:
        result = ['"'] if self.raw else []
        while True:
            if self.position >= self.size:
                raise _SplitError
            character = self.take()
            if character == '"':
                if self.raw:
                    result.append('"')
                return "".join(result)
            if character == "$":
                character = self.dollar(depth)
            elif character == "\\":
                if raw_escapes:
                    result.append("\\")
                if self.position >= self.size:
                    raise _SplitError
                if self.peek() in '"$\\':
                    character = self.take()
            result.append(character)

    def dollar(self, depth: int) -> str:
        """What follows a ``$``; no variable is set, so it comes back nearly as written."""
        if self.peek() != "{":
            return "$" + self.name()
        self.position += 1
        if self.peek() in ("", "{", "}", ":"):
            raise _SplitError
        name = self.name()
        sign = self.take()
        if sign == "}":
            return f"${{{name}}}"
        if sign == "/":
            double = self.peek() == "/"
            self.position += double
            pattern = self.until("/", True, depth + 1)[0]
            replacement = self.until("}", True, depth + 1)[0]
            return f"${{{name}/{pattern}/{replacement}}}"
        colon = ":" if sign == ":" else ""
        if colon:
            sign = self.take()
        if (sign in ("#", "%")) if colon else (sign not in ("+", "-", "?", "#", "%")):
            raise _SplitError
        word = self.until("}", sign in ("#", "%"), depth + 1)[0]
        return f"${{{name}{colon}{sign}{word}}}"

    def name(self) -> str:
        start = self.position
        first = self.peek()
        if first.isdecimal():
            while self.peek().isdecimal():
                self.position += 1
        elif first in _SPECIAL:
            self.position += 1
        else:
            while (character := self.peek()) and (
                character.isalpha() or character.isdecimal() or character == "_"
            ):
                self.position += 1
        return self.text[start : self.position]
