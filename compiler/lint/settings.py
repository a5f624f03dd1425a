"""What users decide: values for rules, and which rules run, how severe."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from .rule import Severity

__all__ = ["Choice", "Settings"]


class Settings(NamedTuple):
    """What rules read. ``trusted_registries`` may begin or end with ``*`` and is empty where all are trusted.
    ``label_schema`` is label → type (``text``, ``url``, ``semver``, ``hash``, ``rfc3339``, ``spdx``, ``email``).
    """

    trusted_registries: tuple[str, ...] = ()
    label_schema: Mapping[str, str] = MappingProxyType({})
    strict_labels: bool = False


class Choice(NamedTuple):
    """Which rules run. Words are ids, names, equivalents, prefixes of ids (``LC1``), categories, or ``all``.

    ``select`` replaces the default set where it is not empty, ``extend`` adds to it, ``ignore`` takes away, and
    the more exact word wins. ``severity`` is by word. ``pragmas`` says whether comments in the file count.
    """

    select: tuple[str, ...] = ()
    extend: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, Severity] = MappingProxyType({})
    pragmas: bool = True
