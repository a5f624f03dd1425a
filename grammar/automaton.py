"""Runs the LALR automaton and the contextual lexers that Lark made of dockerfile.lark (see tables.py).

The automaton only says what may follow: nodes are built from the words that it has accepted (instruction.py),
so no tree of tokens is made and thrown away.
"""

from __future__ import annotations

import re
from functools import cache

from .lines import SPACE
from .tables import ACTIONS, BACKTICK, END, GOTO, IGNORE, LEXERS, RULES, SCANNERS, START, TERMINALS
from .words import split_flags

__all__ = ["Automaton", "Token", "WordError"]

#: Terminal of dockerfile.lark, and the characters of the logical line that it covers.
Token = tuple[str, int, int]

_HEAD = re.compile(r"[^\t\v\f\r ]*")


class WordError(ValueError):
    """What stands at ``position`` of a logical line can not stand there, behind ``tokens``."""

    def __init__(self, tokens: list[Token], position: int) -> None:
        super().__init__(position)
        self.tokens = tokens
        self.position = position


@cache
def _scanner(number: int, escape: str) -> re.Pattern[str]:
    """The lexer of one set of terminals, compiled when it is first needed."""
    terminals = TERMINALS if escape == "\\" else TERMINALS | BACKTICK
    words = "|".join(f"(?P<{name}>{terminals[name]})" for name in SCANNERS[number]) or "(?!)"
    return re.compile(f"(?:{IGNORE})*+(?:{words})")


class Automaton:
    """A stack of states, from the rule ``start`` on."""

    __slots__ = ("_end", "_stack")

    def __init__(self, start: str) -> None:
        self._stack = [START[start]]
        self._end = END[start]

    def feed(self, terminal: str) -> bool:
        """Shift ``terminal``, after the reductions that it calls for; false where it can not stand.

        ``$END`` is not shifted: it stands where the reductions leave the whole text's rule.
        """
        stack = self._stack
        while (action := ACTIONS[stack[-1]].get(terminal)) is not None:
            if action >= 0:
                stack.append(action)
                return True
            rule, length = RULES[~action]
            if length:
                del stack[-length:]
            stack.append(GOTO[stack[-1]][rule])
        return stack[-1] == self._end

    def finish(self) -> bool:
        """Whether the text may end here."""
        return self.feed("$END")

    def read_line(self, text: str, escape: str) -> list[Token]:
        """The words of one logical line. Raises WordError."""
        stack = self._stack
        size = len(text)
        tokens: list[Token] = []
        position = 0
        while position < size:
            match = _scanner(LEXERS[stack[-1]], escape).match(text, position)
            if match is not None:
                kind: str = match.lastgroup  # type: ignore[assignment]
                start, end = match.span(kind)
                if kind == "FLAGS" and not text.isascii():
                    rest = text[start:]
                    end = size - len(rest[split_flags(rest, escape)[1] :].lstrip(SPACE))
            else:
                kind, start, end = self._folded_keyword(text, position)
            if not self.feed(kind):
                raise WordError(tokens, start)
            tokens.append((kind, start, end))
            position = end
        if not self.feed("_EOL"):
            raise WordError(tokens, position)
        return tokens

    def _folded_keyword(self, text: str, position: int) -> Token:
        """The next word, should it be a keyword with a letter that Go's lower case folds to ASCII."""
        start = position + len(text[position:]) - len(text[position:].lstrip("\t\n\v\f\r "))
        end = _HEAD.match(text, start).end()  # type: ignore[union-attr]
        word = text[start:end].replace("\u0130", "i").replace("\u212a", "k").upper()
        return (word if word.isascii() else ""), start, end
