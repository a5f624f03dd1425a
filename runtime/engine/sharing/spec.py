"""``--cache-to`` and ``--cache-from``: the words. The syntax is that of the docker command."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass

from ...errors import UsageError
from ...oci.compression import KINDS, check_level
from ...oci.digests import is_digest

__all__ = ["CacheSource", "CacheTarget", "parse_source", "parse_target"]

_TAG = "latest"
_TRUE, _FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")
_SOURCE = ("src", "tag", "digest", "mounts")
_TARGET = ("dest", "tag", "mode", "compression", "compression-level", "ignore-error", "mounts")
_HELP = "write type=local,{key}=DIR"


@dataclass(frozen=True, slots=True)
class CacheSource:
    """A directory to take results from: the cache that ``tag`` names, or ``digest`` where that is given.

    With ``mounts``, cache mounts that the store lacks come from there too.
    """

    path: str
    tag: str = _TAG
    digest: str = ""
    mounts: bool = False


@dataclass(frozen=True, slots=True)
class CacheTarget:
    """A directory to write results to. ``whole``: those of all stages, not only of the result's own steps.

    ``optional``: that it can not be written is told and stops nothing. ``mounts``: with the cache mounts.
    """

    path: str
    tag: str = _TAG
    whole: bool = False
    kind: str = "gzip"
    level: int | None = None
    optional: bool = False
    mounts: bool = False


def parse_source(text: str) -> CacheSource:
    """Read one ``--cache-from`` value. Raises :class:`UsageError`.

    >>> parse_source("type=local,src=/cache")
    CacheSource(path='/cache', tag='latest', digest='', mounts=False)
    """
    option = f"--cache-from {text!r}"
    fields = _fields(text, option, "src", _SOURCE)
    digest = fields.get("digest", "")
    if digest and not is_digest(digest):
        raise UsageError(f"{option}: {digest!r} is not a digest")
    path = os.path.abspath(os.path.expanduser(fields["src"]))
    return CacheSource(path, fields.get("tag") or _TAG, digest, _flag(fields, "mounts", option))


def parse_target(text: str) -> CacheTarget:
    """Read one ``--cache-to`` value. Raises :class:`UsageError`.

    >>> parse_target("type=local,dest=/cache,mode=max").whole
    True
    """
    option = f"--cache-to {text!r}"
    fields = _fields(text, option, "dest", _TARGET)
    mode, kind = fields.get("mode") or "min", fields.get("compression") or "gzip"
    if mode not in ("min", "max"):
        raise UsageError(
            f"{option}: unknown mode {mode!r}", help="min: the steps of the result; max: all stages"
        )
    if kind not in KINDS:
        raise UsageError(f"{option}: unknown compression {kind!r}", help=f"there are: {', '.join(KINDS)}")
    level = fields.get("compression-level", "")
    if level and not (level.isascii() and level.isdigit() and len(level) < 4):
        raise UsageError(f"{option}: compression-level={level} is not a number")
    try:
        check_level(kind, int(level) if level else None)
    except ValueError as error:
        raise UsageError(f"{option}: compression-level: {error}") from None
    return CacheTarget(
        os.path.abspath(os.path.expanduser(fields["dest"])),
        fields.get("tag") or _TAG,
        mode == "max",
        kind,
        int(level) if level else None,
        _flag(fields, "ignore-error", option),
        _flag(fields, "mounts", option),
    )


def _fields(text: str, option: str, place: str, known: tuple[str, ...]) -> dict[str, str]:
    advice = _HELP.format(key=place)
    try:
        (items,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError) as error:
        raise UsageError(f"{option} can not be read: {error}", help=advice) from None
    fields: dict[str, str] = {}
    for item in items:
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise UsageError(f"{option}: {item!r} is not KEY=VALUE", help=advice)
        fields[key.strip().lower()] = value
    kind = fields.pop("type", "")
    if kind != "local":
        said = f"unknown type {kind!r}" if kind else "it has no type"
        raise UsageError(f"{option}: {said}", help=f"{advice}; no other type is known")
    for key in fields:
        if key not in known:
            raise UsageError(f"{option}: unknown key {key!r}", help=f"it has: {', '.join(('type', *known))}")
    if not fields.get(place):
        raise UsageError(f"{option} names no directory", help=advice)
    return fields


def _flag(fields: dict[str, str], key: str, option: str) -> bool:
    value = fields.get(key, "")
    if value and value not in _TRUE + _FALSE:
        raise UsageError(f"{option}: {key}={value} is neither true nor false")
    return value in _TRUE
