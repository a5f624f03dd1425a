"""``layerc cache du``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..options import add_store_option
from ..progress.words import size_text

if TYPE_CHECKING:
    from ...store import Usage
    from ..parser import ArgumentParser

__all__ = ["add_arguments", "render", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the action."""
    parser.usage = "layerc cache du [OPTIONS]"
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show it."""
    from ...store import Store

    with Store.open(arguments.store) as store:
        print(render(store.usage()))
    return 0


def render(usage: Usage) -> str:
    """Counts and sizes, a line each."""
    return (
        f"layers {usage.layers:>7}  {size_text(usage.layer_bytes)}\n"
        f"blobs  {usage.blobs:>7}  {size_text(usage.blob_bytes)}\n"
        f"steps  {usage.results:>7}\n"
        f"total           {size_text(usage.total)}"
    )
