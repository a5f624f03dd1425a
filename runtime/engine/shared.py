"""What ``--cache-from`` and ``--cache-to`` mean for one build."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, NamedTuple

from ...compiler.graph.layer import ImageLayer
from ...compiler.graph.operations import Base, Run
from ...compiler.graph.plan import LayerPlan
from ..events import Reporter
from ..store import Store
from .request import BuildRequest

if TYPE_CHECKING:
    from .sharing.caches import SharedCaches
    from .sharing.spec import CacheSource, CacheTarget

__all__ = ["Sharing", "read_sharing"]


class Sharing(NamedTuple):
    """The caches that a build reads and writes."""

    sources: tuple[CacheSource, ...] = ()
    targets: tuple[CacheTarget, ...] = ()

    @contextmanager
    def opened(
        self, store: Store, report: Reporter, cancel: Event
    ) -> Iterator[Callable[[], SharedCaches] | None]:
        """What gives the caches to take results from, when one is missing; none where none is named."""
        if not self.sources:
            yield None
            return
        made: list[SharedCaches] = []

        def caches() -> SharedCaches:
            if not made:
                from .sharing.caches import SharedCaches
                from .sharing.local import LocalCache

                made.append(SharedCaches(tuple(map(LocalCache, self.sources)), store, report, cancel))
            return made[0]

        try:
            yield caches
        finally:
            for opened in made:
                opened.close()

    def write(
        self,
        plan: LayerPlan,
        keys: Mapping[str, str],
        store: Store,
        report: Reporter,
        others: Callable[[], SharedCaches] | None,
    ) -> list[str]:
        """Write the results of a build, whose layers' definition keys are ``keys``; a line for each target.

        Raises :class:`InputError` where a directory can not be written.
        """
        if not self.targets:
            return []
        from .cache_mounts import identity_of
        from .sharing.write import Wanted, write_caches

        layers = {layer.id: layer for layer in plan.layers if not isinstance(layer.operation, Base)}
        own = _own(plan, layers)
        wanted = []
        for target in self.targets:
            chosen = layers if target.whole else own
            runs = (layer.operation for layer in chosen.values() if isinstance(layer.operation, Run))
            items = (item for run in runs for item in run.mounts if item.kind == "cache")
            mounts = set(filter(None, map(identity_of, items))) if target.mounts else set()
            wanted.append(Wanted(target, [keys[name] for name in chosen], mounts))
        return write_caches(wanted, store, report, None if others is None else others())


def read_sharing(request: BuildRequest) -> Sharing:
    """Read the options. Raises :class:`UsageError`."""
    if not request.cache_from and not request.cache_to:
        return Sharing()
    from .sharing.spec import parse_source, parse_target

    return Sharing(tuple(map(parse_source, request.cache_from)), tuple(map(parse_target, request.cache_to)))


def _own(plan: LayerPlan, layers: Mapping[str, ImageLayer]) -> Mapping[str, ImageLayer]:
    """The layers that the images of a plan consist of."""
    own: dict[str, ImageLayer] = {}
    for image in plan.images:
        layer = layers.get(image.layer or "")
        while layer is not None:
            own[layer.id] = layer
            layer = layers.get(layer.parent or "")
    return own
