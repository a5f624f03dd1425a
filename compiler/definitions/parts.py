"""What each key of a layer says, as instructions of a Dockerfile. The order of :data:`PARTS` is theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from textwrap import dedent
from typing import NamedTuple

from ...grammar.errors import DockerfileError
from ...grammar.parse import parse
from ...grammar.source import SourceFile
from ...grammar.syntax import Instruction
from .values import Item
from .words import json_form, plain, quoted, word

__all__ = ["PARTS", "Written", "arguments", "from_", "read_written"]


class Written(NamedTuple):
    """An instruction's text and the value that it comes from; ``flags`` are the values of single flags."""

    item: Item
    text: str
    flags: dict[str, Item] = {}  # noqa: RUF012  # the fields of a named tuple are no class attributes


def read_written(text: str, name: str = "") -> Instruction:
    """The node of an instruction. Raises ``DockerfileError``, also where ``text`` is not exactly one."""
    above = "" if text.startswith("FROM ") else "FROM scratch\n"
    found = parse(SourceFile(name, f"{above}{text}\n")).items
    node = found[-1]
    if len(found) != 1 + bool(above) or not isinstance(node, Instruction):
        raise DockerfileError("this is not one instruction", help="write it without comments and empty lines")
    return node


def from_(item: Item, parent: str, name: str, platform: Item | None) -> Written:
    """``FROM``; ``item`` is where the parent is named."""
    flag = "" if platform is None else f"--platform={_flag_text(platform)} "
    flags = {} if platform is None else {"platform": platform}
    return Written(item, f"FROM {flag}{parent} AS {name}", flags)


def arguments(item: Item) -> Iterator[Written]:
    """``ARG``: a table of names with their defaults, or a list of names that have none."""
    if isinstance(item.value, dict):
        for name, value in item.entries():
            yield Written(value, f"ARG {_named(name, value)}={quoted(_line(value, value.scalar()))}")
    else:
        for value in item.elements():
            yield Written(value, f"ARG {_named(value.text(), value)}")


def _pairs(keyword: str) -> Callable[[Item], Iterator[Written]]:
    def write(item: Item) -> Iterator[Written]:
        for name, value in item.entries():
            name = quoted(name) if keyword == "LABEL" else _named(name, value)
            yield Written(value, f"{keyword} {name}={quoted(_line(value, value.scalar()))}")

    return write


def _word(keyword: str) -> Callable[[Item], Iterator[Written]]:
    def write(item: Item) -> Iterator[Written]:
        text = _line(item, item.scalar())
        if not text:
            raise item.error(f"{item.name} is empty", "leave it out, or give it a value")
        yield Written(item, f"{keyword} {text if plain([text]) else word(text)}")

    return write


def _words(keyword: str) -> Callable[[Item], Iterator[Written]]:
    """One instruction each: a list of N values is N of them."""

    def write(item: Item) -> Iterator[Written]:
        for value in item.one_or_more():
            text = _line(value, value.scalar())
            yield Written(value, f"{keyword} {text if plain([text]) else quoted(text)}")

    return write


def _volumes(item: Item) -> Iterator[Written]:
    for value in item.one_or_more():
        yield Written(value, f"VOLUME {json_form([word(_line(value, value.text()))])}")


def _command_line(keyword: str) -> Callable[[Item], Iterator[Written]]:
    """A string for the shell, or a list of words."""

    def write(item: Item) -> Iterator[Written]:
        yield Written(item, f"{keyword} {_line(item, _command(item))}")

    return write


def _command(item: Item) -> str:
    if isinstance(item.value, list):
        return json_form(element.text() for element in item.elements())
    text = item.text().strip()
    if text.startswith("["):
        raise item.error(f"{item.name} begins with [", 'write a list of words: ["program", "word"]')
    return text


def _shell(item: Item) -> Iterator[Written]:
    yield Written(item, f"SHELL {json_form(element.text() for element in item.elements())}")


# --- files -------------------------------------------------------------------------------------------

_COPY = ("src", "dest", "from", "chown", "chmod", "link", "parents", "exclude")
_ADD = ("src", "dest", "checksum", "chown", "chmod", "link", "keep_git_dir", "unpack", "exclude")
_SWITCHES = ("link", "parents", "keep_git_dir", "unpack")


def _files(keyword: str, known: tuple[str, ...]) -> Callable[[Item], Iterator[Written]]:
    def write(item: Item) -> Iterator[Written]:
        if isinstance(item.value, dict):
            for source, dest in item.entries():
                yield Written(dest, f"{keyword} {_paths([source, dest.text()], dest)}")
            return
        for entry in item.elements():
            yield _transfer(keyword, entry, entry.table(known, ("src", "dest")))

    return write


