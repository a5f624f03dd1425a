"""The two sides of a comparison: what is to be built is built, what is an image is brought in."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event
from typing import NamedTuple

from ....compiler.config import HistoryItem, ImageConfig
from ....compiler.graph.layer import ImageLayer
from ....compiler.graph.plan import ImagePlan, LayerPlan
from ....compiler.options import ImageRequest
from ....grammar.errors import LayercError
from ...errors import InputError, SourceError
from ...events import Event as BuildEvent
from ...events import Reporter, StepCached, StepFinished
from ...sources.image import ResolvedImage, bare_base
from ...sources.image_store import resolve_kept
from ...sources.images import materialise, resolve
from ...store import Store
from ..build import build, compile_only
from ..request import BuildRequest
from .verdict import Made, Step

__all__ = ["Noted", "Side", "Tree", "make", "step_of"]


class Side(NamedTuple):
    """A or B, as people call it, and what to build or the image to bring in (without a context: one that an
    earlier build left in the store under that name).
    """

    name: str
    what: BuildRequest | ImageRequest


class Tree(NamedTuple):
    """A side that is there. ``wrote`` is what made each layer, bottom first. ``plan`` and ``request`` are those of
    a side that was built. A ``bare`` one is a tree of files without a config.
    """

    made: Made
    config: ImageConfig
    wrote: tuple[Step, ...]
    layers: tuple[ImageLayer | None, ...]
    bare: bool = False
    plan: LayerPlan | None = None
    request: BuildRequest | None = None


class Noted:
    """Hands events of a build on and notes which diff IDs each layer of its plan came to."""

    def __init__(self, reporter: Reporter) -> None:
        self._report = reporter
        self.layers: dict[str, tuple[str, ...]] = {}

    def __call__(self, event: BuildEvent) -> None:
        """Take note of ``event``."""
        if isinstance(event, StepCached | StepFinished):
            self.layers[event.layer] = event.layers
        self._report(event)


def make(
    side: Side, store: Store, reporter: Reporter, cancel: Event, unlike: LayerPlan | None = None
) -> Tree:
    """Build or bring in one side. What goes wrong is raised as it is, with the side's name before it.

    With ``unlike``, all steps run that this plan has not, whatever the cache knows of them.
    """
    try:
        if isinstance(side.what, BuildRequest):
            return _build(side.name, side.what, store, reporter, cancel, unlike)
        return _bring(side.name, side.what, store, reporter, cancel)
    except LayercError as error:
        error.message = f"{side.name}: {error.message}"
        error.args = (error.message,)
        raise


# --- what is built -----------------------------------------------------------------------------------


def _build(
    name: str,
    request: BuildRequest,
    store: Store,
    reporter: Reporter,
    cancel: Event,
    unlike: LayerPlan | None,
) -> Tree:
    plan = compile_only(request, store, reporter)
    image = _only(plan)
    noted = Noted(reporter)
    # Outputs belong to builds; nothing is written or tagged by looking.
    request = request._replace(plan=plan, tags=(), outputs=(), annotations=(), cache_to=())
    result = build(request._replace(fresh_layers=_unlike(plan, unlike)), store, noted, cancel)
    made = Made(name, image.platform, result.images[0].diff_ids, result.executed, result.cached)
    layers = _chain(plan, image, noted)
    return Tree(made, image.config, tuple(map(step_of, layers)), layers, plan=plan, request=request)


def _unlike(plan: LayerPlan, other: LayerPlan | None) -> frozenset[str]:
    """The layers that ``other`` has not."""
    if other is None:
        return frozenset()
    return frozenset(layer.id for layer in plan.layers) - {layer.id for layer in other.layers}


def _only(plan: LayerPlan) -> ImagePlan:
    if len(plan.images) != 1:
        platforms = ", ".join(image.platform for image in plan.images)
        raise InputError(
            f"these are {len(plan.images)} images ({platforms}); one is compared with one",
            help="name one with --platform, or compile one",
        )
    return plan.images[0]


def _chain(plan: LayerPlan, image: ImagePlan, noted: Noted) -> tuple[ImageLayer, ...]:
    """The layer of the plan that gave each diff ID of the image, bottom first."""
    layers = {layer.id: layer for layer in plan.layers}
    chain: list[ImageLayer] = []
    current = image.layer
    while current is not None:
        chain += [layers[current]] * len(noted.layers[current])
        current = layers[current].parent
    return tuple(reversed(chain))


def step_of(layer: ImageLayer) -> Step:
    """How a step is called."""
    place = layer.provenance
    return Step(place.title, place.file, place.line, place.stage)


# --- what is an image already ------------------------------------------------------------------------


def _bring(name: str, request: ImageRequest, store: Store, reporter: Reporter, cancel: Event) -> Tree:
    resolved = resolve_kept(request, store) if request.context is None else resolve(request, store, reporter)
    if resolved is None:
        raise SourceError(
            "there is no such file or directory, and the store has no image "
            f"{request.reference} for {request.platform}",
            help=f"docker-image://{request.reference} is that of a registry, docker://… that of a Docker engine",
        )
    stack = materialise(resolved, store, reporter, cancel)
    config, history = resolved.base.config, resolved.base.history
    platform = "/".join(part for part in (config.os, config.architecture, config.variant) if part)
    wrote = _written_by(history, stack)
    made = Made(name, platform, stack)
    return Tree(made, config, wrote, (None,) * len(stack), bare=_is_bare(resolved, request))


def _is_bare(resolved: ResolvedImage, request: ImageRequest) -> bool:
    return resolved.base.history == bare_base(request, "").history


def _written_by(history: Sequence[HistoryItem], stack: Sequence[str]) -> tuple[Step, ...]:
    titles = [item.created_by for item in history if not item.empty_layer]
    if len(titles) != len(stack):
        titles = [""] * len(stack)
    numbered = (title or f"layer {number} of the image" for number, title in enumerate(titles, 1))
    return tuple(Step(" ".join(title.split())) for title in numbered)
