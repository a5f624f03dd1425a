"""Image configs compared field by field; histories and times are no part of what an image does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ....compiler.config import ImageConfig
from .verdict import ConfigChange

__all__ = ["config_changes"]

_BY_KEY = ("Labels", "ExposedPorts", "Volumes", "Healthcheck")


def config_changes(before: ImageConfig, after: ImageConfig) -> tuple[ConfigChange, ...]:
    """The fields that differ. The order of variables counts: it is the order that programs get them in."""
    old, new = dict(_fields(before.to_document())), dict(_fields(after.to_document()))
    names = sorted(old.keys() | new.keys())
    return tuple(
        ConfigChange(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)
    )


def _fields(document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if name != "config":
            yield name, value
    for name, value in document["config"].items():
        if name in _BY_KEY:
            yield from ((f"config.{name}.{key}", each) for key, each in value.items())
        else:
            yield f"config.{name}", value
