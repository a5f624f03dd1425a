"""``Call``: one command of a script, with its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from ...grammar.shell_syntax import Word
from .values import Arg, State

if TYPE_CHECKING:
    from .collect import Collector
    from .script import Walker

__all__ = ["Call", "split_options", "values"]


class Call(NamedTuple):
    """``name`` with ``args`` in ``state``; ``bodies`` are here-documents that it is fed."""

    name: str
    args: tuple[Arg, ...]
    state: State
    walker: Walker
    bodies: tuple[Word, ...] = ()

    @property
    def collector(self) -> Collector:
        """Where what is found goes."""
        return self.walker.collector

    @property
    def cwds(self) -> frozenset[str]:
        """The directories that it may run in."""
        return self.state.cwds

    @property
    def base(self) -> str:
        """The program's name without its directory."""
        return self.name.rpartition("/")[2]


def split_options(call: Call, valued: str = "") -> tuple[dict[str, Arg | None], list[Arg]]:
    """Options (with none where they have no argument) and operands. ``valued`` are the options that take one, with
    blanks between them; what follows a letter (``-ofile``) or an equals sign counts as its argument. The second
    time an option comes it is called ``-o#2``: see :func:`values`.
    """
    takes = frozenset(valued.split())
    options: dict[str, Arg | None] = {}
    operands: list[Arg] = []
    waiting = ""
    ended = False
    for arg in call.args:
        text = arg.fixed
        if waiting:
            options[_free(options, waiting)] = arg
            waiting = ""
        elif ended or not text.startswith("-") or text == "-":
            operands.append(arg)
        elif arg.known == "--":
            ended = True
        elif text.startswith("--"):
            name, sign, _ = text.partition("=")
            if sign:
                options[_free(options, name)] = arg.after(len(name) + 1)
            elif name in takes:
                waiting = name
            else:
                options[name] = None
        else:
            waiting = _letters(arg, takes, options)
    return options, operands


def values(options: Mapping[str, Arg | None], *names: str) -> list[Arg]:
    """The arguments of all options of these names."""
    found = ((name.partition("#")[0], value) for name, value in options.items())
    return [value for name, value in found if name in names and value is not None]


def _free(options: Mapping[str, Arg | None], name: str) -> str:
    count = sum(other == name or other.startswith(name + "#") for other in options)
    return f"{name}#{count + 1}" if count else name


def _letters(arg: Arg, takes: frozenset[str], options: dict[str, Arg | None]) -> str:
    if arg.text in takes:
        return arg.text
    long, sign, _ = arg.fixed.partition("=")
    if sign and long in takes:
        options[_free(options, long)] = arg.after(len(long) + 1)
        return ""
    for index, letter in enumerate(arg.text[1:], 1):
        name = "-" + letter
        if name in takes:
            rest = arg.after(index + 1)
            if rest.text or not rest.exact:
                options[_free(options, name)] = rest
                return ""
            return name
        options[name] = None
    return ""
