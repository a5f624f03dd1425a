"""The simple commands of a script: what is assigned, called, and redirected."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .tokens import Operator, Token, UnknownSyntax, Word

__all__ = ["RESERVED", "Command", "assigned_name", "simple_commands"]

#: Words that are the shell's own where a command may begin, in any of the known shells.
RESERVED = frozenset(("!", "{", "}", "if", "then", "elif", "else", "fi", "while", "until", "do", "done"))

_ASSIGNED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:\[[^]]*\])?\+?=")


class Command(NamedTuple):
    """``words`` begin with the name (``for`` counts as one); ``redirections`` are operators with their words."""

    assignments: tuple[Word, ...]
    words: tuple[Word, ...]
    redirections: tuple[tuple[str, Word], ...]

    @property
    def every_word(self) -> tuple[Word, ...]:
        """All words, wherever they stand."""
        return (*self.assignments, *self.words, *(word for _, word in self.redirections))


def simple_commands(tokens: Sequence[Token]) -> Iterator[Command]:
    """The commands in ``tokens`` and in the substitutions of their words. Raises :class:`UnknownSyntax`."""
    part: list[Token] = []
    for token in (*tokens, Operator("\n")):
        if isinstance(token, Word) or token.redirects:
            part.append(token)
            continue
        if part:
            yield from _command(part)
            part = []


def _command(tokens: Sequence[Token]) -> Iterator[Command]:
    assignments: list[Word] = []
    words: list[Word] = []
    redirections: list[tuple[str, Word]] = []
    operator = ""
    for token in tokens:
        if isinstance(token, Operator):
            if operator:
                raise UnknownSyntax("a redirection to nowhere")
            operator = token.text
        elif operator:
            redirections.append((operator, token))
            operator = ""
        elif not (words or assignments or redirections) and token.bare in RESERVED:
            continue
        elif not words and assigned_name(token):
            assignments.append(token)
        else:
            words.append(token)
    if operator:
        raise UnknownSyntax("a redirection to nowhere")
    if words and words[0].bare == "for" and any(word.bare == "do" for word in words):
        raise UnknownSyntax("a `for` on one line with its `do`")
    command = Command(tuple(assignments), tuple(words), tuple(redirections))
    if any(command):
        yield command
    yield from _inner_commands(command)


def _inner_commands(command: Command) -> Iterator[Command]:
    for word in command.every_word:
        for part in word.parts:
            if part.kind == "command":
                yield from simple_commands(part.script)


def assigned_name(word: Word) -> str:
    """The variable that ``word`` sets where it stands before a command; empty if it sets none."""
    bare = ""
    for piece in word.parts:
        if piece.quoted or piece.kind != "text":
            break
        bare += piece.text
    match = _ASSIGNED.match(bare)
    return match[1] if match else ""
