"""``Facts``: what is known besides the text. The runtime gathers it; passes and the cost model rely on it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from ..effects.paths import Reads, Writes

__all__ = ["NO_FACTS", "Commit", "ContextFile", "Facts", "Observation"]


class Observation(NamedTuple):
    """One step in an earlier build of the same text. None where that was not seen.

    ``reads`` is complete (a void trace is none); ``listing`` the directories whose own names were read stand in it.
    ``seconds`` is what the step took, ``size`` the bytes of the files of its layer.
    """

    reads: Reads | None = None
    writes: Writes | None = None
    seconds: float | None = None
    size: int | None = None


class ContextFile(NamedTuple):
    """One entry of a build context, ``.dockerignore`` applied. ``path`` is relative, with slashes; ``kind`` is
    ``file``, ``directory`` or ``symlink``; ``target`` is a link's. ``size`` is in bytes.
    """

    path: str
    kind: str
    size: int = 0
    target: str = ""


class Commit(NamedTuple):
    """Paths that changed together, relative to the build context. ``time`` is the Unix time of the commit."""

    id: str
    time: float
    paths: tuple[str, ...]


class Facts(NamedTuple):
    """``observed`` is by id of the layer in the plan of the text as written. ``contexts`` is by name (``""`` is the
    main one) and holds those whose files are known. ``manifests`` are contents of files of the main context that
    tools install by (``package.json``), by path. ``commits`` come newest first. ``links`` are symbolic links of the
    base images, by id of the base's layer: path → target, both absolute; ``directories`` likewise the directories
    with mode 0755 that root owns.
    """

    observed: Mapping[str, Observation] = MappingProxyType({})
    contexts: Mapping[str, tuple[ContextFile, ...]] = MappingProxyType({})
    manifests: Mapping[str, bytes] = MappingProxyType({})
    commits: tuple[Commit, ...] = ()
    links: Mapping[str, Mapping[str, str]] = MappingProxyType({})
    directories: Mapping[str, frozenset[str]] = MappingProxyType({})


NO_FACTS = Facts()
