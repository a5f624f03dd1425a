"""A Dockerfile as its global arguments and its stages: every instruction checked, nothing evaluated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ..grammar.syntax import Document
from .checks import Checks
from .instructions.arg import Arg
from .instructions.command import Command
from .instructions.from_ import From
from .instructions.table import read_command
from .site import Site

__all__ = ["Program", "StageText", "check_style", "read_program"]

_RESERVED = ("context", "scratch")


@dataclass(frozen=True, slots=True, eq=False)
class StageText:
    """FROM and what follows it."""

    from_: From
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Program:
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
    """The warnings that need no values: names and letter case."""
    seen: set[str] = set()
    for stage in program.stages:
        _check_name(stage.from_, seen, checks)
    _check_casing(program, checks)
    for stage in program.stages:
        for command in stage.commands:
            if command.site.instruction.keyword == "MAINTAINER":
                checks.note(
                    command.site,
                    "MaintainerDeprecated",
                    "Maintainer instruction is deprecated in favor of using label",
                )


def _check_name(from_: From, seen: set[str], checks: Checks) -> None:
    site, name = from_.site, from_.name
    if not name:
        return
    _, as_, written = site.instruction.args
    if written != written.lower():
        checks.note(site, "StageNameCasing", f"Stage name '{written}' should be lowercase")
    keyword = _keyword(site)
    if _is_plain(keyword) and as_ != (as_.lower() if keyword == keyword.lower() else as_.upper()):
        checks.note(site, "FromAsCasing", f"'{as_}' and '{keyword}' keywords' casing do not match")
    if name in _RESERVED:
        checks.note(
            site,
            "ReservedStageName",
            f'Stage name should not use the same name as reserved stage "{name}"',
        )
    if name in seen:
        checks.note(
            site, "DuplicateStageName", f'Duplicate stage name "{name}", stage names should be unique'
        )
    seen.add(name)


def _sites(program: Program) -> Iterator[Site]:
    for stage in program.stages:
        yield stage.from_.site
        yield from (command.site for command in stage.commands)


def _check_casing(program: Program, checks: Checks) -> None:
    counts = Counter(word == word.lower() for word in map(_keyword, _sites(program)) if _is_plain(word))
    lower = counts[True] > counts[False]
    for site in _sites(program):
        word = _keyword(site)
        if word != (word.lower() if lower else word.upper()):
            wanted = "lowercase" if lower else "uppercase"
            checks.note(
                site,
                "ConsistentInstructionCasing",
                f"Command '{word}' should match the case of the command majority ({wanted})",
            )


def _keyword(site: Site) -> str:
    """As the user wrote it."""
    span = site.instruction.keyword_span
    return site.document.source.text[span.start : span.end]


def _is_plain(word: str) -> bool:
    return word in (word.lower(), word.upper())
