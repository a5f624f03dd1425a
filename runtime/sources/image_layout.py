"""Base images from OCI layouts: ``oci-layout://DIR[:TAG|@DIGEST]``."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

from ...compiler.options import ImageRequest
from ..errors import SourceError
from ..oci.descriptor import Descriptor
from ..oci.digests import is_digest
from ..oci.documents import MAX_CONFIG, Manifest
from ..oci.image import ImageManifest
from ..oci.layout import Layout
from ..oci.platforms import parse_platform
from ..store import Store
from .image import ResolvedImage, base_of, choose, image_layers, verified_copy

__all__ = ["resolve_layout", "split_version"]


class _LayoutProvider(NamedTuple):
    layout: Layout

    def fetch(self, store: Store, descriptor: Descriptor, advance: Callable[[int], None]) -> None:
        """Copy the blob out of the layout."""
        if not store.blobs.has(descriptor.digest):
            with self.layout.open_blob(descriptor) as file:
                verified_copy(store, descriptor, file.read, advance, f"the OCI layout {self.layout.path}")


def split_version(value: str) -> tuple[str, str, str]:
    """``path[:tag][@digest]`` → path, tag, digest. A colon before a slash is part of the path.

    >>> split_version("/a:b/layout:v1")
    ('/a:b/layout', 'v1', '')
    """
    path, _, digest = value.partition("@sha256:")
    head, colon, tag = path.rpartition(":")
    if colon and "/" not in tag:
        path = head
    else:
        tag = ""
    return path, tag, digest and f"sha256:{digest}"


def resolve_layout(request: ImageRequest, value: str) -> ResolvedImage:
    """Resolve ``DIR[:TAG][@DIGEST]``: reads the index, the manifest and the config.

    Raises :class:`SourceError`, :class:`IntegrityError`.
    """
    path, tag, digest = split_version(value)
    if digest and not is_digest(digest):
        raise SourceError(f"oci-layout://{value}: {digest!r} is not a digest")
    layout = Layout.open(os.path.abspath(path))
    found = layout.find(tag, digest)
    what = f"{found.annotation('org.opencontainers.image.ref.name') or found.digest} in {path}"
    platform = parse_platform(request.platform)
    manifest, chosen = choose(layout.document(found), platform, layout.document, what)
    image = read_image(layout, manifest, what)
    named = chosen or found
    return ResolvedImage(
        request,
        base_of(image, named.digest),
        image_layers(image, _LayoutProvider(layout), what),
        f"OCI layout {path}",
        found.digest if chosen else "",
    )


def read_image(layout: Layout, manifest: Manifest, what: str) -> ImageManifest:
    """The image of a manifest, its config read from ``layout``."""
    return ImageManifest.read(manifest, layout.read(manifest.config, MAX_CONFIG), what)
