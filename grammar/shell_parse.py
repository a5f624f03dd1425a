"""Shell scripts → syntax trees, with the automaton that Lark makes of shell.lark (see shell_tables.py)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from .shell_syntax import (
    AndOr,
    Arm,
    Assignment,
    Case,
    For,
    Group,
    If,
    Item,
    Loop,
    Part,
    Pipeline,
    Redirect,
    Script,
    Simple,
    Subshell,
    UnknownSyntaxError,
    Word,
)
from .shell_tables import ACTIONS, END, GOTO, RULES, START
from .shell_words import Lexer, Token

__all__ = ["parse_nested", "parse_script"]

_DEEPEST_STACK = 600
_RESERVED: Final = {
    "if": "IF",
    "then": "THEN",
    "elif": "ELIF",
    "else": "ELSE",
    "fi": "FI",
    "for": "FOR",
    "in": "IN",
    "while": "WHILE",
    "until": "UNTIL",
    "do": "DO",
    "done": "DONE",
    "case": "CASE",
    "esac": "ESAC",
    "!": "BANG",
    "{": "LBRACE",
    "}": "RBRACE",
}
_ELSEWHERE = frozenset(("select", "function", "coproc", "]]"))
_ASSIGN = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?)=", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


@lru_cache(maxsize=512)
def parse_script(text: str) -> Script:
    """The tree of a script. Takes time in proportion to the text. Raises :class:`UnknownSyntaxError`.

    >>> [command.words[0].literal for command in parse_script("cd /a && make | tee log").commands()]
    ['cd', 'make', 'tee']
    """
    return parse_nested(text, 0, 0, False)[0]


def parse_nested(text: str, position: int, depth: int, in_brackets: bool) -> tuple[Script, int]:
    """From ``position`` to the end, or to the bracket that nothing opened; the script, and where it ends."""
    lexer = Lexer(text, position, depth, parse_nested)
    parser = _Parser(lexer)
    while True:
        token = lexer.next()
        if token is None:
            if in_brackets:
                raise UnknownSyntaxError("a bracket that is not closed", position)
            return parser.finish(len(text)), len(text)
        if token.kind == "RPAR" and in_brackets and not parser.accepts("RPAR"):
            return parser.finish(token.start), token.end
        parser.feed(token)


class _Parser:
    def __init__(self, lexer: Lexer) -> None:
        self._lexer = lexer
        self._states = [START]
        self._values: list[Any] = []

    def accepts(self, terminal: str) -> bool:
        """Whether ``terminal`` may come next."""
        states = list(self._states)
        while (action := ACTIONS[states[-1]].get(terminal)) is not None and action < 0:
            _, origin, length = RULES[~action]
            if length:
                del states[-length:]
            states.append(GOTO[states[-1]][origin])
        return action is not None or (terminal == "$END" and states[-1] == END)

    def feed(self, token: Token) -> None:
        """Go on with one token."""
        kind = token.kind
        value: object = token
        if token.word is not None:
            kind, value = self._classified(token.word)
        elif token.redirect is not None:
            value = token.redirect
        self._shift(kind, value, token.start)
        if kind == "COMMAND" and token.word is not None and token.word.bare == "[[":
            for word in self._lexer.condition():
                self._shift("WORD", word, word.start)

    def finish(self, position: int) -> Script:
        """The tree, once all is read."""
        self._reduce("$END", position)
        script: Script = _with_bodies(self._values[0], self._lexer)
        return script

    def _shift(self, kind: str, value: object, position: int) -> None:
        self._reduce(kind, position)
        self._states.append(ACTIONS[self._states[-1]][kind])
        self._values.append(value)
        if len(self._states) > _DEEPEST_STACK:
            raise UnknownSyntaxError("commands in commands in commands", position)

    def _reduce(self, terminal: str, position: int) -> None:
        if not self.accepts(terminal):
            raise UnknownSyntaxError(f"{_shown(terminal)} where none is expected", position)
        while (action := ACTIONS[self._states[-1]].get(terminal)) is not None and action < 0:
            name, origin, length = RULES[~action]
            values = self._values[len(self._values) - length :]
            if length:
                del self._states[-length:], self._values[-length:]
            self._states.append(GOTO[self._states[-1]][origin])
            self._values.append(_BUILD[name](values))

    def _classified(self, word: Word) -> tuple[str, object]:
        """What a word is where it stands."""
        bare = word.bare
        keyword = _RESERVED.get(bare) if bare is not None else None
        if keyword is not None and self.accepts(keyword):
            return keyword, Token(keyword, word.start, word.end)
        if self.accepts("COMMAND"):
            if keyword is not None or bare in _ELSEWHERE:
                raise UnknownSyntaxError(f"`{bare}` where none is expected", word.start)
            if self._lexer.text.startswith("(", self._lexer.position):
                what = "an array" if (word.bare or "").endswith("=") else "a function"
                raise UnknownSyntaxError(what, word.start)
            if (assignment := _assignment(word)) is not None:
                return "ASSIGN", assignment
            return "COMMAND", word
        if self.accepts("NAME"):
            if bare is None or not _NAME.fullmatch(bare):
                raise UnknownSyntaxError("a `for` without a name", word.start)
            return "NAME", word
        return "WORD", word


_SIGNS = {
    "AND": "&&",
    "OR": "||",
    "SEMI": ";",
    "AMP": "&",
    "PIPE": "|",
    "LPAR": "(",
    "RPAR": ")",
    "DSEMI": ";;",
}
_OTHERS = {
    "$END": "the end",
    "NEWLINE": "an end of line",
    "REDIRECT": "a redirection",
    "ASSIGN": "an assignment",
}


def _shown(terminal: str) -> str:
    sign = _SIGNS.get(terminal)
    return f"`{sign}`" if sign else _OTHERS.get(terminal, "a word")


def _assignment(word: Word) -> Assignment | None:
    if not word.parts or word.parts[0].kind != "text" or word.parts[0].quoted:
        return None
    first = word.parts[0]
    match = _ASSIGN.match(first.text)
    if match is None:
        return None
    rest = first.text[match.end() :]
    parts = (*((Part("text", rest, quoted=False),) if rest else ()), *word.parts[1:])
    value = Word(parts, word.start + match.end(), word.end)
    return Assignment(match[1], value, bool(match[2]), word.start, word.end)


# --- building ----------------------------------------------------------------------------------------------


def _span(values: list[Any]) -> tuple[int, int]:
    return values[0].start, values[-1].end


def _simple(prefix: list[Any], words: list[Any]) -> Simple:
    everything = [*prefix, *words]
    start = min(value.start for value in everything)
    end = max(value.end for value in everything)
    assignments = tuple(value for value in prefix if isinstance(value, Assignment))
    redirects = tuple(value for value in everything if isinstance(value, Redirect))
    return Simple(
        assignments, tuple(value for value in words if isinstance(value, Word)), redirects, start, end
    )


def _redirected(values: list[Any]) -> Any:
    command, redirects = values
    return command._replace(redirects=tuple(redirects), end=redirects[-1].end)


def _closed(values: list[Any]) -> Script:
    chains, background = values
    return Script((*chains[:-1], chains[-1]._replace(background=background)))


def _term_next(values: list[Any]) -> list[Item]:
    chains, background, chain = values
    return [*chains[:-1], chains[-1]._replace(background=background), Item(chain, False)]


def _chain_next(values: list[Any]) -> AndOr:
    chain, operator, _, pipeline = values
    sign = "&&" if operator.kind == "AND" else "||"
    return AndOr((*chain.pipelines, pipeline), (*chain.operators, sign), chain.start, pipeline.end)


def _if(values: list[Any]) -> If:
    start, end = _span(values)
    alternatives, otherwise = values[4]
    return If(((values[1], values[3]), *alternatives), otherwise, (), start, end)


_BUILD: dict[str, Callable[[list[Any]], Any]] = {
    "nothing": lambda _: Script(()),
    "script": lambda values: values[0],
    "body": lambda values: values[1],
    "only": lambda values: Script(tuple(values[0])),
    "closed": _closed,
    "term_first": lambda values: [Item(values[0], False)],
    "term_next": _term_next,
    "background": lambda _: True,
    "foreground": lambda _: False,
    "blank": lambda _: None,
    "chain_first": lambda values: AndOr((values[0],), (), values[0].start, values[0].end),
    "chain_next": _chain_next,
    "pipeline": lambda values: Pipeline(tuple(values[0]), False, values[0][0].start, values[0][-1].end),
    "negated": lambda values: Pipeline(tuple(values[1]), True, values[0].start, values[1][-1].end),
    "one": lambda values: [values[0]],
    "more": lambda values: [*values[0], values[1]],
    "next": lambda values: [*values[0], values[3]],
    "same": lambda values: values[0],
    "none": lambda _: [],
    "redirected": _redirected,
    "assigning": lambda values: _simple(values[0], []),
    "calling": lambda values: _simple(values[0], [values[1], *(values[2] if len(values) > 2 else [])]),
    "called": lambda values: _simple([], [values[0], *(values[1] if len(values) > 1 else [])]),
    "subshell": lambda values: Subshell(values[1], (), *_span(values)),
    "group": lambda values: Group(values[1], (), *_span(values)),
    "conditional": _if,
    "loop": lambda values: Loop(values[1], values[3], (), *_span(values)),
    "for_arguments": lambda values: For(values[1].literal, None, values[-2], (), *_span(values)),
    "for_nothing": lambda values: For(values[1].literal, (), values[-2], (), *_span(values)),
    "for_words": lambda values: For(values[1].literal, tuple(values[4]), values[-2], (), *_span(values)),
    "case": lambda values: Case(values[1], tuple(values[5]), (), *_span(values)),
    "missing": lambda _: ((), None),
    "otherwise": lambda values: ((), values[1]),
    "alternative": lambda values: (((values[1], values[3]), *values[4][0]), values[4][1]),
    "empty_arm": lambda values: Arm(tuple(values[0]), Script(())),
    "arm": lambda values: Arm(tuple(values[0]), values[2]),
    "opened": lambda values: [values[1]],
    "next_pattern": lambda values: [*values[0], values[2]],
}


def _with_bodies(value: Any, lexer: Lexer) -> Any:
    """The tree with the bodies of its here-documents, which were read after the redirections."""
    if not lexer.has_bodies:
        return value
    if isinstance(value, Redirect):
        return lexer.body_of(value) if value.operator in {"<<", "<<-"} and value.body is None else value
    if isinstance(value, tuple) and not isinstance(value, Word):
        items = [_with_bodies(item, lexer) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    return value
