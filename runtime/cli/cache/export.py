"""``layerc cache export``."""

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

_EPILOG = """\
examples:
  layerc cache export /srv/cache                 results of all steps; layerc build --cache-from type=local,src=…
  layerc cache export --mounts mounts.tar.gz     all cache mounts; layerc cache import reads them
  layerc cache export --mount /root/.npm npm.tar the cache mount of this id
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the action."""
    parser.usage = "layerc cache export [OPTIONS] DIR | --mounts FILE"
    parser.epilog = _EPILOG
    parser.add_argument(
        "path",
        metavar="DIR|FILE",
        help="the directory for results and traces of steps, or the archive (.tar, .tar.gz, .tar.zst) for cache "
        "mounts",
    )
    parser.add_argument("--mounts", action="store_true", help="all cache mounts, to an archive")
    parser.add_argument(
        "--mount", metavar="ID", action="append", default=[], help="the cache mount of this id; repeatable"
    )
    parser.add_argument(
        "--tag", metavar="NAME", help="the name of the cache in the directory (default: latest)"
    )
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write it."""
    path = os.path.abspath(arguments.path)
    with_mounts = arguments.mounts or arguments.mount
    if with_mounts and arguments.tag:
        raise UsageError(
            "an archive of cache mounts has no --tag", help="the tag names results in a directory"
        )
    if arguments.mounts and arguments.mount:
        raise UsageError("--mounts is all of them, --mount one", help="write one of the two")
    become_root()
    from ...store import Store

    with Store.open(arguments.store) as store:
        if with_mounts:
            from ...engine.cache_archive import export_caches

            for cache in export_caches(store, path, arguments.mount or None):
                print(f"{cache.id}  {size_text(cache.size)}")
            return 0
        from ...engine.sharing.noted import all_definitions
        from ...engine.sharing.spec import CacheTarget
        from ...engine.sharing.write import Wanted, write_caches

        target = CacheTarget(path, arguments.tag or "latest", whole=True)
        for line in write_caches([Wanted(target, all_definitions(store))], store, lambda _: None):
            print(line)
    return 0
