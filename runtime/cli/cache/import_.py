"""``layerc cache import``."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from ...errors import UsageError
from ..options import add_store_option
from ..privileges import become_root
from ..progress.words import size_text

if TYPE_CHECKING:
    from ..parser import ArgumentParser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the action."""
    parser.usage = "layerc cache import [OPTIONS] FILE"
    parser.epilog = "Cache mounts that the store has stay as they are."
    parser.add_argument("path", metavar="FILE", help="an archive of layerc cache export --mounts")
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Take what the store lacks."""
    if os.path.isdir(arguments.path):
        raise UsageError(
            f"{arguments.path} is a directory; results of steps are taken when a build needs them",
            help=f"write layerc build --cache-from type=local,src={arguments.path}",
        )
    become_root()
    from ...engine.cache_archive import import_caches
    from ...store import Store

    with Store.open(arguments.store) as store:
        for cache in import_caches(store, arguments.path):
            print(f"{cache.id}  {size_text(cache.size)}")
    return 0
