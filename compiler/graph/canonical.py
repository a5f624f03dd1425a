"""One codec for operations: their JSON form, and the canonical form that identities are made of.

The canonical form is JSON with sorted keys and no white space; a value that equals its field's default is
left out, so a new field with a default changes no identity.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import MISSING, fields
from typing import Any

from . import operations

__all__ = ["canonical_json", "decode", "encode", "sha256_hex"]

# Every kind of value that stands in a plan, by the name it is tagged with.
KINDS: dict[str, type[Any]] = {
    "add": operations.Add,
    "base": operations.Base,
    "context": operations.FromContext,
    "copy": operations.Copy,
    "git": operations.GitTree,
    "http": operations.HttpFile,
    "inline": operations.InlineFile,
    "layer": operations.FromLayer,
    "makedir": operations.MakeDir,
    "merge": operations.Merge,
    "mount": operations.Mount,
    "path": operations.ContextPath,
    "run": operations.Run,
    "squash": operations.Squash,
}
_TAGS = {cls: tag for tag, cls in KINDS.items()}


def encode(value: Any, *, identity: bool = False) -> Any:
    """``value`` as JSON-ready data. With ``identity``, only what takes part in equality."""
    if isinstance(value, tuple):
        return [encode(item, identity=identity) for item in value]
    tag = _TAGS.get(type(value))
    if tag is None:
        return value
    data: dict[str, Any] = {"type": tag}
    for item in fields(value):
        content = getattr(value, item.name)
        if content != item.default and not (identity and item.metadata.get("identity") is False):
            data[item.name] = encode(content, identity=identity)
    return data


def decode(data: Any) -> Any:
    """The inverse of :func:`encode`. Raises ``ValueError`` for an unknown kind or a missing field."""
    if isinstance(data, list):
        return tuple(decode(item) for item in data)
    if not isinstance(data, dict):
        return data
    cls = KINDS.get(data.get("type", ""))
    if cls is None:
        raise ValueError(f"unknown type {data.get('type')!r}")
    known = {item.name: item for item in fields(cls)}
    unknown = data.keys() - known.keys() - {"type"}
    missing = {name for name, item in known.items() if item.default is MISSING} - data.keys()
    if unknown or missing:
        raise ValueError(f"{data['type']}: unknown {sorted(unknown)}, missing {sorted(missing)}")
    return cls(**{name: decode(value) for name, value in data.items() if name != "type"})


def canonical_json(data: Any) -> str:
    """``data`` as the one JSON text that equal data has."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


def sha256_hex(text: str) -> str:
    """SHA-256 of ``text`` in UTF-8 (lone surrogates, which stand for foreign bytes, kept), in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
