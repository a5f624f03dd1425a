"""Runs the LALR automaton and the contextual lexers that Lark made of dockerfile.lark (see tables.py).

The automaton only says what may follow: nodes are built from the words that it has accepted (instruction.py),
so no tree of tokens is made and thrown away.
"""

from __future__ import annotations

import re
from functools import cache

from .lines import SPACE
from .shapes import KEYWORDS
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


class _Node:
    """A stack of states, and where each terminal leads from it.

    What a terminal does to a stack is always the same, so it is worked out once. Nothing in the language
    nests (but one instruction in ONBUILD), so there are few stacks. ``heads`` remembers the keywords, as they
    were spelled, that have begun a line here.
    """

    __slots__ = ("edges", "heads", "scanners", "stack")

    def __init__(self, stack: tuple[int, ...]) -> None:
        self.stack = stack
        self.edges: dict[str, _Node | None] = {}
        self.scanners: dict[tuple[str, bool], re.Pattern[str]] = {}
        self.heads: dict[str, str] = {}

    def head(self, word: str) -> str | None:
        """The keyword that ``word``, behind which there is a blank, begins a line with; none if the lexer is needed
        to say what it is.
        """
        keyword = word.upper()
        possible = keyword in KEYWORDS and keyword in SCANNERS[LEXERS[self.stack[-1]]]
        if not possible or not word.isascii() or self.after(keyword) is None:
            return None
        self.heads[word] = keyword
        return keyword

    def after(self, terminal: str) -> _Node | None:
        """The stack once ``terminal`` is shifted, after the reductions that it calls for; none where it can
        not stand. ``$END`` is not shifted: it leaves the whole text's rule.
        """
        if terminal in self.edges:
            return self.edges[terminal]
        stack = list(self.stack)
        while (action := ACTIONS[stack[-1]].get(terminal)) is not None and action < 0:
            rule, length = RULES[~action]
            if length:
                del stack[-length:]
            stack.append(GOTO[stack[-1]][rule])
        if action is not None:
            stack.append(action)
        node = None
        if action is not None or stack[-1] in END.values():
            node = _node(tuple(stack))
        self.edges[terminal] = node
        return node

    def scanner(self, form: tuple[str, bool]) -> re.Pattern[str]:
        """The lexer of the terminals that can come next, for lines of this form: their escape character, and
        whether FLAGS, which begin with ``--`` or a blank beyond ASCII, may stand there.
        """
        escape, has_flags = form
        names = tuple(name for name in SCANNERS[LEXERS[self.stack[-1]]] if has_flags or name != "FLAGS")
        return self.scanners.setdefault(form, _scanner(names, escape))


@cache
def _node(stack: tuple[int, ...]) -> _Node:
    return _Node(stack)


@cache
def _scanner(names: tuple[str, ...], escape: str) -> re.Pattern[str]:
    """The lexer of one set of terminals, compiled when it is first needed."""
    terminals = TERMINALS if escape == "\\" else TERMINALS | BACKTICK
    words = "|".join(f"(?P<{name}>{terminals[name]})" for name in names) or "(?!)"
    return re.compile(f"(?:{IGNORE})*+(?:{words})")


class Automaton:
    """Where a parse stands, from the rule ``start`` on."""

    __slots__ = ("_node",)

    def __init__(self, start: str) -> None:
        self._node = _node((START[start],))

    def feed(self, terminal: str) -> bool:
        """Go on with ``terminal``; false where it can not stand."""
        node = self._node.after(terminal)
        if node is None:
            return False
        self._node = node
        return True

    def finish(self) -> bool:
        """Whether the text may end here."""
        return self._node.after("$END") is not None

    def read_line(self, text: str, escape: str) -> list[Token]:
        """The words of one logical line. Raises WordError."""
        node = self._node
        size = len(text)
        tokens: list[Token] = []
        form = (escape, "--" in text or not text.isascii())
        position = text.find(" ")
        head = node.heads.get(text[:position]) or node.head(text[:position]) if position > 0 else None
        if head is not None and (following := node.edges[head]) is not None:
            tokens.append((head, 0, position))
            node = following
        else:
            position = 0
        while position < size:
            match = (node.scanners.get(form) or node.scanner(form)).match(text, position)
            if match is not None:
                kind: str = match.lastgroup  # type: ignore[assignment]
                start, end = match.span(kind)
                if kind == "FLAGS" and not text.isascii():
                    rest = text[start:]
                    end = size - len(rest[split_flags(rest, escape)[1] :].lstrip(SPACE))
            else:
                kind, start, end = self._folded_keyword(text, position)
            following = node.edges.get(kind) or node.after(kind)
            if following is None:
                raise WordError(tokens, start)
            node = following
            tokens.append((kind, start, end))
            position = end
        following = node.edges.get("_EOL") or node.after("_EOL")
        if following is None:
            raise WordError(tokens, position)
        self._node = following
        return tokens

    def _folded_keyword(self, text: str, position: int) -> Token:
        """The next word, should it be a keyword with a letter that Go's lower case folds to ASCII."""
        start = position + len(text[position:]) - len(text[position:].lstrip("\t\n\v\f\r "))
        end = _HEAD.match(text, start).end()  # type: ignore[union-attr]
        word = text[start:end].replace("\u0130", "i").replace("\u212a", "k").upper()
        return (word if word in KEYWORDS else ""), start, end
