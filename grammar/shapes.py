"""The shape of each instruction: its flags, how many arguments it takes, what they look like.

This is what the front end refuses before it asks for any meaning; what values mean is the compiler's part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import MappingProxyType
from typing import Literal, NamedTuple

from .heredoc import HeredocWordError, parse_heredoc_word
from .lines import SPACE
from .syntax import Flag, Instruction

__all__ = ["KEYWORDS", "SHAPES", "Problem", "Shape", "check_shape", "suggest"]

FlagKind = Literal["text", "texts", "bool"]


class Shape(NamedTuple):
    """``usage`` is the line shown as help, ``minimum`` the number of arguments that it needs; ``flags`` gives
    each flag's kind (``texts`` may be repeated), ``any_flag`` says that the front end does not look at them.
    """

    usage: str
    minimum: int = 0
    flags: MappingProxyType[str, FlagKind] = MappingProxyType({})
    any_flag: bool = False


def _flags(text: str = "", texts: str = "", bools: str = "") -> MappingProxyType[str, FlagKind]:
    kinds: dict[str, FlagKind] = dict.fromkeys(text.split(), "text")
    kinds |= dict.fromkeys(texts.split(), "texts")
    kinds |= dict.fromkeys(bools.split(), "bool")
    return MappingProxyType(kinds)


_COPY = _flags(text="from chown chmod", bools="link parents", texts="exclude")
_ADD = _flags(text="chown chmod checksum", bools="link keep-git-dir unpack", texts="exclude")
_HEALTH = _flags(text="interval timeout start-period start-interval retries")
_RUN = _flags(text="network security", texts="mount device")

SHAPES: dict[str, Shape] = {
    "ADD": Shape("ADD [--flag…] <source>… <destination>", 2, _ADD),
    "ARG": Shape("ARG <name>[=<default>]…", 1, any_flag=True),
    "CMD": Shape('CMD ["executable", "argument"…] or CMD <command line>'),
    "COPY": Shape("COPY [--flag…] <source>… <destination>", 2, _COPY),
    "ENTRYPOINT": Shape('ENTRYPOINT ["executable", "argument"…] or ENTRYPOINT <command line>'),
    "ENV": Shape("ENV <name>=<value>…", 2),
    "EXPOSE": Shape("EXPOSE <port>[/<protocol>]…", 1),
    "FROM": Shape("FROM [--platform=<platform>] <image> [AS <name>]", 1, _flags(text="platform")),
    "HEALTHCHECK": Shape("HEALTHCHECK [--flag…] CMD <command> or HEALTHCHECK NONE", 1, _HEALTH),
    "LABEL": Shape("LABEL <name>=<value>…", 2),
    "MAINTAINER": Shape("MAINTAINER <name>", 1),
    "ONBUILD": Shape("ONBUILD <instruction>", 1),
    "RUN": Shape("RUN [--flag…] <command line>", 0, _RUN),
    "SHELL": Shape('SHELL ["executable", "argument"…]', 1),
    "STOPSIGNAL": Shape("STOPSIGNAL <signal>", 1, any_flag=True),
    "USER": Shape("USER <user>[:<group>]", 1),
    "VOLUME": Shape('VOLUME <path>… or VOLUME ["path"…]', 1),
    "WORKDIR": Shape("WORKDIR <path>", 1),
}

KEYWORDS = tuple(SHAPES)

_STAGE_NAME = re.compile(r"[a-z][a-z0-9-_.]*")


class Problem(NamedTuple):
    """What is wrong with an instruction's shape. ``flag`` is the flag that it is about, or none."""

    message: str
    help: str
    flag: Flag | None = None


def suggest(word: str, known: Iterable[str]) -> str | None:
    """The known word that looks most like ``word``, or none.

    >>> suggest("RUNN", KEYWORDS)
    'RUN'
    """
    import difflib  # only for errors

    names = list(known)
    matches = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return matches[0] if matches else None


def lower(word: str) -> str:
    """Lower case as Go has it: one character for one character."""
    return word.replace("\u0130", "i").lower()


def check_shape(instruction: Instruction) -> Problem | None:
    """The first thing in an instruction that the front end would refuse, or none."""
    keyword = instruction.keyword
    shape = SHAPES[keyword]
    count = len(instruction.args) if keyword != "ONBUILD" else int(instruction.child is not None)
    if count < shape.minimum:
        return Problem(_too_few(keyword, count), f"write {shape.usage}")
    if instruction.flags and not shape.any_flag:
        problem = _check_flags(instruction, shape)
        if problem is not None:
            return problem
    check = _CHECKS.get(keyword)
    return None if check is None else check(instruction)


def _too_few(keyword: str, count: int) -> str:
    if keyword in ("ADD", "COPY"):
        return f"{keyword} needs a source and a destination, " + (
            "it has one argument" if count else "it has none"
        )
    if keyword in ("ENV", "LABEL"):
        return f"{keyword} needs a name and a value"
    if keyword == "FROM":
        return "FROM needs an image"
    if keyword == "ONBUILD":
        return "ONBUILD needs an instruction"
    return f"{keyword} needs an argument"


