"""``layerc cache``: what the store holds, one file an action."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..main import Command
    from ..parser import ArgumentParser

__all__ = ["ACTIONS", "add_arguments"]

# Name, summary, module. The order is that of the help.
ACTIONS: tuple[tuple[str, str, str], ...] = (
    ("du", "show what the store holds and how much of the disk it takes", "du"),
    ("ls", "list layers, blobs and cache mounts, with their use and what they are worth", "ls"),
    ("trace", "print what a step read", "trace"),
    ("gc", "make the store smaller", "gc"),
    ("rm", "remove layers, blobs and cache mounts by name", "rm"),
    ("verify", "compare what the store holds with its digests", "verify"),
    ("export", "write results of steps, or cache mounts, for other machines", "export"),
    ("import", "take cache mounts from an archive", "import_"),
)

_EPILOG = """\
examples:
  layerc cache du                        what the store holds
  layerc cache gc --keep-storage 10GB    remove the least useful until 10 GB are left
  layerc cache ACTION --help             the options of an action
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the actions."""
    parser.usage = "layerc cache ACTION [OPTIONS]"
    parser.epilog = _EPILOG
    subparsers = parser.add_subparsers(
        title="actions", metavar="ACTION", help="what to do", prog="layerc cache"
    )
    for name, summary, module_name in ACTIONS:
        subparser = parser.commands[name] = subparsers.add_parser(name, help=summary)
        subparser.description = f"{summary[0].upper()}{summary[1:]}."
        module: Command = import_module(f".{module_name}", __package__)
        module.add_arguments(subparser)
        subparser.set_defaults(run=module.run)
