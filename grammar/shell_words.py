"""The lexer of shell scripts: words with their parts, operators, here-documents, each with its place.

Source: POSIX.1-2017, Shell Command Language, 2.2 (quoting), 2.3 (token recognition), 2.6 (word expansions), 2.7
(redirection). Time is in proportion to the text; a nested construct is read once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from .shell_syntax import Part, Redirect, Script, UnknownSyntaxError, Word

__all__ = ["Lexer", "Token"]

DEEPEST = 16
_BLANK = re.compile(r"(?:[ \t\r]|\\\n)+")
_COMMENT = re.compile(r"#[^\n]*")
_OPERATORS = {
    "&&": "AND",
    "||": "OR",
    ";;": "DSEMI",
    ";": "SEMI",
    "&": "AMP",
    "|": "PIPE",
    "(": "LPAR",
    ")": "RPAR",
    "\n": "NEWLINE",
}
_OPERATOR = re.compile(r"&&|\|\||;;|;|&(?!>)|\||[()\n]")
_REDIRECT = re.compile(r"([0-9]*)(<<<|<<-|<<|&>>|&>|>>|>&|<&|<>|>\||[<>])")
_TEXT = re.compile(r"[^ \t\r\n;&|<>()'\"\\$`]+")
_SINGLE = re.compile(r"'([^']*)'")
_DOUBLE = re.compile(r'[^"\\$`]+')
_BODY = re.compile(r"[^\\$`]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SPECIAL = re.compile(r"[@*#?$!0-9-]")
_BRACED = re.compile(r"\{(#?)([A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-])(?:\[[^]\n]*\])?", re.ASCII)
_OPERATION = re.compile(r":?[-=?+]|%%?|##?|//?|\^\^?|,,?|:|@")
_CONDITION_END = re.compile(r"(?<![^ \t\n])\]\](?=[ \t\n;&|)]|$)")


class Token(NamedTuple):
    """``kind`` is a terminal of shell.lark, ``WORD`` for any word."""

    kind: str
    start: int
    end: int
    word: Word | None = None
    redirect: Redirect | None = None


class Lexer:
    """Reads tokens of ``text`` from ``position`` on. ``script`` parses up to the bracket that ends a substitution
    and says where that is; ``depth`` is how many surround this text.
    """

    def __init__(
        self,
        text: str,
        position: int,
        depth: int,
        script: Callable[[str, int, int, bool], tuple[Script, int]],
    ) -> None:
        if depth > DEEPEST:
            raise UnknownSyntaxError("commands in commands in commands", position)
        self.text = text
        self.position = position
        self._depth = depth
        self._script = script
        self._waiting: list[tuple[int, str, bool, bool]] = []
        self._bodies: dict[int, Word] = {}

    def next(self) -> Token | None:
        """The next token; none at the end of the text."""
        self._skip_blanks()
        text, start = self.text, self.position
        if start == len(text):
            if self._waiting:
                raise UnknownSyntaxError("a here-document that does not end", start)
            return None
        if match := _REDIRECT.match(text, start):
            return self._redirect(match)
        if match := _OPERATOR.match(text, start):
            self.position = match.end()
            if match[0] == "\n" and self._waiting:
                self._read_bodies()
            return Token(_OPERATORS[match[0]], start, match.end())
        return Token("WORD", start, self.position, self.word())._replace(end=self.position)

    @property
    def has_bodies(self) -> bool:
        """Whether there were here-documents."""
        return bool(self._bodies)

    def body_of(self, redirect: Redirect) -> Redirect:
        """A here-document with its body, which follows the line that it stands on."""
        return redirect._replace(body=self._bodies.get(redirect.start))

    def condition(self) -> list[Word]:
        """The words of a bash condition, up to its ``]]``: operators are words there."""
        end = _CONDITION_END.search(self.text, self.position)
        if end is None:
            raise UnknownSyntaxError("`[[` without its `]]`", self.position)
        words: list[Word] = []
        while True:
            self._skip_blanks()
            start = self.position
            if start >= end.start():
                break
            if match := re.compile(r"&&|\|\||[<>()|&;]|\n").match(self.text, start):
                self.position = match.end()
                words.append(Word((Part("text", match[0], quoted=False),), start, match.end()))
            else:
                words.append(self.word())
        if self.position != end.start():
            raise UnknownSyntaxError("`[[` with something unusual in it", start)
        words.append(self.word())
        return words

    def word(self) -> Word:
        """The word that begins here."""
        start = self.position
        parts: list[Part] = []
        while self.position < len(self.text) and self.text[self.position] not in " \t\r\n;&|<>()":
            self._part(parts)
        return Word(tuple(parts), start, self.position)

    # --- blanks, redirections ---------------------------------------------------------------------------

    def _skip_blanks(self) -> None:
        if match := _BLANK.match(self.text, self.position):
            self.position = match.end()
        if match := _COMMENT.match(self.text, self.position):
            self.position = match.end()

    def _redirect(self, match: re.Match[str]) -> Token:
        start = match.start()
        operator = match[2]
        self.position = match.end()
        if operator in "<>" and self.text.startswith("(", self.position):
            raise UnknownSyntaxError("a process substitution", start)
        self._skip_blanks()
        target = self.word()
        if not target.parts:
            raise UnknownSyntaxError("a redirection to nowhere", start)
        if operator in {"<<", "<<-"}:
            if target.literal is None:
                raise UnknownSyntaxError("a here-document whose end is not a plain word", start)
            quoted = any(part.quoted for part in target.parts)
            self._waiting.append((start, target.literal, quoted, operator == "<<-"))
        descriptor = int(match[1]) if match[1] else None
        redirect = Redirect(operator, descriptor, target, start, self.position)
        return Token("REDIRECT", start, self.position, None, redirect)

    def _read_bodies(self) -> None:
        for start, delimiter, quoted, tabs in self._waiting:
            begin = self.position
            lines: list[str] = []
            while True:
                if self.position >= len(self.text):
                    raise UnknownSyntaxError("a here-document that does not end", start)
                end = self.text.find("\n", self.position)
                end = len(self.text) if end < 0 else end
                line = self.text[self.position : end]
                self.position = min(end + 1, len(self.text))
                line = line.lstrip("\t") if tabs else line
                if line == delimiter:
                    break
                lines.append(line + "\n")
            content = "".join(lines)
            if quoted:
                parts: tuple[Part, ...] = (Part("text", content, quoted=True),)
            else:
                inner = Lexer(content, 0, self._depth + 1, self._script)
                parts = inner.here_document()
            self._bodies[start] = Word(parts, begin, self.position)
        self._waiting.clear()

    def here_document(self) -> tuple[Part, ...]:
        """The whole text as the body of a here-document, in which parameters and commands are expanded."""
        parts: list[Part] = []
        while self.position < len(self.text):
            self._inside(parts, _BODY, "\\$`")
        return tuple(parts)

    # --- parts of words -------------------------------------------------------------------------------------

    def _part(self, parts: list[Part]) -> None:
        text, start = self.text, self.position
        character = text[start]
        if match := _TEXT.match(text, start):
            self.position = match.end()
            parts.append(Part("text", match[0], quoted=False))
        elif character == "'":
            match = _SINGLE.match(text, start)
            if match is None:
                raise UnknownSyntaxError("a quote that is not closed", start)
            self.position = match.end()
            parts.append(Part("text", match[1], quoted=True))
        elif character == '"':
            self._double_quotes(parts)
        elif character == "\\":
            escaped = text[start + 1 : start + 2]
            self.position = start + 1 + len(escaped)
            if escaped != "\n":
                parts.append(Part("text", escaped or "\\", quoted=True))
        else:
            self._expansion(parts, quoted=False)

    def _double_quotes(self, parts: list[Part]) -> None:
        start = self.position
        self.position += 1
        before = len(parts)
        while not self.text.startswith('"', self.position):
            if self.position >= len(self.text):
                raise UnknownSyntaxError("a quote that is not closed", start)
            self._inside(parts, _DOUBLE, '\\$`"')
        self.position += 1
        if len(parts) == before:
            parts.append(Part("text", "", quoted=True))

    def _inside(self, parts: list[Part], plain: re.Pattern[str], escapable: str) -> None:
        """One piece of what stands in double quotes or in a here-document."""
        text, start = self.text, self.position
        if match := plain.match(text, start):
            self.position = match.end()
            parts.append(Part("text", match[0], quoted=True))
        elif text[start] == "\\":
            escaped = text[start + 1 : start + 2]
            if escaped == "\n":
                self.position += 2
            elif escaped and escaped in escapable:
                self.position += 2
                parts.append(Part("text", escaped, quoted=True))
            else:
                self.position += 1
                parts.append(Part("text", "\\", quoted=True))
        else:
            self._expansion(parts, quoted=True)

    def _expansion(self, parts: list[Part], *, quoted: bool) -> None:
        text, start = self.text, self.position
        if text[start] == "`":
            parts.append(self._backquoted(quoted=quoted))
            return
        self.position += 1
        if match := _NAME.match(text, self.position) or _SPECIAL.match(text, self.position):
            self.position = match.end()
            parts.append(Part("parameter", match[0], quoted))
        elif text.startswith("((", self.position):
            parts.append(self._arithmetic(quoted=quoted))
        elif text.startswith("(", self.position):
            script, end = self._script(text, self.position + 1, self._depth + 1, True)
            self.position = end
            parts.append(Part("command", "", quoted, script=script))
        elif text.startswith("{", self.position):
            parts.append(self._braced(quoted=quoted))
        elif not quoted and text.startswith(("'", '"'), self.position):
            raise UnknownSyntaxError("a quote with a dollar sign", start)
        else:
            parts.append(Part("text", "$", quoted=True))

    def _arithmetic(self, *, quoted: bool) -> Part:
        start = self.position
        depth = 0
        for at in range(start, len(self.text)):
            depth += {"(": 1, ")": -1}.get(self.text[at], 0)
            if not depth:
                expression = self.text[start + 2 : at - 1]
                if self.text[at - 1] != ")" or "$(" in expression or "`" in expression:
                    break
                self.position = at + 1
                return Part("arithmetic", expression, quoted)
        raise UnknownSyntaxError("arithmetic that is not understood", start)

    def _backquoted(self, *, quoted: bool) -> Part:
        start = self.position
        inner: list[str] = []
        at = start + 1
        while at < len(self.text) and self.text[at] != "`":
            if self.text[at] == "\\" and self.text[at + 1 : at + 2] in {
                "`",
                "\\",
                "$",
                '"' if quoted else "`",
            }:
                at += 1
            inner.append(self.text[at : at + 1])
            at += 1
        if at >= len(self.text):
            raise UnknownSyntaxError("a backquote that is not closed", start)
        self.position = at + 1
        script, _ = self._script("".join(inner), 0, self._depth + 1, False)
        return Part("command", "", quoted, script=script)

    def _braced(self, *, quoted: bool) -> Part:
        text, start = self.text, self.position
        match = _BRACED.match(text, start)
        if match is None or text[match.end() : match.end() + 1] == "[":
            raise UnknownSyntaxError("an expansion of another form", start)
        self.position = match.end()
        if text.startswith("}", self.position):
            self.position += 1
            return Part("parameter", match[2], quoted, "length" if match[1] else "")
        operation = _OPERATION.match(text, self.position)
        if operation is None or match[1]:
            raise UnknownSyntaxError("an expansion of another form", start)
        self.position = operation.end()
        begin = self.position
        parts: list[Part] = []
        while not text.startswith("}", self.position):
            if self.position >= len(text):
                raise UnknownSyntaxError("a brace that is not closed", start)
            self._in_braces(parts, quoted=quoted)
        argument = Word(tuple(parts), begin, self.position)
        self.position += 1
        return Part("parameter", match[2], quoted, operation[0], argument)

    def _in_braces(self, parts: list[Part], *, quoted: bool) -> None:
        text, start = self.text, self.position
        character = text[start]
        if character == "'" and quoted:
            self.position += 1
            parts.append(Part("text", "'", quoted=True))
        elif character in " \t\r\n;&|<>()":
            self.position += 1
            parts.append(Part("text", character, quoted))
        elif character in "'\"\\$`":
            self._part(parts)
        else:
            end = next(
                (at for at in range(start, len(text)) if text[at] in "} \t\r\n;&|<>()'\"\\$`"), len(text)
            )
            self.position = end
            parts.append(Part("text", text[start:end], quoted))
