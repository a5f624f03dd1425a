"""Texts as the Go programs around us write and read them: they are part of image configs and of meaning."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = [
    "clean_path",
    "format_duration",
    "format_list",
    "join_path",
    "parse_bool",
    "parse_duration",
    "parse_size",
    "parse_unsigned",
    "quote",
    "quote_list",
]

_ESCAPES = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    '"': '\\"',
}
_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_DURATION = re.compile(r"(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_MAX_DURATION = 2**63 - 1
_SIZE = re.compile(r"(\d+(?:\.\d*)?|\.\d+) ?(?:(b)|([kmgtp])(b|ib)?)?", re.ASCII | re.IGNORECASE)


def quote(text: str) -> str:
    """``%q``: a double-quoted Go string.

    >>> print(quote('say "hi"'))
    "say \\"hi\\""
    """
    return '"' + "".join(_quoted(char) for char in text) + '"'


def _quoted(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if char.isprintable():
        return char
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def quote_list(items: Iterable[str]) -> str:
    """``%q`` of a list of strings: ``["a" "b"]``."""
    return "[" + " ".join(quote(item) for item in items) + "]"


def format_list(items: Iterable[str]) -> str:
    """``%v`` of a list of strings: ``[a b]``."""
    return "[" + " ".join(items) + "]"


def parse_bool(text: str) -> bool:
    """``strconv.ParseBool``. Raises ``ValueError``."""
    if text in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if text in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    raise ValueError(f"not a boolean: {text!r}")


def parse_unsigned(text: str, base: int) -> int:
    """``strconv.ParseUint(text, base, 32)``: digits only. Raises ``ValueError``."""
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"not a number: {text!r}")
    value = int(text, base)
    if value >= 2**32:
        raise ValueError(f"out of range: {text}")
    return value


def parse_duration(text: str) -> int:
    """``time.ParseDuration`` in nanoseconds. Raises ``ValueError``.

    >>> parse_duration("1m30.5s")
    90500000000
    """
    body = text[1:] if text[:1] in ("-", "+") else text
    sign = -1 if text.startswith("-") else 1
    if body == "0":
        return 0
    total = position = 0
    while position < len(body) or not body:
        match = _DURATION.match(body, position)
        if match is None or not (match[1] or match[2]):
            raise ValueError(f"not a duration: {text!r}")
        unit = _UNITS[match[3]]
        total += int(match[1] or 0) * unit + (int(match[2]) * unit // 10 ** len(match[2]) if match[2] else 0)
        position = match.end()
    if total > _MAX_DURATION:
        raise ValueError(f"not a duration: {text!r} is too long")
    return sign * total


def format_duration(value: int) -> str:
    """``time.Duration.String()`` of nanoseconds.

    >>> format_duration(90_500_000_000), format_duration(1_500_000), format_duration(0)
    ('1m30.5s', '1.5ms', '0s')
    """
    if value < 0:
        return "-" + format_duration(-value)
    if value == 0:
        return "0s"
    for name, unit in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if value < unit * 1_000:
            return _decimal(value, unit) + name
    minutes, rest = divmod(value, _UNITS["m"])
    hours, minutes = divmod(minutes, 60)
    text = _decimal(rest, _UNITS["s"]) + "s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def _decimal(value: int, unit: int) -> str:
    whole, fraction = divmod(value, unit)
    if not fraction:
        return str(whole)
    return f"{whole}.{fraction:0{len(str(unit)) - 1}d}".rstrip("0")


def parse_size(text: str) -> int:
    """A size in bytes as ``docker run -m`` takes it: ``64m``, ``1.5GiB``. Raises ``ValueError``.

    >>> parse_size("64m"), parse_size("1.5KiB")
    (67108864, 1536)
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"not a size: {text!r}")
    exponent = "bkmgtp".index((match[3] or "b").lower())
    return int(float(match[1]) * 1024**exponent)


def clean_path(path: str) -> str:
    """``path.Clean``: the shortest name of the same path.

    >>> clean_path("//a/./b/../c/"), clean_path(""), clean_path("../x")
    ('/a/c', '.', '../x')
    """
    rooted = path.startswith("/")
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if kept and kept[-1] != "..":
                kept.pop()
            elif not rooted:
                kept.append(part)
        elif part not in ("", "."):
            kept.append(part)
    return ("/" if rooted else "") + "/".join(kept) or "."


def join_path(*parts: str) -> str:
    """``path.Join``: the parts that are not empty, joined and cleaned; empty if none is."""
    kept = [part for part in parts if part]
    return clean_path("/".join(kept)) if kept else ""
