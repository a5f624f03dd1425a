"""The optimiser at work on a request: it is handed the text, the images that the text names, and the facts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, Protocol

from ...compiler.config import ImageConfig
from ...compiler.graph.plan import LayerPlan
from ...compiler.optimize.facts import Facts
from ...compiler.optimize.manager import Observer, Result, optimize
from ...compiler.options import BaseImage, ImageRequest, UnresolvedImagesError
from ...grammar.parse import parse
from ..sources.ignore import excluded_paths
from ..store import Store
from .compile import compile_request, ignored_files
from .evidence import MOST_COMMITS, gather
from .images import Images
from .request import BuildRequest

__all__ = ["Known", "Resolver", "UnknownImages", "known", "rewritten"]


class Resolver(Protocol):
    """What finds images, as :class:`Images` does."""

    def resolve(self, requests: Iterable[ImageRequest]) -> Mapping[ImageRequest, BaseImage]:
        """The images, by request. Raises :class:`SourceError`."""


class UnknownImages:
    """Stands in for images that are not looked at: of each, nothing is known but its platform. ``names`` are those
    that were asked for.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()

    def resolve(self, requests: Iterable[ImageRequest]) -> Mapping[ImageRequest, BaseImage]:
        """An empty image for each request."""
        requests = tuple(requests)
        self.names.update(request.reference for request in requests)
        return {request: _unknown(request) for request in requests}


def _unknown(request: ImageRequest) -> BaseImage:
    system, architecture, *variant = request.platform.split("/")
    return BaseImage("", ImageConfig(architecture=architecture, os=system, variant="".join(variant)))


class Known(NamedTuple):
    """A plan, and what is known of it."""

    plan: LayerPlan
    facts: Facts


def known(request: BuildRequest, store: Store, images: Images, *, commits: int = MOST_COMMITS) -> Known:
    """Compile ``request``, whose Dockerfile was read, and gather what is known. Raises as compiling does."""
    plan = compile_request(request, store, images)
    return Known(plan, gather(request, plan, store, commits=commits))


def rewritten(
    request: BuildRequest,
    images: Resolver,
    facts: Facts,
    level: int = 1,
    *,
    only: Collection[str] = (),
    skip: Collection[str] = (),
    observer: Observer | None = None,
) -> Result:
    """What the optimiser makes of the Dockerfile of ``request``. Raises as compiling does."""
    assert request.dockerfile is not None
    document = parse(request.dockerfile)
    ignored = excluded_paths(ignored_files(request))
    asked: dict[ImageRequest, None] = {}
    while True:
        try:
            return optimize(
                document,
                request.options,
                images.resolve(asked),
                facts,
                level,
                only=only,
                skip=skip,
                ignored=ignored,
                observer=observer,
            )
        except UnresolvedImagesError as need:
            asked |= dict.fromkeys(sorted(need.requests, key=lambda item: (item.reference, item.platform)))
