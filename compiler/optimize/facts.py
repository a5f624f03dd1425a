"""``Facts``: what is known besides the text. The runtime gathers it; passes and the cost model rely on it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from ..effects.paths import Reads, Writes

__all__ = ["NO_FACTS", "Commit", "ContextFile", "Facts", "Observation"]


class Observation(NamedTuple):
    """One step in an earlier build of the same text. None where that was not seen.

    ``reads`` is complete (a void trace is none), and of the tree below the step alone. ``mounted`` is what it read
    of its bind mounts, in their order, as paths in the build context or stage that is mounted. ``writes`` are the
    entries of its layer. ``seconds`` is what the step took, ``size`` the bytes of the files of its layer.
    """

    reads: Reads | None = None
    writes: Writes | None = None
    seconds: float | None = None
    size: int | None = None
    mounted: tuple[Reads, ...] | None = None


class ContextFile(NamedTuple):
    """One entry of a build context, ``.dockerignore`` applied. ``path`` is relative, with slashes; ``kind`` is
    ``file``, ``directory`` or ``symlink``; ``target`` is a link's. ``size`` is in bytes.
    """

    path: str
    kind: str
    size: int = 0
    target: str = ""


class Commit(NamedTuple):
    """Paths that changed together, relative to the build context, ``.dockerignore`` applied; perhaps none.
    ``moved`` are those that came or went. ``time`` is the Unix time of the commit.
    """

    id: str
    time: float
    paths: tuple[str, ...]
    moved: frozenset[str] = frozenset()


class Facts(NamedTuple):
    """``observed`` is by id of the layer in the plan of the text as written. ``contexts`` is by name (``""`` is the
    main one) and holds those whose files are known. ``manifests`` are contents of files of the main context that
    tools install by (``package.json``), by path. ``commits`` come newest first. ``links`` are symbolic links of the
    base images, by id of the base's layer: path → target, both absolute; ``directories`` likewise the directories
    with mode 0755 that root owns, ``others`` all other directories. ``unknown`` says, for people, what could not be
    found out and why.
    """

    observed: Mapping[str, Observation] = MappingProxyType({})
    contexts: Mapping[str, tuple[ContextFile, ...]] = MappingProxyType({})
    manifests: Mapping[str, bytes] = MappingProxyType({})
    commits: tuple[Commit, ...] = ()
    links: Mapping[str, Mapping[str, str]] = MappingProxyType({})
    directories: Mapping[str, frozenset[str]] = MappingProxyType({})
    others: Mapping[str, frozenset[str]] = MappingProxyType({})
    unknown: tuple[str, ...] = ()


NO_FACTS = Facts()
