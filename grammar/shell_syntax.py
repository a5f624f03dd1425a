"""The syntax tree of a shell script: frozen values with their places in the text.

``start`` and ``end`` are offsets in the script that was parsed (in a backquoted command: in its own text). What
they cover is the exact text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

__all__ = [
    "AndOr",
    "Arm",
    "Assignment",
    "Case",
    "Command",
    "For",
    "Group",
    "If",
    "Item",
    "Loop",
    "Part",
    "Pipeline",
    "Redirect",
    "Script",
    "Simple",
    "Subshell",
    "UnknownSyntaxError",
    "Word",
]


class UnknownSyntaxError(Exception):
    """The script has something that is not in the known subset. ``why`` says what, ``position`` where."""

    def __init__(self, why: str, position: int) -> None:
        super().__init__(why)
        self.why = why
        self.position = position


class Part(NamedTuple):
    """A piece of a word. ``kind``:

    * ``text``: ``text`` without its quotes and backslashes;
    * ``parameter``: ``text`` is the name, ``operation`` what follows it in braces (``:-``, ``%``, ``#`` before the
      name as ``length``), ``argument`` the word behind that;
    * ``command``: ``script`` is what is run, its output counts;
    * ``arithmetic``: ``text`` is the expression.
    """

    kind: str
    text: str
    quoted: bool
    operation: str = ""
    argument: Word | None = None
    script: Script | None = None


class Word(NamedTuple):
    """A word, with the quotes taken off its parts."""

    parts: tuple[Part, ...]
    start: int
    end: int

    @property
    def literal(self) -> str | None:
        """Its text where nothing is expanded in it, however it is quoted; a pattern counts as text."""
        if any(part.kind != "text" for part in self.parts):
            return None
        return "".join(part.text for part in self.parts)

    @property
    def bare(self) -> str | None:
        """Its text where nothing in it is quoted or expanded: only so it can be a reserved word."""
        return None if any(part.quoted for part in self.parts) else self.literal


class Redirect(NamedTuple):
    """``2>>file``: ``operator`` without the number, which is ``descriptor`` (none as the operator has it).
    ``body`` is that of a here-document, whose ``target`` is its delimiter.
    """

    operator: str
    descriptor: int | None
    target: Word
    start: int
    end: int
    body: Word | None = None


class Assignment(NamedTuple):
    """``name=value``; ``appends`` for ``+=``."""

    name: str
    value: Word
    appends: bool
    start: int
    end: int


class Simple(NamedTuple):
    """A call of a program or a command of the shell's own; ``words`` begin with its name and may be empty."""

    assignments: tuple[Assignment, ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]
    start: int
    end: int


class Subshell(NamedTuple):
    """``( … )``: what it does to variables and the directory is lost."""

    body: Script
    redirects: tuple[Redirect, ...]
    start: int
    end: int


class Group(NamedTuple):
    """``{ …; }``"""

    body: Script
    redirects: tuple[Redirect, ...]
    start: int
    end: int


class If(NamedTuple):
    """``branches`` are conditions with what is run if they hold."""

    branches: tuple[tuple[Script, Script], ...]
    otherwise: Script | None
    redirects: tuple[Redirect, ...]
    start: int
    end: int


class Loop(NamedTuple):
    """``while`` and ``until``."""

    condition: Script
    body: Script
    redirects: tuple[Redirect, ...]
    start: int
    end: int


class For(NamedTuple):
    """``words`` are none where the arguments of the script are meant."""

    name: str
    words: tuple[Word, ...] | None
    body: Script
    redirects: tuple[Redirect, ...]
    start: int
    end: int


class Arm(NamedTuple):
    """``a|b) …``"""

    patterns: tuple[Word, ...]
    body: Script


class Case(NamedTuple):
    """``case word in … esac``"""

    word: Word
    arms: tuple[Arm, ...]
    redirects: tuple[Redirect, ...]
    start: int
    end: int


Command = Simple | Subshell | Group | If | Loop | For | Case


class Pipeline(NamedTuple):
    """One command, or several whose output feeds the next."""

    commands: tuple[Command, ...]
    negated: bool
    start: int
    end: int


class AndOr(NamedTuple):
    """``operators`` are ``&&`` or ``||``, one between each two ``pipelines``."""

    pipelines: tuple[Pipeline, ...]
    operators: tuple[str, ...]
    start: int
    end: int


class Item(NamedTuple):
    """A chain, and whether it is left to run in the background."""

    chain: AndOr
    background: bool


class Script(NamedTuple):
    """A list of chains."""

    items: tuple[Item, ...]

    def commands(self) -> Iterator[Command]:
        """The commands that stand in no other one, in order."""
        for item in self.items:
            for pipeline in item.chain.pipelines:
                yield from pipeline.commands
