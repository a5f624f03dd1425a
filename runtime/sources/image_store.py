"""Images that earlier builds left in the store under their tags: ``FROM`` finds them, as in Docker."""

from __future__ import annotations

from threading import Event
from typing import NamedTuple

from ...compiler.options import ImageRequest
from ..errors import SourceError
from ..events import Reporter
from ..oci.image import ImageManifest
from ..store import Store
from .image import ResolvedImage, base_of

__all__ = ["keep_image", "resolve_kept"]

_KIND = "image"


class _KeptLayers(NamedTuple):
    """Layers that the store has, unless they were collected meanwhile."""

    diff_ids: tuple[str, ...]

    def bring(self, store: Store, report: Reporter, name: str, cancel: Event) -> tuple[str, ...]:  # noqa: ARG002
        """Only see that they are there."""
        if any(store.layer(diff_id) is None for diff_id in self.diff_ids):
            raise SourceError(
                f"layers of {name} are gone from the store",
                help="build it again, or --pull it from its registry",
            )
        return self.diff_ids


def keep_image(store: Store, tag: str, platform: str, image: ImageManifest) -> None:
    """Note ``image``, whose layers the store has, under ``tag`` (a full reference)."""
    key = f"{tag} {platform}"
    if store.record(_KIND, key) != image.config_bytes:
        store.add_record(_KIND, key, image.config_bytes)


def resolve_kept(request: ImageRequest, store: Store) -> ResolvedImage | None:
    """The image that a build in this store was tagged with, if all of it is still there."""
    config = store.record(_KIND, f"{request.reference} {request.platform}")
    if config is None:
        return None
    image = ImageManifest(config)
    if any(store.layer(diff_id) is None for diff_id in image.diff_ids):
        return None
    digest = image.config_descriptor.digest
    return ResolvedImage(request, base_of(image, digest), _KeptLayers(image.diff_ids), "the store")