def _check_flags(instruction: Instruction, shape: Shape) -> Problem | None:
    if instruction.keyword == "HEALTHCHECK" and instruction.args[0].upper() == "NONE":
        return None
    seen: set[str] = set()
    for flag in instruction.flags:
        kind = shape.flags.get(flag.name)
        name = f"--{flag.name}"
        if kind is None:
            return Problem(
                f"{instruction.keyword} has no flag {name}", _known_flags(instruction, shape, flag), flag
            )
        if flag.name in seen and kind != "texts":
            return Problem(f"{name} is given twice", f"{instruction.keyword} takes {name} once", flag)
        seen.add(flag.name)
        if kind == "bool":
            if flag.value is not None and flag.value.lower() not in ("true", "false"):
                message = (
                    f"{name} is true or false, not {flag.value!r}" if flag.value else f"{name}= has no value"
                )
                return Problem(message, f"write {name}, {name}=true or {name}=false", flag)
        elif flag.value is None:
            return Problem(f"{name} has no value", f"write {name}=<value>, without blanks around the =", flag)
    return None


def _known_flags(instruction: Instruction, shape: Shape, flag: Flag) -> str:
    near = suggest(flag.name, shape.flags)
    if near is not None:
        return f"did you mean --{near}?"
    owners = [keyword for keyword, other in SHAPES.items() if flag.name in other.flags]
    if owners:
        return f"--{flag.name} belongs to {' and '.join(owners)}"
    if not shape.flags:
        return f"{instruction.keyword} takes no flags; write -- before arguments that begin with --"
    return f"{instruction.keyword} takes " + ", ".join(f"--{name}" for name in sorted(shape.flags))


def _check_from(instruction: Instruction) -> Problem | None:
    args = instruction.args
    if len(args) == 1:
        return None
    usage = f"write {SHAPES['FROM'].usage}"
    if args[1].startswith("#"):
        return Problem("FROM takes no comment on its line", "give the comment a line of its own")
    if len(args) == 2:
        if args[1].casefold() == "as":
            return Problem("AS needs a stage name", usage)
        return Problem("FROM takes an image, or an image, AS and a name", usage)
    if len(args) > 3:
        return Problem("FROM takes an image, or an image, AS and a name", usage)
    if args[1].casefold() != "as":
        return Problem(f"expected AS after the image, not {args[1]!r}", usage)
    if _STAGE_NAME.fullmatch(lower(args[2])) is None:
        return Problem(
            f"{args[2]!r} can not name a stage",
            "a stage name begins with a letter and goes on with letters, digits and - _ .",
        )
    return None


def _check_names(instruction: Instruction) -> Problem | None:
    if "" in instruction.args[::2]:
        return Problem(
            f"{instruction.keyword} has a value without a name", f"write {SHAPES[instruction.keyword].usage}"
        )
    return None


def _check_arg(instruction: Instruction) -> Problem | None:
    if any(word.startswith("=") for word in instruction.args):
        return Problem("ARG has a value without a name", f"write {SHAPES['ARG'].usage}")
    return None


def _check_health(instruction: Instruction) -> Problem | None:
    kind = instruction.args[0].upper()
    usage = f"write {SHAPES['HEALTHCHECK'].usage}"
    if kind == "NONE":
        return Problem("HEALTHCHECK NONE takes no arguments", usage) if len(instruction.args) > 1 else None
    if kind != "CMD":
        return Problem(f"expected CMD or NONE after HEALTHCHECK, not {instruction.args[0]!r}", usage)
    if len(instruction.args) == 1:
        return Problem("HEALTHCHECK CMD needs a command", usage)
    return None


def _check_shell(instruction: Instruction) -> Problem | None:
    if instruction.exec_form:
        return None
    return Problem("SHELL takes a JSON array of strings", f"write {SHAPES['SHELL'].usage}, in double quotes")


def _check_volume(instruction: Instruction) -> Problem | None:
    if all(path.strip(SPACE) for path in instruction.args):
        return None
    return Problem("VOLUME has an empty path", f"write {SHAPES['VOLUME'].usage}")


def _check_destination(instruction: Instruction) -> Problem | None:
    if "<<" not in instruction.args[-1]:
        return None
    try:
        start = parse_heredoc_word(instruction.args[-1])
    except HeredocWordError:
        return None
    if start is None:
        return None
    message = f"{instruction.keyword} has a heredoc in the place of its destination"
    return Problem(message, f"write {instruction.keyword} <<{start.name} <destination>")


_CHECKS = {
    "ADD": _check_destination,
    "ARG": _check_arg,
    "COPY": _check_destination,
    "ENV": _check_names,
    "FROM": _check_from,
    "HEALTHCHECK": _check_health,
    "LABEL": _check_names,
    "SHELL": _check_shell,
    "VOLUME": _check_volume,
}