def _transfer(keyword: str, entry: Item, table: dict[str, Item]) -> Written:
    flags: list[str] = []
    for key, value in table.items():
        name = key.replace("_", "-")
        if key in _SWITCHES:
            flags.append(f"--{name}={'true' if value.switch() else 'false'}")
        elif key == "exclude":
            flags += [f"--{name}={_flag_text(each)}" for each in value.one_or_more()]
        elif key not in ("src", "dest"):
            flags.append(f"--{name}={_flag_text(value)}")
    sources = [each.text() for each in table["src"].one_or_more()]
    paths = _paths([*sources, table["dest"].text()], entry)
    return Written(
        entry, " ".join([keyword, *flags, paths]), {k.replace("_", "-"): v for k, v in table.items()}
    )


def _paths(paths: list[str], item: Item) -> str:
    if len(paths) < 2:
        raise item.error("src is empty", "name at least one file or directory")
    for path in paths:
        _line(item, path)
    return " ".join(paths) if plain(paths) else json_form(map(word, paths))


# --- commands ----------------------------------------------------------------------------------------

_RUN = ("run", "mount", "network", "security")


def _commands(item: Item) -> Iterator[Written]:
    for entry in item.one_or_more():
        if isinstance(entry.value, dict):
            table = entry.table(_RUN, ("run",))
            mounts = table["mount"].one_or_more() if "mount" in table else ()
            flags = [f"--mount={_flag_text(mount)}" for mount in mounts]
            flags += [f"--{key}={_flag_text(table[key])}" for key in ("network", "security") if key in table]
            yield Written(entry, _run(table["run"], "".join(f"{flag} " for flag in flags)), table)
        else:
            yield Written(entry, _run(entry, ""))


def _run(item: Item, flags: str) -> str:
    if isinstance(item.value, list):
        return f"RUN {flags}{_line(item, _command(item))}"
    text = item.text()
    if not text.strip():
        raise item.error("a command is empty", "leave it out, or write what to run")
    if "\n" not in text.strip() and _is_line(text.strip()):
        return f"RUN {flags}{text.strip()}"
    text = f"{dedent(text).strip(chr(10))}\n"
    lines = text.split("\n")
    end = next(name for name in ("EOF", *(f"EOF{n}" for n in range(len(lines)))) if name not in lines)
    return f"RUN {flags}<<'{end}'\n{text}{end}"


def _is_line(text: str) -> bool:
    """Whether RUN takes ``text`` as it is: no exec form, flag, heredoc or continuation."""
    try:
        found = read_written(f"RUN {text}")
    except DockerfileError:
        return False
    return (found.args, found.flags, found.heredocs, found.exec_form) == ((text,), (), (), False)


# --- other keys --------------------------------------------------------------------------------------

_HEALTH = ("command", "interval", "timeout", "start_period", "start_interval", "retries")


def _healthcheck(item: Item) -> Iterator[Written]:
    if item.value == "none":
        yield Written(item, "HEALTHCHECK NONE")
        return
    table = item.table(_HEALTH, ("command",))
    settings = {key.replace("_", "-"): value for key, value in table.items() if key != "command"}
    flags = [f"--{key}={_flag_text(value)} " for key, value in settings.items()]
    command = _line(table["command"], _command(table["command"]))
    yield Written(item, f"HEALTHCHECK {''.join(flags)}CMD {command}", settings)


def _triggers(item: Item) -> Iterator[Written]:
    for value in item.elements():
        yield Written(value, f"ONBUILD {_line(value, value.text())}")


def _named(name: str, item: Item) -> str:
    """The name of a variable, which stands before a ``=``."""
    if not plain([name]) or "=" in name or "$" in name:
        raise item.error(f"{name!r} can not be the name of a variable", "letters, digits and _", at_key=True)
    return name


def _line(item: Item, text: str) -> str:
    if "\n" in text or "\r" in text or "\0" in text:
        raise item.error(f"{item.name} has a line break in it", "only commands can have several lines")
    if text.endswith("\\"):
        raise item.error(f"{item.name} ends with a backslash", "a backslash can not be the last character")
    return text


def _flag_text(item: Item) -> str:
    text = _line(item, item.scalar())
    if not text or any(letter in text for letter in " \t\"'"):
        raise item.error(f"{item.name} is no single word", "write it without blanks and quotes")
    return text


#: What a layer can say about itself, in the order in which it holds. An operation sees what is above it.
PARTS: dict[str, Callable[[Item], Iterator[Written]]] = {
    "args": arguments,
    "shell": _shell,
    "env": _pairs("ENV"),
    "labels": _pairs("LABEL"),
    "user": _word("USER"),
    "workdir": _word("WORKDIR"),
    "add_files": _files("ADD", _ADD),
    "copy_files": _files("COPY", _COPY),
    "commands": _commands,
    "expose": _words("EXPOSE"),
    "volumes": _volumes,
    "stop_signal": _word("STOPSIGNAL"),
    "healthcheck": _healthcheck,
    "entrypoint": _command_line("ENTRYPOINT"),
    "cmd": _command_line("CMD"),
    "onbuild": _triggers,
}
