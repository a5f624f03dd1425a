"""Every instruction that stands inside a stage, by its keyword; FROM opens one (from_.py)."""

from __future__ import annotations

from ..site import Site
from .add import Add
from .arg import Arg
from .cmd import Cmd
from .command import Command
from .copy import Copy
from .entrypoint import Entrypoint
from .env import Env
from .expose import Expose
from .healthcheck import HealthCheck
from .label import Label
from .maintainer import Maintainer
from .onbuild import OnBuild
from .run import Run
from .shell import Shell
from .stopsignal import StopSignal
from .user import User
from .volume import Volume
from .workdir import Workdir

__all__ = ["COMMANDS", "read_command"]

COMMANDS: dict[str, type[Command]] = {
    "ADD": Add,
    "ARG": Arg,
    "CMD": Cmd,
    "COPY": Copy,
    "ENTRYPOINT": Entrypoint,
    "ENV": Env,
    "EXPOSE": Expose,
    "HEALTHCHECK": HealthCheck,
    "LABEL": Label,
    "MAINTAINER": Maintainer,
    "ONBUILD": OnBuild,
    "RUN": Run,
    "SHELL": Shell,
    "STOPSIGNAL": StopSignal,
    "USER": User,
    "VOLUME": Volume,
    "WORKDIR": Workdir,
}


def read_command(site: Site) -> Command:
    """An instruction inside a stage. Raises ``CompileError``."""
    return COMMANDS[site.instruction.keyword].read(site)
