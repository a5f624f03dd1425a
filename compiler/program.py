"""A Dockerfile as its global arguments and its stages: every instruction checked, nothing evaluated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from ..grammar.syntax import Document
from .checks import Checks
from .gotext import quote
from .instructions.arg import Arg
from .instructions.command import Command
from .instructions.from_ import From
from .instructions.table import read_command
from .site import Site

__all__ = ["Program", "StageText", "check_style", "read_program"]

_RESERVED = ("context", "scratch")


class StageText(NamedTuple):
    """FROM and what follows it."""

    from_: From
    commands: tuple[Command, ...]


class Program(NamedTuple):
    """``arguments`` are the ARGs before the first FROM."""

    document: Document
    arguments: tuple[Arg, ...]
    stages: tuple[StageText, ...]

    @property
    def declared(self) -> frozenset[str]:
        """Names of all build arguments that the file declares anywhere."""
        commands = (command for stage in self.stages for command in stage.commands)
        args = [*self.arguments, *(command for command in commands if isinstance(command, Arg))]
        return frozenset(name for arg in args for name, _ in arg.declared)


def read_program(document: Document) -> Program:
    """Cut ``document`` into stages and check each instruction. Raises ``CompileError``.

    The grammar has seen to it that there is a stage and that only ARG stands before it.
    """
    arguments: list[Arg] = []
    stages: list[tuple[From, list[Command]]] = []
    for instruction in document.instructions:
        site = Site(document, instruction)
        if instruction.keyword == "FROM":
            stages.append((From.read(site), []))
        elif stages:
            stages[-1][1].append(read_command(site))
        else:
            arguments.append(Arg.read(site))
    texts = tuple(StageText(from_, tuple(commands)) for from_, commands in stages)
    return Program(document, tuple(arguments), texts)


def check_style(program: Program, checks: Checks) -> None:
    """The warnings that need no values: names, descriptions and letter case."""
    for arg in program.arguments:
        checks.description(arg.site, tuple(name for name, _ in arg.declared))
    for stage in program.stages:
        _check_from(stage.from_, checks)
        for command in stage.commands:
            if isinstance(command, Arg):
                checks.description(command.site, tuple(name for name, _ in command.declared))
            elif command.site.instruction.keyword == "MAINTAINER":
                checks.warn(command.site, "MaintainerDeprecated")
    _check_names(program, checks)
    _check_casing(program, checks)


def _check_from(from_: From, checks: Checks) -> None:
    site, name = from_.site, from_.name
    if not name:
        return
    _, as_, written = site.instruction.args
    if written != written.lower():
        checks.warn(site, "StageNameCasing", name=written)
    keyword = site.written_keyword
    if _is_plain(keyword) and as_ != (as_.lower() if keyword == keyword.lower() else as_.upper()):
        checks.warn(site, "FromAsCasing", as_=as_, from_=keyword)
    checks.description(site, (name,))


def _check_names(program: Program, checks: Checks) -> None:
    seen: set[str] = set()
    for from_ in (stage.from_ for stage in program.stages if stage.from_.name):
        if from_.name in _RESERVED:
            checks.warn(from_.site, "ReservedStageName", name=quote(from_.name))
        if from_.name in seen:
            checks.warn(from_.site, "DuplicateStageName", name=quote(from_.name))
        seen.add(from_.name)


def _sites(program: Program) -> Iterator[Site]:
    for stage in program.stages:
        yield stage.from_.site
        yield from (command.site for command in stage.commands)


def _check_casing(program: Program, checks: Checks) -> None:
    words = [site.written_keyword for site in _sites(program)]
    counts = Counter(word == word.lower() for word in words if _is_plain(word))
    lower = counts[True] > counts[False]
    for site, word in zip(_sites(program), words, strict=True):
        if word != (word.lower() if lower else word.upper()):
            casing = "lowercase" if lower else "uppercase"
            checks.warn(site, "ConsistentInstructionCasing", keyword=word, casing=casing)


def _is_plain(word: str) -> bool:
    return word in (word.lower(), word.upper())
