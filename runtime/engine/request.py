"""What a build is asked for, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...compiler.graph.plan import LayerPlan
from ...compiler.options import CompileOptions
from ...grammar.source import SourceFile

__all__ = ["BuildRequest", "BuildResult", "BuiltImage", "Secret", "SshForward"]


@dataclass(frozen=True, slots=True)
class Secret:
    """``--secret id=…``: its value comes from file ``source`` or from environment variable ``env``."""

    id: str
    source: str = ""
    env: str = ""


@dataclass(frozen=True, slots=True)
class SshForward:
    """``--ssh ID[=PATH,…]``: ``paths`` are an agent's socket, or private keys; none: the user's own agent."""

    id: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """All that one build depends on besides the store and the machine.

    Exactly one of ``dockerfile`` and ``plan`` is given. ``dockerfile_path`` is the file's path on disk, if it
    has one (``<path>.dockerignore`` is looked for beside it). ``context`` is a directory, or none for an
    empty one. ``outputs`` are ``-o`` values as the user wrote them. ``no_cache_filter`` names stages.
    ``tags`` are references.
    """

    dockerfile: SourceFile | None
    options: CompileOptions
    plan: LayerPlan | None = None
    dockerfile_path: str | None = None
    context: str | None = None
    tags: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    no_cache: bool = False
    no_cache_filter: tuple[str, ...] = ()
    pull: bool = False
    jobs: int = 0
    secrets: tuple[Secret, ...] = ()
    ssh: tuple[SshForward, ...] = ()
    allow: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """One image of a build. ``digest`` is the manifest's and empty where no exporter made one;
    ``config_digest`` is what Docker calls the image's id. ``diff_ids`` are its layers, bottom first.
    """

    name: str
    platform: str
    config_digest: str
    digest: str
    diff_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BuildResult:
    """``executed`` steps ran, ``cached`` were found; ``outputs`` say, one line each, what was written."""

    images: tuple[BuiltImage, ...]
    executed: int
    cached: int
    seconds: float
    outputs: tuple[str, ...] = field(default=())
