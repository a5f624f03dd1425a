"""The options that say what a Dockerfile means: shared by the commands that compile one."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...compiler.options import CompileOptions, NamedContext
from ...grammar.source import SourceFile
from ..errors import InputError, UsageError
from ..oci.platforms import host_platform, parse_platform
from .proxies import configured_proxies

if TYPE_CHECKING:
    from ...compiler.graph.plan import LayerPlan

__all__ = [
    "add_compile_options",
    "add_meaning_options",
    "add_store_option",
    "compile_options",
    "read_dockerfile",
    "read_plan",
]

_STANDARD_INPUT = "-"
_SIZE = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?) ?(?P<unit>[kmgtp]?)(?:i?b)?", re.IGNORECASE)
_ULIMIT = re.compile(r"(?P<name>[a-z]+)=(?P<soft>-1|[0-9]+)(?::(?P<hard>-1|[0-9]+))?", re.ASCII)
_LIMITS = (
    *("core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc"),
    *("rss", "rtprio", "rttime", "sigpending", "stack"),
)
_NETWORKS = ("default", "none", "host")


def add_compile_options(parser: argparse.ArgumentParser) -> None:
    """Add what :func:`compile_options` and :func:`read_dockerfile` read."""
    group = parser.add_argument_group("what to build")
    group.add_argument(
        "-f",
        "--file",
        metavar="FILE",
        help="the Dockerfile, layer definitions (.toml, .json), or - for standard input (default: PATH/Dockerfile)",
    )
    _add_meaning(parser, group)


def add_meaning_options(parser: argparse.ArgumentParser) -> None:
    """Add what :func:`compile_options` reads: all but where the Dockerfile is."""
    _add_meaning(parser, parser.add_argument_group("what to build"))


def _add_meaning(parser: argparse.ArgumentParser, group: Any) -> None:
    group.add_argument("--target", metavar="STAGE", help="stop at this stage (default: the last)")
    _repeatable(
        group, "--build-arg", "NAME[=VALUE]", "set a build argument; without a value, from the environment"
    )
    _repeatable(
        group,
        "--build-context",
        "NAME=VALUE",
        "a named context: a directory, an archive, docker-image://REF, oci-layout://DIR[:TAG]",
    )
    _repeatable(
        group,
        "--platform",
        "OS/ARCH",
        "platforms to build for, separated by commas (default: this machine's)",
    )
    _repeatable(group, "--label", "NAME=VALUE", "add a label to the image")
    group = parser.add_argument_group("what steps see")
    group.add_argument(
        "--network", metavar="MODE", default="default", help="network of RUN steps: default, none or host"
    )
    _repeatable(
        group,
        "--add-host",
        "HOST:IP",
        "add a line to /etc/hosts of RUN steps; the IP host-gateway is this machine",
    )
    group.add_argument(
        "--shm-size", metavar="BYTES", help="size of /dev/shm, for example 128m (default: 64m)"
    )
    _repeatable(group, "--ulimit", "NAME=SOFT[:HARD]", "a limit for RUN steps, for example nofile=1024:2048")


def add_store_option(group: Any) -> None:
    """Add ``--store``."""
    group.add_argument(
        "--store",
        metavar="DIR",
        help="the store of layers "
        "(default: $LAYERC_HOME, else $XDG_DATA_HOME/layerc, else ~/.local/share/layerc)",
    )


def _repeatable(group: Any, name: str, metavar: str, text: str) -> None:
    group.add_argument(name, metavar=metavar, action="append", default=[], help=text)


def compile_options(
    arguments: argparse.Namespace, environment: Mapping[str, str] = os.environ
) -> CompileOptions:
    """The values of the options. Raises :class:`UsageError`."""
    host = str(host_platform())
    return CompileOptions(
        build_args=_build_args(arguments.build_arg, environment),
        target=arguments.target,
        platforms=_platforms(arguments.platform, environment),
        build_platform=host,
        contexts=_contexts(arguments.build_context),
        labels=tuple((key, value or "") for key, value in map(_pair("--label"), arguments.label)),
        network=_network(arguments.network),
        extra_hosts=tuple(_host(text) for item in arguments.add_host for text in item.split(",")),
        shm_size=_size(arguments.shm_size),
        ulimits=tuple(map(_ulimit, arguments.ulimit)),
    )


# --- single values -----------------------------------------------------------------------------------


def _pair(option: str) -> Callable[[str], tuple[str, str | None]]:
    def split(text: str) -> tuple[str, str | None]:
        key, equals, value = text.partition("=")
        if not key:
            raise UsageError(f"{option} {text!r} has no name", help=f"write {option} NAME=VALUE")
        return key, value if equals else None

    return split


def _build_args(items: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """As docker: a name without a value takes the environment's, and is left out where that has none.
    SOURCE_DATE_EPOCH is handed on from the environment, and proxies from docker's configuration, without being
    named.
    """
    values: dict[str, str] = {}
    for key, value in map(_pair("--build-arg"), items):
        if value is not None:
            values[key] = value
        elif key in environment:
            values[key] = environment[key]
    if epoch := environment.get("SOURCE_DATE_EPOCH"):
        values.setdefault("SOURCE_DATE_EPOCH", epoch)
    given = {name.upper() for name in values}
    values |= {name: value for name, value in configured_proxies(environment).items() if name not in given}
    return values


def _platforms(items: Sequence[str], environment: Mapping[str, str]) -> tuple[str, ...]:
    default = environment.get("DOCKER_DEFAULT_PLATFORM")
    named = items or ([default] if default else [])
    words = [word.strip() for item in named for word in item.split(",")]
    chosen = [str(host_platform() if word == "local" else parse_platform(word)) for word in words]
    return tuple(dict.fromkeys(chosen))


def _contexts(items: Sequence[str]) -> dict[str, NamedContext]:
    if not items:
        return {}
    from ..sources.images import context_kind

    contexts: dict[str, NamedContext] = {}
    for key, value in map(_pair("--build-context"), items):
        if not value:
            raise UsageError(
                f"--build-context {key!r} has no value",
                help="write --build-context NAME=PATH, or NAME=docker-image://REFERENCE",
            )
        kind = context_kind(value)
        if kind == "local" and not os.path.isdir(value):
            raise InputError(
                f"--build-context {key}: there is no directory or archive {value!r}",
                help="an image of a registry is written docker-image://REFERENCE",
            )
        contexts[key] = NamedContext(key, kind, value)
    return contexts


def _network(text: str) -> str:
    if text not in _NETWORKS:
        raise UsageError(f"--network {text!r} is not known", help=f"it can be {', '.join(_NETWORKS)}")
    return text


def _host(text: str) -> tuple[str, str]:
    """``HOST:IP`` or ``HOST=IP``; the address may be in brackets, or ``host-gateway``."""
    from ipaddress import ip_address

    separator = "=" if "=" in text else ":"
    name, _, address = text.partition(separator)
    if address.startswith("[") and address.endswith("]"):
        address = address[1:-1]
    try:
        if not name:
            raise ValueError
        if address != "host-gateway":
            ip_address(address)
    except ValueError:
        raise UsageError(
            f"--add-host {text!r} is no host and address",
            help="write --add-host HOST:IP, or HOST:host-gateway for this machine",
        ) from None
    return name, address


def _size(text: str | None) -> int:
    if text is None:
        return 0
    match = _SIZE.fullmatch(text)
    if match is None:
        raise UsageError(
            f"--shm-size {text!r} is no size", help="write a number of bytes, or for example 64m or 1g"
        )
    return int(
        float(match["number"]) * 1024 ** ("kmgtp".find(match["unit"].lower()) + 1 if match["unit"] else 0)
    )


def _ulimit(text: str) -> str:
    help = "write NAME=SOFT[:HARD], for example nofile=1024:2048; -1 is no limit"  # noqa: A001
    match = _ULIMIT.fullmatch(text)
    if match is None:
        raise UsageError(f"--ulimit {text!r} is no limit", help=help)
    if match["name"] not in _LIMITS:
        raise UsageError(
            f"--ulimit {text!r}: there is no limit {match['name']!r}", help=f"one of {', '.join(_LIMITS)}"
        )
    soft, hard = int(match["soft"]), int(match["hard"] or match["soft"])
    if hard != -1 and (soft == -1 or soft > hard):
        raise UsageError(f"--ulimit {text!r}: the soft limit is above the hard limit", help=help)
    return text


# --- files -------------------------------------------------------------------------------------------


def read_dockerfile(name: str | None, context: str | None) -> tuple[SourceFile, str | None]:
    """The Dockerfile and its path (none: standard input). ``name`` is that of ``--file``.

    Raises :class:`InputError` where it can not be read, with the names of files that may have been meant.
    """
    if name == _STANDARD_INPUT:
        return SourceFile.from_bytes("<stdin>", sys.stdin.buffer.read()), None
    directory = "." if context is None else context
    path = os.path.join(directory, "Dockerfile") if name is None else name
    if name is None and not os.path.lexists(path):
        lower = os.path.join(directory, "dockerfile")  # what docker, too, looks for then
        path = lower if os.path.lexists(lower) else path
    shown = os.path.relpath(path) if name is None else name
    try:
        with open(path, "rb") as file:
            return SourceFile.from_bytes(shown, file.read()), path
    except OSError as error:
        raise InputError(f"can not read {shown}: {error.strerror}", help=_advice(path, directory)) from error


def _advice(path: str, directory: str) -> str:
    if os.path.isdir(path):
        return "name the file in it with -f"
    if not os.path.isdir(directory):
        return f"there is no directory {directory!r}"
    if not os.path.isabs(path) and os.path.isfile(inside := os.path.join(directory, path)):
        return f"-f is read from the working directory: did you mean -f {inside}?"
    near = sorted(entry for entry in os.listdir(directory) if "ockerfile" in entry or "ontainerfile" in entry)
    if near:
        return f"did you mean -f {os.path.join(directory, near[0])}?"
    return "name the Dockerfile with -f, or the directory that holds it as PATH"


def read_plan(source: SourceFile) -> LayerPlan | None:
    """The plan that ``source`` holds, or none where it is a Dockerfile.

    Raises :class:`InputError` for a plan that is not sound.
    """
    if not source.text.lstrip().startswith("{"):
        return None
    import json

    try:
        document = json.loads(source.text)
    except ValueError:
        return None
    if not str(document.get("schema", "")).startswith("layerc.plan/"):
        return None
    from ...compiler.graph.plan import LayerPlan

    try:
        return LayerPlan.from_document(document)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{source.name} is not a sound plan: {error}", help="write it with layerc compile"
        ) from error
