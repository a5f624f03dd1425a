"""``layerc cache du``."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from ..options import add_store_option
from ..progress.words import size_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...engine.inventory import Kind
    from ..parser import ArgumentParser

__all__ = ["add_arguments", "render", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the action."""
    parser.usage = "layerc cache du [OPTIONS]"
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show it."""
    from ...engine.inventory import kinds
    from ...store import Store

    with Store.open(arguments.store) as store:
        found = kinds(store)
    if arguments.json:
        document = {"kinds": [asdict(kind) for kind in found], "total": sum(kind.size for kind in found)}
        print(json.dumps(document, indent=1))
    else:
        print(render(found))
    return 0


def render(kinds: Sequence[Kind]) -> str:
    """Counts and sizes, a line each."""
    rows = [(kind.name, str(kind.count), size_text(kind.size)) for kind in kinds if kind.count]
    rows.append(("total", "", size_text(sum(kind.size for kind in kinds))))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows)
