"""What a build is asked for, and what it gives."""

from __future__ import annotations

from typing import BinaryIO, NamedTuple

from ...compiler.graph.plan import LayerPlan
from ...compiler.options import CompileOptions
from ...grammar.source import SourceFile
from ..oci.descriptor import Descriptor

__all__ = [
    "BuildRequest",
    "BuildResult",
    "BuiltImage",
    "Secret",
    "SshForward",
    "StreamContext",
    "UrlContext",
]


class Secret(NamedTuple):
    """``--secret id=…``: its value comes from file ``source`` or from environment variable ``env``."""

    id: str
    source: str = ""
    env: str = ""


class SshForward(NamedTuple):
    """``--ssh ID[=PATH,…]``: ``paths`` are an agent's socket, or private keys; none: the user's own agent."""

    id: str
    paths: tuple[str, ...] = ()


class StreamContext(NamedTuple):
    """A build context that is a tar archive: ``head``, which was read of it already, and then ``stream``."""

    head: bytes
    stream: BinaryIO


class UrlContext(NamedTuple):
    """A build context at ``url`` (as the user wrote it): a git repository, a tar archive, or a plain file,
    which is the Dockerfile then.
    """

    url: str


class BuildRequest(NamedTuple):
    """All that one build depends on besides the store and the machine.

    One of ``dockerfile`` and ``plan`` is given, or neither: then the Dockerfile is ``dockerfile_name`` in the
    build context (default: Dockerfile), or the file at that URL. ``dockerfile_path`` is the path on disk of
    ``dockerfile``, if it has one (``<path>.dockerignore`` is looked for beside it). A ``context`` that is a
    text is a directory; none is an empty one. ``outputs`` are ``-o`` values as the user wrote them.
    ``no_cache_filter`` names stages, ``fresh_layers`` layers of ``plan`` by their ids. ``tags`` are references.
    ``traced``: whether steps are observed, so that later builds know what they have read. ``cache_from`` and
    ``cache_to`` are values as the user wrote them.
    ``keep_storage`` is how many bytes the store may hold at the end; none: a share of its disk.
    ``max_layers`` is how many layers a written image may have above its base; none: one for each step.
    ``side_by_side``: whether steps may run before what lies below them is there.
    """

    dockerfile: SourceFile | None
    options: CompileOptions
    plan: LayerPlan | None = None
    dockerfile_path: str | None = None
    dockerfile_name: str = ""
    context: str | StreamContext | UrlContext | None = None
    tags: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    no_cache: bool = False
    no_cache_filter: tuple[str, ...] = ()
    fresh_layers: frozenset[str] = frozenset()
    pull: bool = False
    jobs: int = 0
    secrets: tuple[Secret, ...] = ()
    ssh: tuple[SshForward, ...] = ()
    allow: frozenset[str] = frozenset()
    annotations: tuple[str, ...] = ()
    traced: bool = True
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    keep_storage: int | None = None
    max_layers: int | None = None
    side_by_side: bool = False


class BuiltImage(NamedTuple):
    """One image of a build. ``digest`` is the manifest's and empty where no exporter made one;
    ``config_digest`` is what Docker calls the image's id. ``diff_ids`` are its layers, bottom first.
    """

    name: str
    platform: str
    config_digest: str
    digest: str
    diff_ids: tuple[str, ...]


class BuildResult(NamedTuple):
    """``executed`` steps ran, ``cached`` were found; ``outputs`` say, one line each, what was written. ``root``
    is the manifest or index that the first output with one wrote; ``is_index`` whether images are told apart by
    platforms, even if there is but one.
    """

    images: tuple[BuiltImage, ...]
    executed: int
    cached: int
    seconds: float
    outputs: tuple[str, ...] = ()
    root: Descriptor | None = None
    is_index: bool = False
