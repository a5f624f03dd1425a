"""Declarative layer definitions: a TOML or JSON list of layers, the second front end of the compiler.

A definition becomes the syntax tree of the Dockerfile that says the same, so that whatever holds for that one
(identities, configs, caching, checks) holds for it. docs/definitions.md describes the form.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...grammar.source import SourceFile
    from ...grammar.syntax import Document

__all__ = ["is_definitions", "read_document"]

_SUFFIXES = (".toml", ".json")
_STARTS = ("{", "[")


def is_definitions(source: SourceFile) -> bool:
    """Whether ``source`` holds layer definitions: it is called ``….toml`` or ``….json``, or its first line that
    is no comment begins as no Dockerfile does, with ``{`` or ``[``.
    """
    if source.name.lower().endswith(_SUFFIXES):
        return True
    for line in source.text.splitlines():
        if text := line.strip():
            if text.startswith(_STARTS):
                return True
            if not text.startswith("#"):
                return False
    return False


def read_document(
    source: SourceFile, target: str | None = None, contexts: Collection[str] = (), *, every: bool = False
) -> Document:
    """The syntax tree of a Dockerfile or of layer definitions. ``target`` is the stage or layer that is wanted
    (none: the one image of the file, or ``every`` layer), ``contexts`` are the names of named contexts.

    Raises ``DockerfileError``.
    """
    if not is_definitions(source):
        from ...grammar.parse import parse

        return parse(source)
    from .layers import read_definitions

    return read_definitions(source, contexts).document(target, every=every)
