"""Every instruction that stands inside a stage, by its keyword; FROM opens one (from_.py).

An instruction's file is imported when the first of its kind is read: a Dockerfile uses few of them.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from ..site import Site
from .command import Command

__all__ = ["COMMANDS", "command_class", "read_command"]

# The class in the file that is called as the keyword.
COMMANDS: dict[str, str] = {
    "ADD": "Add",
    "ARG": "Arg",
    "CMD": "Cmd",
    "COPY": "Copy",
    "ENTRYPOINT": "Entrypoint",
    "ENV": "Env",
    "EXPOSE": "Expose",
    "HEALTHCHECK": "HealthCheck",
    "LABEL": "Label",
    "MAINTAINER": "Maintainer",
    "ONBUILD": "OnBuild",
    "RUN": "Run",
    "SHELL": "Shell",
    "STOPSIGNAL": "StopSignal",
    "USER": "User",
    "VOLUME": "Volume",
    "WORKDIR": "Workdir",
}


@cache
def command_class(keyword: str) -> type[Command]:
    """The class that reads instructions of this keyword."""
    module = import_module(f".{keyword.lower()}", __package__)
    found: type[Command] = getattr(module, COMMANDS[keyword])
    return found


def read_command(site: Site) -> Command:
    """An instruction inside a stage. Raises ``CompileError``."""
    return command_class(site.instruction.keyword).read(site)
