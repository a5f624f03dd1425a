"""``layerc cache verify``."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from ..options import add_store_option
from ..privileges import become_root
from ..terminal import visible

if TYPE_CHECKING:
    from ..parser import ArgumentParser

__all__ = ["add_arguments", "run"]

_DAMAGED = 6
_EPILOG = """\
exit codes:
  0  nothing is damaged, or --repair removed what was
  6  something is damaged
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the action."""
    parser.usage = "layerc cache verify [OPTIONS]"
    parser.description = (
        "Compute the digests of all layers and blobs again, and compare layers with their indexes."
    )
    parser.epilog = _EPILOG
    parser.add_argument("--repair", action="store_true", help="remove what is damaged; builds make it again")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Verify."""
    become_root()
    from ...engine.audit import audit, repair
    from ...store import Store

    looked: list[str] = []
    with Store.open(arguments.store) as store:
        damages = list(audit(store, looked.append))
    left = len(damages)
    if arguments.repair and damages:
        # Another opening: what the first one has looked at is held by it.
        with Store.open(arguments.store) as store:
            left = repair(store, damages)
    if arguments.json:
        document = {
            "checked": len(looked),
            "damaged": [asdict(damage) for damage in damages],
            "repaired": len(damages) - left if arguments.repair else 0,
        }
        print(json.dumps(document, indent=1))
    else:
        for damage in damages:
            print(f"damaged {damage.kind} {damage.id}: {visible(damage.problem)}")
        print(f"{len(looked)} layers and blobs verified, {len(damages)} damaged")
        if arguments.repair and damages:
            print(f"{len(damages) - left} removed")
            if left:
                print(f"{left} in use by a running build: try again later", file=sys.stderr)
    return _DAMAGED if left else 0
