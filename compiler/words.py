"""Shell words: quotes, escapes and ``${…}``, expanded as BuildKit's ``shell`` package does.

Every modifier of the Dockerfile reference is here: ``$v ${v} ${v:-w} ${v-w} ${v:+w} ${v+w} ${v:?w} ${v?w}
${v#p} ${v##p} ${v%p} ${v%%p} ${v/p/r} ${v//p/r}``, nested as deep as ``MAX_DEPTH``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .patterns import Pattern, PatternError, reverse_pattern

__all__ = ["MAX_DEPTH", "SPACES", "Expansion", "WordError", "Words"]

MAX_DEPTH = 100

# What Go's unicode.IsSpace says; Python's str.isspace() has four more.
SPACES = frozenset("\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | {
    chr(code) for code in range(0x2000, 0x200B)
}
_SPECIAL = frozenset("@*#?-$!0")
_END = ""


class WordError(ValueError):
    """A word that can not be expanded: ``position`` is the offset into it, ``expected`` what was missing
    there, ``help`` what to do where nothing is.
    """

    def __init__(self, message: str, word: str, position: int, expected: str = "", help: str = "") -> None:  # noqa: A002
        super().__init__(message)
        self.message = message
        self.word = word
        self.position = position
        self.expected = expected
        self.help = help


class Expansion(NamedTuple):
    """A word after expansion: the text, its split into words, and the names that were and were not set."""

    text: str
    words: tuple[str, ...]
    matched: frozenset[str]
    unmatched: frozenset[str]


class Words(NamedTuple):
    """How words are read. The switches are those of BuildKit's lexer:

    ``raw_quotes`` keeps quotes, ``raw_escapes`` keeps the escape character, ``skip_quotes`` takes quotes for
    ordinary characters, ``skip_unset`` leaves references to unset variables as they are written.

    >>> Words().expand("${name:-world} '$name'", {}).text
    'world $name'
    """

    escape: str = "\\"
    raw_quotes: bool = False
    raw_escapes: bool = False
    skip_quotes: bool = False
    skip_unset: bool = False

    def expand(self, word: str, env: Mapping[str, str]) -> Expansion:
        """Expand ``word``. Raises :class:`WordError`."""
        scanner = _Scanner(self, word.removeprefix("\ufeff"), env)
        text, words = scanner.until(_END, raw_escapes=self.raw_escapes)
        return Expansion(text, tuple(words), frozenset(scanner.matched), frozenset(scanner.unmatched))


class _Split:
    """Words as they come out of one run over the text: splitting follows expansion.

    ``current``, the word so far, is shared by all runs over a word, as in BuildKit: the run over a modifier's
    word drops what stands before it. So ``EXPOSE 80${SUFFIX:-81}`` is port 81 there, and here.
    """

    def __init__(self, current: list[str]) -> None:
        self.current = current
        self.words: list[str] = []

    def add(self, text: str) -> None:
        """Unquoted text: white space ends a word."""
        for char in text:
            if char not in SPACES:
                self.current.append(char)
            elif self.current:
                self.finish()

    def add_raw(self, text: str) -> None:
        """Quoted or escaped text."""
        if text:
            self.current.append(text)

    def finish(self) -> list[str]:
        if self.current:
            self.words.append("".join(self.current))
            self.current.clear()
        return self.words


class _Scanner:
    """One pass over a word. Every method leaves ``at`` behind what it has read."""

    def __init__(self, rules: Words, text: str, env: Mapping[str, str]) -> None:
        self.rules = rules
        self.text = text
        self.env = env
        self.at = 0
        self.depth = 0
        self.raw_escapes = rules.raw_escapes
        self.current: list[str] = []
        self.matched: set[str] = set()
        self.unmatched: set[str] = set()

    def peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else _END

    def next(self) -> str:
        char = self.peek()
        self.at += len(char)
        return char

    def error(
        self,
        message: str,
        expected: str = "",
        position: int | None = None,
        help: str = "",  # noqa: A002
    ) -> WordError:
        return WordError(message, self.text, self.at if position is None else position, expected, help)

    def unclosed(self, quote: str, opened: int) -> WordError:
        self.at = len(self.text)
        message = f"unexpected end of statement while looking for matching {quote}-quote"
        return self.error(message, "'" if quote == "single" else '"', opened)

    def until(self, stop: str, *, raw_escapes: bool) -> tuple[str, list[str]]:
        """Read up to and with the character ``stop`` (or to the end), expanding on the way."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(
                f"substitutions are nested more than {MAX_DEPTH} deep", help="give parts of it names with ARG"
            )
        outer, self.raw_escapes = self.raw_escapes, raw_escapes
        result: list[str] = []
        self.current.clear()
        split = _Split(self.current)
        while (char := self.peek()) != _END and char != stop:
            self._one(char, result, split)
        self.raw_escapes = outer
        self.depth -= 1
        if stop != _END and self.next() != stop:
            raise self.error(f"unexpected end of statement while looking for matching {stop}", stop)
        return "".join(result), split.finish()

    def _one(self, char: str, result: list[str], split: _Split) -> None:
        """Read one character, or the group that it opens."""
        if char == "$":
            text = self._dollar()
            split.add(text)
        elif char == "<":
            text = self._possible_heredoc()
            split.add_raw(text)
        elif char in "'\"" and not self.rules.skip_quotes:
            text = self._single_quoted() if char == "'" else self._double_quoted()
            split.add_raw(text)
        elif char == self.rules.escape:
            self.at += 1
            text = (char if self.raw_escapes else "") + self.next()
            split.add_raw(text)
        else:
            self.at += 1
            text = char
            split.add(text)
        result.append(text)

    def _single_quoted(self) -> str:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise self.unclosed("single", self.at)
        content = self.text[self.at + 1 : end]
        self.at = end + 1
        return f"'{content}'" if self.rules.raw_quotes else content

    def _double_quoted(self) -> str:
        opened = self.at
        self.at += 1
        quote = '"' if self.rules.raw_quotes else ""
        result = [quote]
        while (char := self.peek()) != '"':
            if char == _END:
                raise self.unclosed("double", opened)
            if char == "$":
                result.append(self._dollar())
                continue
            self.at += 1
            if char == self.rules.escape:
                char = self._escaped_in_quotes(char)
            result.append(char)
        self.at += 1
        return "".join([*result, quote])

    def _escaped_in_quotes(self, escape: str) -> str:
        """Inside double quotes only the quote, ``$`` and the escape character itself can be escaped."""
        kept = escape if self.raw_escapes else ""
        following = self.peek()
        if following == _END:
            return kept
        if following in ('"', "$", escape):
            self.at += 1
            return kept + following
        return kept + escape

    def _possible_heredoc(self) -> str:
        """``<<`` keeps the blanks behind it, so that ``<< EOF`` stays one word."""
        self.at += 1
        if self.peek() != "<":
            return "<"
        self.at += 1
        start = self.at
        while self.peek() in ("\t", "\r", " "):
            self.at += 1
        return "<<" + self.text[start : self.at]

    def _name(self) -> str:
        """A variable's name, a run of digits, or one special parameter; empty if none is here."""
        start = self.at
        first = self.peek()
        if first.isdecimal():
            while self.peek().isdecimal():
                self.at += 1
        elif first in _SPECIAL:
            self.at += 1
        else:
            while (char := self.peek()) == "_" or char.isalpha() or char.isdecimal():
                self.at += 1
        return self.text[start : self.at]

    def _look_up(self, name: str) -> str | None:
        value = self.env.get(name)
        (self.unmatched if value is None else self.matched).add(name)
        return value

    def _dollar(self) -> str:
        self.at += 1
        if self.peek() != "{":
            name = self._name()
            if not name:
                return "$"
            value = self._look_up(name)
            return "$" + name if value is None and self.rules.skip_unset else value or ""
        self.at += 1
        if self.peek() == _END:
            raise self.error("syntax error: missing '}'", "}")
        if self.peek() in "{}:":
            raise self.error("syntax error: bad substitution", "a variable's name")
        name = self._name()
        modifier = self.next()
        if modifier == "}":
            value = self._look_up(name)
            return f"${{{name}}}" if value is None and self.rules.skip_unset else value or ""
        if modifier == "/":
            return self._replaced(name)
        return self._modified(name, modifier)

    def _nested(self, stop: str, missing: str, *, raw_escapes: bool) -> str:
        """The word of a modifier; an end of text inside is told as the end of the whole substitution."""
        try:
            return self.until(stop, raw_escapes=raw_escapes)[0]
        except WordError as error:
            if self.peek() == _END and error.expected:
                raise self.error(missing, stop) from error
            raise

    def _modified(self, name: str, modifier: str) -> str:
        null_is_unset = modifier == ":"
        if null_is_unset:
            modifier = self.next()
        told = ":" + modifier if null_is_unset else modifier
        trims = modifier in ("#", "%")
        if modifier == _END:
            raise self.error("syntax error: missing '}'", "}")
        if modifier not in "+-?#%" or (null_is_unset and trims):
            raise self.error(f"unsupported modifier ({told}) in substitution", "one of - + ? # % /")
        word = self._nested("}", "syntax error: missing '}'", raw_escapes=trims)
        value = self._look_up(name)
        if value is None and self.rules.skip_unset:
            return f"${{{name}{told}{word}}}"
        if trims:
            return self._trimmed(modifier, word, value or "")
        is_set = value is not None and not (null_is_unset and not value)
        if modifier == "+":
            return word if is_set else ""
        if not is_set and modifier == "?":
            raise self.error(
                f"{name}: {word or _must_not_be(value)}", help=f"set it with ENV, ARG or --build-arg {name}=…"
            )
        return value or "" if is_set else word

    def _pattern(self, text: str, source: str) -> Pattern:
        pattern = Pattern(text)
        try:
            list(pattern.spans(""))
        except PatternError as error:
            raise self.error(
                f"invalid pattern ({source}) in substitution: {error}",
                help=r"a backslash goes before * ? \ / or } only",
            ) from error
        return pattern

    def _trimmed(self, modifier: str, word: str, value: str) -> str:
        longest = word.startswith(modifier)
        word = word[1:] if longest else word
        if modifier == "#":
            end = self._pattern(word, word).prefix_end(value, longest=longest)
            return value[end or 0 :]
        mirrored = value[::-1]
        end = self._pattern(reverse_pattern(word), word).prefix_end(mirrored, longest=longest)
        return mirrored[end or 0 :][::-1]

    def _replaced(self, name: str) -> str:
        everywhere = self.peek() == "/"
        self.at += everywhere
        pattern = self._nested("/", "syntax error: missing '/' in ${}", raw_escapes=True)
        replacement = self._nested("}", "syntax error: missing '}'", raw_escapes=True)
        value = self._look_up(name)
        if value is None and self.rules.skip_unset:
            return f"${{{name}/{pattern}/{replacement}}}"
        value = value or ""
        parts: list[str] = []
        position = 0
        for start, end in self._pattern(pattern, pattern).spans(value):
            found = _template(replacement, value[start:end]) if everywhere else replacement
            parts += (value[position:start], found)
            position = end
            if not everywhere:
                break
        return "".join([*parts, value[position:]])


def _must_not_be(value: str | None) -> str:
    return "is not allowed to be " + ("unset" if value is None else "empty")


def _template(replacement: str, match: str) -> str:
    """``${v//p/r}`` goes through Go's regexp templates: ``$0`` is the match, other names are empty."""
    if "$" not in replacement:
        return replacement
    result: list[str] = []
    head, *rest = replacement.split("$")
    result.append(head)
    index = 0
    while index < len(rest):
        part = rest[index]
        index += 1
        if not part and index < len(rest):
            result.append("$" + rest[index])
            index += 1
            continue
        braced = part.startswith("{")
        body = part[1:] if braced else part
        width = next((i for i, char in enumerate(body) if not (char == "_" or char.isalnum())), len(body))
        if not width or (braced and body[width : width + 1] != "}"):
            result.append("$" + part)
            continue
        result.append(match if body[:width].strip("0") == "" else "")
        result.append(body[width + braced :])
    return "".join(result)
