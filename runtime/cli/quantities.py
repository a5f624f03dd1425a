"""Sizes and times as people write them on the command line."""

from __future__ import annotations

import re
import sys

from ..errors import UsageError

__all__ = ["parse_duration", "parse_limit", "parse_size"]

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_size(text: str) -> int:
    """Bytes: a number with k, M, G, T (powers of ten) or Ki, Mi, … (powers of two), B optional. Raises
    :class:`UsageError`.

    >>> parse_size("10GB"), parse_size("1.5MiB")
    (10000000000, 1572864)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*?)b?", text.strip().lower())
    unit = None if match is None else (_UNITS | _BINARY).get(match[2])
    if match is None or unit is None:
        raise UsageError(f"not a size: {text!r}", help="a number with a unit, such as 500MB or 10GiB")
    return int(float(match[1]) * unit)


def parse_duration(text: str) -> float:
    """Seconds: numbers with s, m, h or d, one after the other. Raises :class:`UsageError`.

    >>> parse_duration("1h30m"), parse_duration("7d")
    (5400.0, 604800.0)
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text.strip().lower())
    if not parts or "".join(number + unit for number, unit in parts) != text.strip().lower():
        raise UsageError(f"not a time: {text!r}", help="numbers with s, m, h or d, such as 72h")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def parse_limit(text: str) -> int | None:
    """The value of LAYERC_KEEP_STORAGE: bytes; none where nothing is said. Raises :class:`UsageError`.

    >>> parse_limit("20GB"), parse_limit("off") > 10**18, parse_limit("")
    (20000000000, True, None)
    """
    if text.strip().lower() in ("", "default"):
        return None
    if text.strip().lower() == "off":
        return sys.maxsize
    try:
        return parse_size(text)
    except UsageError as error:
        raise UsageError(
            f"LAYERC_KEEP_STORAGE: {error.message}", help="a size such as 20GB, or off"
        ) from None
