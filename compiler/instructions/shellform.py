"""Command lines: a JSON array is run as it is, any other text is handed to the shell."""

from __future__ import annotations

from ..config import ImageConfig
from ..site import Site

__all__ = ["command_line", "with_shell"]


def command_line(site: Site, config: ImageConfig) -> tuple[str, ...]:
    """The argument vector of CMD and ENTRYPOINT."""
    args = site.instruction.args
    return args if site.instruction.exec_form else with_shell(" ".join(args), config)


def with_shell(text: str, config: ImageConfig) -> tuple[str, ...]:
    """``text`` behind the image's SHELL, else the platform's."""
    default = ("cmd", "/S", "/C") if config.os == "windows" else ("/bin/sh", "-c")
    return (*(config.shell or default), text)
