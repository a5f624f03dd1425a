"""``layerc cache gc``."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from ...errors import UsageError
from ..options import add_store_option
from ..privileges import become_root
from ..progress.words import size_text
from ..quantities import parse_duration, parse_size
from .du import render

if TYPE_CHECKING:
    from ..parser import ArgumentParser

__all__ = ["add_arguments", "run"]

_EPILOG = """\
examples:
  layerc cache gc --keep-storage 10GB    remove the least useful until 10 GB are left
  layerc cache gc --until 72h            remove what was not used for three days
  layerc cache gc --all                  remove everything that no running build uses
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the action."""
    parser.usage = "layerc cache gc [OPTIONS]"
    parser.epilog = _EPILOG
    parser.add_argument("--all", action="store_true", help="everything that no running build uses")
    parser.add_argument("--keep-storage", metavar="SIZE", help="how much may stay, such as 10GB")
    parser.add_argument("--until", metavar="TIME", help="what was not used for this long, such as 72h")
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Collect."""
    from ...engine.inventory import kinds
    from ...engine.upkeep import collect
    from ...store import Store

    if not (arguments.all or arguments.keep_storage or arguments.until):
        raise UsageError(
            "layerc cache gc: say what is to go",
            help="--keep-storage SIZE, --until TIME, or --all",
        )
    keep = None if arguments.keep_storage is None else parse_size(arguments.keep_storage)
    until = None if arguments.until is None else time.time() - parse_duration(arguments.until)
    become_root()
    with Store.open(arguments.store) as store:
        after = collect(store, keep, until)
        print(render(kinds(store)))
    print(f"freed  {size_text(max(0, after.removed['bytes']))}")
    return 0
