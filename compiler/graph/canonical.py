"""One codec for operations: their JSON form, and the canonical form that identities are made of.

The canonical form is JSON with sorted keys and no white space; a value that equals its field's default is
left out, so a new field with a default changes no identity. It is made of what an operation means, however that is
spelled (``meaning.py``).
"""

from __future__ import annotations

import hashlib
import json
import types
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from . import operations

__all__ = ["canonical_json", "check_types", "decode", "encode", "sha256_hex"]

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
    "mount": operations.Mount,
    "path": operations.ContextPath,
    "run": operations.Run,
}
_TAGS = {cls: tag for tag, cls in KINDS.items()}


def encode(value: Any, *, identity: bool = False) -> Any:
    """``value`` as JSON-ready data. With ``identity``, only what takes part in a layer's id: no
    :data:`~.operations.UNKEYED` field, and not the name of a base image whose digest is known.
    """
    tag = _TAGS.get(type(value))
    if tag is None:
        return [encode(item, identity=identity) for item in value] if isinstance(value, tuple) else value
    if identity and isinstance(value, operations.Operation):
        from .meaning import meaning_of  # not needed by who reads a plan whose meanings are remembered

        value = meaning_of(value)
    data: dict[str, Any] = {"type": tag}
    defaults, unkeyed = value._field_defaults, operations.UNKEYED.get(type(value)) if identity else None
    for name, content in zip(value._fields, value, strict=True):
        if name != unkeyed and (name not in defaults or content != defaults[name]):
            data[name] = encode(content, identity=identity)
    if identity and isinstance(value, operations.Base) and value.digest:
        del data["reference"]
    return data


def decode(data: Any) -> Any:
    """The inverse of :func:`encode`. Raises ``ValueError`` for an unknown kind, a missing field, or a value
    that its field can not hold.
    """
    if isinstance(data, list):
        return tuple(decode(item) for item in data)
    if not isinstance(data, dict):
        return data
    tag = data.get("type")
    cls = KINDS.get(tag) if isinstance(tag, str) else None
    if cls is None:
        raise ValueError(f"unknown type {tag!r}")
    unknown = data.keys() - {*cls._fields, "type"}
    missing = {*cls._fields} - cls._field_defaults.keys() - data.keys()
    if unknown or missing:
        raise ValueError(f"{tag}: unknown {sorted(unknown)}, missing {sorted(missing)}")
    value = cls(**{name: decode(item) for name, item in data.items() if name != "type"})
    check_types(value)
    return value


def check_types(value: Any) -> None:
    """Raise ``ValueError`` where a field of the named tuple ``value`` does not hold what it is declared to."""
    kind: Any = type(value)
    for name, hint in _hints(kind):
        content = getattr(value, name)
        if not _fits(content, hint):
            raise ValueError(f"{_TAGS.get(type(value), type(value).__name__)}: {name} can not be {content!r}")


@cache
def _hints(cls: Any) -> tuple[tuple[str, Any], ...]:
    hints = get_type_hints(cls)
    return tuple((name, hints[name]) for name in cls._fields)


def _fits(value: Any, hint: Any) -> bool:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(value, option) for option in get_args(hint))
    if origin is tuple:
        options = get_args(hint)
        if type(value) is not tuple:  # a named tuple is something else
            return False
        if options[-1] is Ellipsis:
            return all(_fits(item, options[0]) for item in value)
        return len(value) == len(options) and all(map(_fits, value, options))
    return type(value) is hint


def canonical_json(data: Any) -> str:
    """``data`` as the one JSON text that equal data has."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


def sha256_hex(text: str) -> str:
    """SHA-256 of ``text`` in UTF-8 (lone surrogates, which stand for foreign bytes, kept), in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
