"""A script of the POSIX shell as tokens: words with their quoting, operators, ends of lines.

Only a subset is known, on which sh, dash, bash and busybox's ash agree: simple commands, lists, pipelines,
redirections, groups, ``if``, ``for``, ``while``, and in words quotes, parameters and ``$(…)``. Anything else raises
:class:`UnknownSyntax`, so that nobody draws conclusions from a text that was not understood.

Source: POSIX.1-2017, Shell Command Language, 2.2 (quoting), 2.3 (token recognition), 2.6 (word expansions).
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["PLAIN", "Operator", "Part", "Token", "UnknownSyntax", "Word", "tokenize"]

#: Characters that mean the same with and without quotes, wherever they stand in a word.
PLAIN = r"A-Za-z0-9_\-./:,+@%"

_DEEPEST = 16
_BLANK = re.compile(r"(?:[ \t]|\\\n)*")
_COMMENT = re.compile(r"#[^\n]*")
_OPERATOR = re.compile(r"&&|\|\||;;|<<|&>>|&>|>>|>&|<&|<>|>\||\|&|[;&|()<>\n]")
_NUMBER = re.compile(r"[0-9]+(?=[<>])")
# An equals sign, and what has a meaning of its own without quotes; `#` is here where it has none.
_BARE = re.compile(rf"[{PLAIN}]+|[=~{{}}\[\]*?!^#]")
_SINGLE = re.compile(r"'([^'\0]*)'")
_DOUBLE = re.compile(r'[^"\\$`\0]+')
_NAME = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")
_SPECIAL = re.compile(r"\$(?:([@*#?$!0-9-])|\{([@*#?$!0-9-])\})")
_BRACED = re.compile(
    r"\$\{(#?(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-])(?:[-:+=?#%/^,@\[][^'\"\\$`{}\n\0]*)?)\}", re.ASCII
)
_OPERATORS = frozenset("&|;<>()")
_MANY_LINES = frozenset(("&&", "||", "|", "(", "\n"))  # after these an end of line is a blank
_BEFORE_GROUP = frozenset(("if", "then", "elif", "else", "while", "until", "do", "{", "!"))
_UNKNOWN_WORDS = frozenset(("case", "esac", "[[", "]]", "select", "function", "coproc"))


class UnknownSyntax(Exception):  # noqa: N818  # the answer "not understood", of which nobody is told
    """The script has something that is not in the known subset; the text says what."""


class Part(NamedTuple):
    """A piece of a word. ``kind``: ``text``; ``variable`` (``text`` is what stands between the braces), or
    ``command``, whose output counts (its tokens are ``script``). ``quoted`` text may be empty.
    """

    kind: str
    text: str
    quoted: bool
    script: tuple[Token, ...] = ()


class Word(NamedTuple):
    """A word, with the quotes taken off its parts."""

    parts: tuple[Part, ...]

    @property
    def literal(self) -> str | None:
        """Its text where nothing is expanded in it, however it is quoted; a pattern counts as text."""
        if any(part.kind != "text" for part in self.parts):
            return None
        return "".join(part.text for part in self.parts)

    @property
    def bare(self) -> str | None:
        """Its text where nothing in it is quoted or a parameter: only so it can be a reserved word."""
        if any(part.quoted for part in self.parts):
            return None
        return self.literal


class Operator(NamedTuple):
    """A control operator, an end of line, or a redirection with its number (``2>``)."""

    text: str

    @property
    def redirects(self) -> bool:
        """Whether a file or descriptor follows."""
        return "<" in self.text or ">" in self.text


Token = Word | Operator


def tokenize(script: str) -> tuple[Token, ...]:
    """The tokens of ``script``: comments, blanks and needless ends of lines left out.

    Takes time in proportion to the text. Raises :class:`UnknownSyntax`.

    >>> [token.literal for token in tokenize("echo  'a'b # said")]
    ['echo', 'ab']
    """
    reader = _Reader(script)
    tokens = reader.tokens(0)
    if reader.position < len(script):
        raise UnknownSyntax("a bracket that nothing opens")
    return tokens


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def tokens(self, depth: int) -> tuple[Token, ...]:
        """Up to the end, or up to the bracket that ends a substitution of ``depth``."""
        if depth > _DEEPEST:
            raise UnknownSyntax("commands in commands in commands")
        found: list[Token] = []
        open_groups = 0
        while True:
            self._skip_blanks()
            if self.position == len(self.text):
                break
            operator = self._operator()
            if operator is None:
                found.append(self._word(depth))
                continue
            if operator == ")":
                if not open_groups:
                    self.position -= 1
                    break
                open_groups -= 1
            elif operator == "(":
                self._check_group(found)
                open_groups += 1
            elif operator == "\n" and (not found or _ends_line(found[-1])):
                continue
            found.append(Operator(operator))
        if open_groups:
            raise UnknownSyntax("a bracket that is not closed")
        while found and found[-1] == Operator("\n"):
            found.pop()
        return tuple(found)

    def _skip_blanks(self) -> None:
        start = self.position
        self._take(_BLANK)
        blanks = self.text[start : self.position]
        around = self.text[start - 1 : start], self.text[self.position : self.position + 1]
        if "\\" in blanks and not blanks.strip("\\\n") and all(side in _OPERATORS for side in around):
            raise UnknownSyntax("an operator on two lines")
        if match := _COMMENT.match(self.text, self.position):
            self.position = match.end()

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.text, self.position)
        if match is not None:
            self.position = match.end()
        return match

    # --- operators ------------------------------------------------------------------------------------

    def _operator(self) -> str | None:
        start = self.position
        number = self._take(_NUMBER)
        match = self._take(_OPERATOR)
        if match is None:
            self.position = start
            return None
        operator = match[0]
        if operator in (";;", "<<"):
            raise UnknownSyntax("a here-document" if operator == "<<" else "the end of a case")
        if operator in ("<", ">") and self.text.startswith("(", self.position):
            raise UnknownSyntax("a process substitution")
        return number[0] + operator if number else operator

    def _check_group(self, before: list[Token]) -> None:
        if self.text.startswith("(", self.position):
            raise UnknownSyntax("arithmetic")
        if before and isinstance(before[-1], Word) and before[-1].bare not in _BEFORE_GROUP:
            raise UnknownSyntax("a function, or a pattern with brackets")

    # --- words ----------------------------------------------------------------------------------------

    def _word(self, depth: int) -> Word:
        start = self.position
        parts: list[Part] = []
        while self.position < len(self.text):
            character = self.text[self.position]
            if character in " \t\n;&|<>()":
                break
            self._part(character, depth, parts)
        word = Word(tuple(parts))
        if word.bare in _UNKNOWN_WORDS:
            raise UnknownSyntax(f"`{word.bare}`")
        if any(part.kind != "text" for part in parts) and Part("text", "{", quoted=False) in parts:
            raise UnknownSyntax("braces beside a parameter")  # bash takes them apart first, in the text
        ends_at_redirection = self.text[self.position : self.position + 1] in ("<", ">")
        if ends_at_redirection and self.text.startswith("{", start):
            raise UnknownSyntax("a variable for a descriptor")
        return word

    def _part(self, character: str, depth: int, parts: list[Part]) -> None:
        if match := self._take(_BARE):
            parts.append(Part("text", match[0], quoted=False))
        elif character == "'":
            match = self._take(_SINGLE)
            if match is None:
                raise UnknownSyntax("a quote that is not closed")
            parts.append(Part("text", match[1], quoted=True))
        elif character == '"':
            self._double_quotes(depth, parts)
        elif character == "\\":
            escaped = self.text[self.position + 1 : self.position + 2]
            if escaped in ("", "\0"):
                raise UnknownSyntax("a backslash at the end")
            if escaped == "\n":
                self._continue_line()
            else:
                self.position += 2
                parts.append(Part("text", escaped, quoted=True))
        elif character == "$":
            if self.text[self.position + 1 : self.position + 2] in ("'", '"'):
                raise UnknownSyntax("a quote with a dollar sign")
            parts.append(self._dollar(depth, quoted=False))
        else:
            raise UnknownSyntax("a backquote" if character == "`" else f"the character {character!a}")

    def _double_quotes(self, depth: int, parts: list[Part]) -> None:
        self.position += 1
        before = len(parts)
        while True:
            if match := self._take(_DOUBLE):
                parts.append(Part("text", match[0], quoted=True))
                continue
            character = self.text[self.position : self.position + 1]
            if character == '"':
                self.position += 1
                break
            if character == "\\":
                escaped = self.text[self.position + 1 : self.position + 2]
                if escaped == "\n":
                    self._continue_line()
                elif escaped in ("$", "`", '"', "\\"):
                    self.position += 2
                    parts.append(Part("text", escaped, quoted=True))
                else:
                    self.position += 1
                    parts.append(Part("text", "\\", quoted=True))
            elif character == "$":
                parts.append(self._dollar(depth, quoted=True))
            else:
                raise UnknownSyntax("a backquote" if character == "`" else "a quote that is not closed")
        if len(parts) == before:
            parts.append(Part("text", "", quoted=True))

    def _continue_line(self) -> None:
        """A backslash at the end of a line, in a word. Next to a blank it can not join what would then be another
        token (``2``, ``>``) or parameter.
        """
        before = self.text[self.position - 1 : self.position]
        self.position += 2
        after = self.text[self.position : self.position + 1]
        if before not in (" ", "\t", "\n") and after not in ("", " ", "\t", "\n"):
            raise UnknownSyntax("a word on two lines")

    def _dollar(self, depth: int, *, quoted: bool) -> Part:
        """A parameter, a substitution, or in quotes a dollar sign that means itself."""
        if match := self._take(_NAME) or self._take(_SPECIAL):
            return Part("variable", match[1] or match[2], quoted)
        if match := self._take(_BRACED):
            return Part("variable", match[1], quoted)
        following = self.text[self.position + 1 : self.position + 2]
        if following == "(":
            if self.text.startswith("((", self.position + 1):
                raise UnknownSyntax("arithmetic")
            self.position += 2
            script = self.tokens(depth + 1)
            if not self.text.startswith(")", self.position):
                raise UnknownSyntax("a bracket that is not closed")
            self.position += 1
            return Part("command", "", quoted, script)
        if following in ("{", "[", "`"):
            raise UnknownSyntax("an expansion of another form")
        if not quoted:
            raise UnknownSyntax(
                "a dollar sign that means itself"
            )  # bash splits the rest of such a word otherwise
        self.position += 1
        return Part("text", "$", quoted)


def _ends_line(token: Token) -> bool:
    return isinstance(token, Operator) and token.text in _MANY_LINES
