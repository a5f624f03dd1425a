"""``layerc cache rm``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import InputError, UsageError
from ..options import add_store_option
from ..privileges import become_root
from ..progress.words import size_text
from .ls import KINDS

if TYPE_CHECKING:
    from ...engine.inventory import Item
    from ..parser import ArgumentParser

__all__ = ["add_arguments", "run", "selected"]

_LEAST_DIGITS = 4
_EPILOG = """\
examples:
  layerc cache rm 5d3c0a12               a layer, blob or cache mount, by its id of layerc cache ls
  layerc cache rm "npm ci"               layers of steps with this in their instruction
  layerc cache rm --stage build          layers of a stage
  layerc cache rm --kind cache npm       the cache mount npm
  layerc cache rm --kind cache           all cache mounts
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the action."""
    parser.usage = "layerc cache rm [OPTIONS] [WHAT…]"
    parser.epilog = _EPILOG
    parser.add_argument(
        "what",
        metavar="WHAT",
        nargs="*",
        help="the beginning of an id, a part of an instruction, or a cache's id",
    )
    parser.add_argument("--stage", metavar="STAGE", help="only what steps of this stage have made")
    parser.add_argument("--kind", metavar="KIND", choices=KINDS, help=f"only {', '.join(KINDS)}")
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Remove."""
    if not (arguments.what or arguments.stage or arguments.kind):
        raise UsageError("layerc cache rm: say what is to go", help="an id, a step, --stage or --kind")
    become_root()
    from ...engine.inventory import items
    from ...store import Store

    with Store.open(arguments.store) as store:
        doomed = selected(items(store), arguments.what, arguments.stage, arguments.kind)
        ids = {kind: [item.id for item in doomed if item.kind == kind] for kind in KINDS}
        usage = store.remove(ids["layer"], ids["blob"], ids["cache"])
        left = sum(item.kind == "layer" and store.layer(item.id) is not None for item in doomed)
    removed = usage.removed
    counts = ", ".join(
        f"{removed[kind]} {kind if removed[kind] > 1 else kind[:-1]}"
        for kind in ("layers", "blobs", "caches")
        if removed[kind]
    )
    print(f"removed {counts or 'nothing'}; freed {size_text(max(0, removed['bytes']))}")
    if left:
        print(f"{left} in use by a running build, or by layers that borrow its files")
    return 0


def selected(items: Sequence[Item], what: Sequence[str], stage: str | None, kind: str | None) -> list[Item]:
    """The items that are named; of layers that several steps share, all. Raises :class:`InputError` for a name that
    fits none.
    """
    fitting = [item for item in items if kind in (None, item.kind) and stage in (None, item.stage)]
    if not what:
        if stage is not None and not fitting:
            raise InputError(f"nothing of stage {stage!r} is in the store")
        return fitting
    found: dict[str, Item] = {}
    for word in what:
        named = [item for item in fitting if _is_named(item, word)]
        if not named:
            raise InputError(
                f"nothing in the store is called {word!r}", help="layerc cache ls shows what there is"
            )
        found |= {item.id: item for item in named}
    return list(found.values())


def _is_named(item: Item, word: str) -> bool:
    text = word.strip()
    digits = text.rpartition(":")[2].lower()
    if len(digits) >= _LEAST_DIGITS and item.id.rpartition(":")[2].startswith(digits):
        return True
    if item.kind == "cache":
        return item.title.rpartition(" at ")[0] == text
    return bool(text) and text.casefold() in item.title.casefold()
