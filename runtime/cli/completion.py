"""``layerc completion``: scripts that teach a shell our commands and options."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .parser import ArgumentParser

__all__ = ["add_arguments", "run"]

_SHELLS = ("bash", "zsh", "fish", "tcsh")
_FILES = ("FILE", "LIST")
_DIRECTORIES = ("PATH", "DIR")
_EPILOG = """\
install:
  bash  layerc completion bash > ~/.local/share/bash-completion/completions/layerc
  zsh   layerc completion zsh > ~/.zfunc/_layerc      (with fpath+=~/.zfunc before compinit)
  fish  layerc completion fish > ~/.config/fish/completions/layerc.fish
  tcsh  layerc completion tcsh > ~/.layerc.tcsh; echo 'source ~/.layerc.tcsh' >> ~/.tcshrc
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.usage = "layerc completion SHELL"
    parser.epilog = _EPILOG
    parser.add_argument("shell", metavar="SHELL", choices=_SHELLS, help=", ".join(_SHELLS))


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    from .main import build_parser

    parser = build_parser()
    for action in _actions(parser):
        if action.metavar in _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # what shtab looks for
        elif action.metavar in _DIRECTORIES:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    print(shtab.complete(parser, arguments.shell))
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:  # noqa: SLF001  # argparse has no public way to list them
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for subparser in action.choices.values():
                yield from _actions(subparser)
