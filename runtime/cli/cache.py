"""``layerc cache``: what the store holds, and making it smaller."""

from __future__ import annotations

import argparse
import re
import time
from typing import TYPE_CHECKING

from ..errors import UsageError
from .options import add_store_option
from .privileges import become_root
from .progress.words import size_text

if TYPE_CHECKING:
    from ..store import Usage
    from .parser import ArgumentParser

__all__ = ["add_arguments", "parse_duration", "parse_size", "run"]

_EPILOG = """\
examples:
  layerc cache du                        what the store holds
  layerc cache gc --keep-storage 10GB    remove the least recently used until 10 GB are left
  layerc cache gc --until 72h            remove what was not used for three days
  layerc cache gc --all                  remove everything that no running build uses
"""
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.usage = "layerc cache du|gc [OPTIONS]"
    parser.epilog = _EPILOG
    parser.add_argument("action", metavar="du|gc", choices=("du", "gc"), help="show what is used; remove")
    parser.add_argument("--all", action="store_true", help="gc: everything that no running build uses")
    parser.add_argument("--keep-storage", metavar="SIZE", help="gc: how much may stay, such as 10GB")
    parser.add_argument("--until", metavar="TIME", help="gc: what was not used for this long, such as 72h")
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show or collect."""
    from ..store import Store

    limits = (arguments.keep_storage, arguments.until)
    if arguments.action == "du":
        if arguments.all or any(limits):
            raise UsageError("layerc cache du takes no limits", help="they are those of layerc cache gc")
        with Store.open(arguments.store) as store:
            print(_render(store.usage()))
        return 0
    if not arguments.all and not any(limits):
        raise UsageError(
            "layerc cache gc: say what is to go",
            help="--keep-storage SIZE, --until TIME, or --all",
        )
    keep = None if arguments.keep_storage is None else parse_size(arguments.keep_storage)
    until = None if arguments.until is None else time.time() - parse_duration(arguments.until)
    become_root()
    with Store.open(arguments.store) as store:
        before = store.usage().total
        after = store.gc(keep, until)
    print(_render(after))
    print(f"freed  {size_text(before - after.total)}")
    return 0


def parse_size(text: str) -> int:
    """Bytes: a number with k, M, G, T (powers of ten) or Ki, Mi, … (powers of two), B optional.

    >>> parse_size("10GB"), parse_size("1.5MiB")
    (10000000000, 1572864)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*?)b?", text.strip().lower())
    unit = None if match is None else (_UNITS | _BINARY).get(match[2])
    if match is None or unit is None:
        raise UsageError(f"not a size: {text!r}", help="a number with a unit, such as 500MB or 10GiB")
    return int(float(match[1]) * unit)


def parse_duration(text: str) -> float:
    """Seconds: numbers with s, m, h or d, one after the other.

    >>> parse_duration("1h30m"), parse_duration("7d")
    (5400.0, 604800.0)
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text.strip().lower())
    if not parts or "".join(number + unit for number, unit in parts) != text.strip().lower():
        raise UsageError(f"not a time: {text!r}", help="numbers with s, m, h or d, such as 72h")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _render(usage: Usage) -> str:
    return (
        f"layers {usage.layers:>7}  {size_text(usage.layer_bytes)}\n"
        f"blobs  {usage.blobs:>7}  {size_text(usage.blob_bytes)}\n"
        f"steps  {usage.results:>7}\n"
        f"total           {size_text(usage.total)}"
    )
