"""RUN: a step that executes a command."""

from __future__ import annotations

from typing import ClassVar, Final, Self

from ...grammar.syntax import Heredoc
from ..graph import operations
from ..graph.operations import InlineFile, Mount
from ..heredocs import chomp, read_heredoc_word
from ..reserved import sandbox_hostname
from ..site import Site
from ..stage import Stage
from ..unread import is_named
from .command import Command
from .device import read_device
from .flags import flag_list, flag_text
from .mount import resolve_mounts
from .mount_options import mount_source
from .shellform import with_shell

__all__ = ["Run"]

_NETWORKS = ("default", "none", "host")
_SECURITY = ("sandbox", "insecure")
_PIPES = "/dev/pipes/"


class Run(Command):
    """``RUN [flags] command``, with heredocs."""

    is_step: ClassVar[bool] = True

    def __init__(self, site: Site, devices: tuple[str, ...]) -> None:
        super().__init__(site)
        self.devices: Final = devices

    @classmethod
    def read(cls, site: Site) -> Self:
        """Check values of flags; the options of mounts may hold variables and are checked later."""
        if (network := flag_text(site, "network", "default")) not in _NETWORKS:
            raise site.error(
                f'invalid network mode "{network}"', help=f"one of {', '.join(_NETWORKS)}", flag="network"
            )
        if (security := flag_text(site, "security", "sandbox")) not in _SECURITY:
            raise site.error(
                f'security "{security}" is not valid', help=f"one of {', '.join(_SECURITY)}", flag="security"
            )
        devices = tuple(read_device(site, text) for text in flag_list(site, "device"))
        for text in flag_list(site, "mount"):
            mount_source(site, text)
        return cls(site, devices)

    def mentions(self) -> tuple[str, ...]:
        """What each mount is taken from; BuildKit counts a mount of nothing as one of scratch."""
        return tuple(mount_source(self.site, text) or "scratch" for text in flag_list(self.site, "mount"))

    def apply(self, stage: Stage) -> None:
        """Add the layer."""
        line, scripts, note = self._command(stage)
        argv = line if self.site.instruction.exec_form else with_shell(" ".join(line), stage.config)
        mounts, inputs = resolve_mounts(self.site, stage, flag_list(self.site, "mount"))
        stage.mounted += ((self.site, mount) for mount in mounts)
        network = flag_text(self.site, "network", "default")
        operation = operations.Run(
            argv=argv,
            env=_environment(stage, mounts),
            cwd=stage.config.workdir or "/",
            user=stage.config.user,
            mounts=mounts,
            scripts=scripts,
            network=stage.options.network if network == "default" else network,
            security=flag_text(self.site, "security", "sandbox"),
            devices=self.devices,
            extra_hosts=stage.options.extra_hosts,
            shm_size=stage.options.shm_size,
            ulimits=stage.options.ulimits,
            hostname=sandbox_hostname(stage.options.build_args),
            proxy=stage.proxy,
        )
        if stage.shared.named_only:
            operation = operation._replace(named_only=_not_named(stage, operation))
        masks = {mount.env: "****" for mount in mounts if mount.kind == "secret" and mount.env}
        title = stage.title(self.site, note=note, raw_quotes=True, skip_unset=True, masks=masks)
        stage.add_layer(self.site, operation, inputs, title=title)
        told = [*_told_arguments(stage), *argv]
        stage.record(f"RUN {' '.join(told)} # buildkit", layer=True)

    def _command(self, stage: Stage) -> tuple[tuple[str, ...], tuple[InlineFile, ...], str]:
        """The command's words, scripts that it needs, and what the title says of a heredoc."""
        args, heredocs = self.site.instruction.args, self.site.instruction.heredocs
        if not heredocs:
            return args, (), ""
        line = " ".join(args)
        if read_heredoc_word(line) is None:
            bodies = "".join(f"\n{heredoc.content}{heredoc.name}" for heredoc in heredocs)
            return (line + bodies,), (), ""
        first = heredocs[0]
        content = chomp(first.content) if first.chomp else first.content
        if stage.config.os != "windows" and content.startswith("#!"):
            return (_PIPES + first.name,), (InlineFile(first.name, content),), _summary(first)
        return (content,), (), _summary(first)


def _summary(heredoc: Heredoc) -> str:
    first, *rest = heredoc.content.strip().replace("\r\n", "\n").split("\n")
    return f" ({first}{'...' if rest else ''})"


def _environment(stage: Stage, mounts: tuple[Mount, ...]) -> tuple[tuple[str, str], ...]:
    """Variables of the step: those of the image, arguments, and where the first ssh agent listens. They are in the
    order of their names, so that a step can not depend on the order in which they were set.
    """
    agent = next((mount.target for mount in mounts if mount.kind == "ssh"), None)
    env = dict(stage.env)
    if agent is not None:
        env.setdefault("SSH_AUTH_SOCK", agent)
    return tuple(sorted(env.items()))


def _not_named(stage: Stage, run: operations.Run) -> tuple[str, ...]:
    """The build arguments of which the user says that ``run``, which does not name them, does not read them."""
    arguments = stage.shared.named_only.intersection(name for name, _ in stage.build_args)
    names = arguments.intersection(stage.env) - stage.collected.env.keys()
    return tuple(sorted(name for name in names if not is_named(run, name)))


def _told_arguments(stage: Stage) -> list[str]:
    """``|2 A=1 B=2``: the build arguments in force, as history shows them before the command."""
    values = {name: stage.env.get(name, value or "") for name, value in stage.build_args}
    return [f"|{len(values)}", *(f"{name}={value}" for name, value in values.items())] if values else []
