"""Cache keys.

Level 1, the *definition* key, names a layer by its operation, the definition keys of the layers below and
beside it, and the digests of what it takes from outside (files of a build context, URLs, git commits). It is
known before anything is built.

Level 2, the *content* key, puts the content digests of those layers in the place of their definitions, so a
parent that was made again with the same content stops the invalidation (early cut-off).

Both are SHA-256 over a canonical JSON form with a tag and a version, so no two kinds of key can be equal.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...compiler.graph.canonical import canonical_json, encode, sha256_hex
from ...compiler.graph.operations import Operation

__all__ = ["content_key", "definition_key", "operation_key"]

# Raise when the same key would have to name a different result (a fix in how steps are executed).
VERSION = 1


def operation_key(operation: Operation) -> str:
    """Identity of an operation by itself, without what it is laid over."""
    return _key("operation", encode(operation, identity=True))


def definition_key(meaning: str, parent: str, inputs: Sequence[str], sources: Sequence[str]) -> str:
    """``meaning`` is that of the layer. ``parent`` and ``inputs`` are definition keys (the parent's is empty on
    scratch); ``sources`` are the digests of what comes from outside, in the order in which the operation names it.
    """
    return _key("definition", [meaning, parent, list(inputs), list(sources)])


def content_key(operation: Operation, parent: str, inputs: Sequence[str], sources: Sequence[str]) -> str:
    """As :func:`definition_key`, for an operation, with content digests for ``parent`` and ``inputs``."""
    return _key("content", [encode(operation, identity=True), parent, list(inputs), list(sources)])


def _key(kind: str, data: object) -> str:
    return sha256_hex(canonical_json([kind, VERSION, data]))
