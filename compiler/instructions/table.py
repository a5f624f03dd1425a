"""Every instruction, by its keyword."""

from __future__ import annotations

from ..site import Site
from ..suggest import suggestion
from .add import Add
from .arg import Arg
from .cmd import Cmd
from .command import Command
from .copy import Copy
from .entrypoint import Entrypoint
from .env import Env
from .expose import Expose
from .from_ import From
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

__all__ = ["INSTRUCTIONS", "read_instruction"]

INSTRUCTIONS: dict[str, type[Command | From]] = {
    "ADD": Add,
    "ARG": Arg,
    "CMD": Cmd,
    "COPY": Copy,
    "ENTRYPOINT": Entrypoint,
    "ENV": Env,
    "EXPOSE": Expose,
    "FROM": From,
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


def read_instruction(site: Site) -> Command | From:
    """Check one instruction. Raises ``CompileError``."""
    keyword = site.instruction.keyword
    kind = INSTRUCTIONS.get(keyword)
    if kind is None:
        raise site.error(f"unknown instruction: {keyword}", help=suggestion(keyword, INSTRUCTIONS))
    return kind.read(site)
