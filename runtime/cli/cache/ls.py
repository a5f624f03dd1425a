"""``layerc cache ls``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from ..options import add_store_option
from ..progress.words import duration, size_text
from ..terminal import Style, clip, columns, visible, wants_colour

if TYPE_CHECKING:
    from ...engine.inventory import Item
    from ..parser import ArgumentParser

__all__ = ["KINDS", "add_arguments", "render", "run", "short_id"]

KINDS = ("layer", "blob", "cache")
_DIGITS = 12
_SORTS = ("used", "size", "seconds")
_EPILOG = """\
examples:
  layerc cache ls                        everything, what was used last first
  layerc cache ls --kind cache           the directories of RUN --mount=type=cache
  layerc cache ls --sort size --json     for programs, the largest first
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the action."""
    parser.usage = "layerc cache ls [OPTIONS]"
    parser.epilog = _EPILOG
    parser.add_argument("--kind", metavar="KIND", choices=KINDS, help=f"only {', '.join(KINDS)}")
    parser.add_argument(
        "--sort", metavar="BY", choices=_SORTS, default="used", help=f"{', '.join(_SORTS)} (default: used)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, with whole ids")
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """List."""
    from ...engine.inventory import items
    from ...store import Store

    with Store.open(arguments.store) as store:
        found = [item for item in items(store) if arguments.kind in (None, item.kind)]
    found.sort(key=lambda item: getattr(item, arguments.sort), reverse=True)
    if arguments.json:
        print(json.dumps([asdict(item) for item in found], indent=1))
    else:
        print(render(found, Style(wants_colour(sys.stdout)), columns(sys.stdout, 80), time.time()))
    return 0


def short_id(item: Item) -> str:
    """The beginning of an item's id, which ``layerc cache rm`` takes."""
    return item.id.rpartition(":")[2][:_DIGITS]


def render(items: Sequence[Item], style: Style, screen: int, now: float) -> str:
    """A table. Times are how long ago something was used, and how long it takes to make it again."""
    lines = [style("bold", f"{'ID':<{_DIGITS}}  {'KIND':<5}  {'SIZE':>8}  {'USED':>5}  {'REMADE':>6}  STEP")]
    for item in items:
        remade = duration(item.seconds) if item.seconds else "-"
        step = f"[{item.stage}] {item.title}" if item.stage else item.title
        row = f"{short_id(item):<{_DIGITS}}  {item.kind:<5}  {size_text(item.size):>8}  "
        row += f"{_age(now - item.used):>5}  {remade:>6}  {visible(' '.join(step.split()))}"
        lines.append(clip(row.rstrip(), screen))
    return "\n".join(lines)


def _age(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return "now"
