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
  layerc cache gc --keep-mounts 2GB      remove cache mounts, the least recently used first
  layerc cache gc --all                  remove everything that no running build uses
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the action."""
    parser.usage = "layerc cache gc [OPTIONS]"
    parser.epilog = _EPILOG
    parser.add_argument("--all", action="store_true", help="everything that no running build uses")
    parser.add_argument("--keep-storage", metavar="SIZE", help="how much may stay, such as 10GB")
    parser.add_argument("--until", metavar="TIME", help="what was not used for this long, such as 72h")
    parser.add_argument(
        "--keep-mounts", metavar="SIZE", help="how much of cache mounts may stay; nothing else goes by that"
    )
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Collect."""
    from ...engine.inventory import kinds
    from ...engine.upkeep import collect
    from ...store import Store
    from ...store.files import store_errors
    from ...store.folders import limit_cache_mounts

    rest = arguments.all or arguments.keep_storage or arguments.until
    if not rest and not arguments.keep_mounts:
        raise UsageError(
            "layerc cache gc: say what is to go",
            help="--keep-storage SIZE, --keep-mounts SIZE, --until TIME, or --all",
        )
    mounts = None if arguments.keep_mounts is None else parse_size(arguments.keep_mounts)
    keep = None if arguments.keep_storage is None else parse_size(arguments.keep_storage)
    until = None if arguments.until is None else time.time() - parse_duration(arguments.until)
    become_root()
    with Store.open(arguments.store) as store:
        freed = 0
        if mounts is not None:
            with store_errors(store.root):
                freed += limit_cache_mounts(store.root, mounts, lambda: store.temporary("cache"))
        if rest:
            freed += collect(store, keep, until).removed["bytes"]
        print(render(kinds(store)))
    print(f"freed  {size_text(max(0, freed))}")
    return 0
