"""What a compilation is handed from outside."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from ..grammar.source import Location
from .config import HistoryItem, ImageConfig
from .graph.plan import Notice

__all__ = ["BaseImage", "CompileOptions", "ImageRequest", "NamedContext", "UnresolvedImagesError"]


class NamedContext(NamedTuple):
    """``--build-context name=value``: ``kind`` is ``local`` (a directory), ``image`` (anything that yields an
    image: docker-image, oci-layout, an archive) or ``git`` or ``http``; ``value`` is as the user wrote it.
    """

    name: str
    kind: str
    value: str


class ImageRequest(NamedTuple):
    """An image that the text names. ``reference`` is in normal form (``docker.io/library/debian:latest``), or
    a stage's name where ``context``, the named context that stands in for it, replaces the whole stage.

    ``where`` is the place that names it first, and ``help`` what to say there if there is no such image; they
    take no part in equality.
    """

    reference: str
    platform: str
    context: NamedContext | None = None
    where: Location | None = None
    help: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ImageRequest) and self[:3] == other[:3]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self[:3])


class BaseImage(NamedTuple):
    """What the compiler must know of an image: its identity, its config, its history (all items)."""

    digest: str
    config: ImageConfig
    history: tuple[HistoryItem, ...] = ()


class CompileOptions(NamedTuple):
    """Everything besides the text that the meaning depends on.

    ``platforms`` and ``build_platform`` are ``os/arch[/variant]``; one image is made for each platform. None
    means one image for the build's platform whose config keeps what the base says (no ``--platform``).
    ``target`` is a stage's name or number; none is the last. ``labels`` are added to the final image.
    ``context_time`` is the Unix time of the build context: that of a git commit, or when a URL's content was
    last modified; a directory has none.
    """

    build_args: Mapping[str, str] = MappingProxyType({})
    target: str | None = None
    platforms: tuple[str, ...] = ("linux/amd64",)
    build_platform: str = "linux/amd64"
    contexts: Mapping[str, NamedContext] = MappingProxyType({})
    labels: tuple[tuple[str, str], ...] = ()
    network: str = "default"
    extra_hosts: tuple[tuple[str, str], ...] = ()
    shm_size: int = 0
    ulimits: tuple[str, ...] = ()
    context_time: int | None = None


class UnresolvedImagesError(Exception):
    """The compilation needs to know these images first: resolve them and compile again.

    Not an error of the user's: it tells the caller what to hand in. ``notices`` are the warnings that were
    found before images mattered.
    """

    def __init__(self, requests: frozenset[ImageRequest], notices: tuple[Notice, ...] = ()) -> None:
        super().__init__(", ".join(sorted(request.reference for request in requests)))
        self.requests = requests
        self.notices = notices
