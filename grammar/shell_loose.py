"""The words of commands in a script that the grammar does not understand as a whole: functions, arrays, slips."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .shell_parse import parse_nested
from .shell_syntax import UnknownSyntaxError, Word
from .shell_words import Lexer

__all__ = ["loose_commands"]

_NEXT = re.compile(r"&&|[;|\n]")
_ASSIGNED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=", re.ASCII)
_RESERVED = frozenset(("if", "then", "elif", "else", "fi", "while", "until", "do", "done", "!", "{", "}"))


def loose_commands(text: str) -> Iterator[list[Word]]:
    """What stands between operators, without assignments and reserved words at its front. Where not even words
    can be read, reading goes on behind the next operator.

    >>> [[word.literal for word in words] for words in loose_commands("f() { apt-get update; }; (( 1 )); f")]
    [['f'], ['apt-get', 'update'], ['1'], ['f']]
    """
    position = 0
    while position < len(text):
        lexer = Lexer(text, position, 0, parse_nested)
        words: list[Word] = []
        try:
            while (token := lexer.next()) is not None:
                if token.word is not None:
                    if words or not _is_prefix(text, token.word):
                        words.append(token.word)
                elif token.redirect is None and words:
                    yield words
                    words = []
            position = len(text)
        except UnknownSyntaxError:
            behind = _NEXT.search(text, max(lexer.position, position) + 1)
            position = len(text) if behind is None else behind.end()
        if words:
            yield words


def _is_prefix(text: str, word: Word) -> bool:
    return word.bare in _RESERVED or _ASSIGNED.match(text, word.start, word.end) is not None
