"""Is an OCI layout sound? Every digest is recomputed, every document checked, every layer compared."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from typing import IO

from ..errors import InputError, IntegrityError, SourceError
from . import media_types
from .compression import decompressed
from .descriptor import Descriptor
from .digests import Verifier
from .documents import MAX_CONFIG, Index, Manifest
from .image import ImageManifest
from .layout import Layout

__all__ = ["validate_layout"]


def validate_layout(path: str) -> tuple[str, ...]:
    """What is wrong with the layout in ``path``, one sentence each; empty where all is well.

    Follows the index down to the layers: sizes and digests of all blobs, the documents' form, the number of
    layers and of diff IDs, each diff ID against the decompressed layer, and the history's count. A missing
    part is one finding; the rest is still looked at.
    """
    findings: list[str] = []
    try:
        layout = Layout.open(path)
        entries = layout.index().manifests
    except InputError as error:
        return (error.message,)
    seen: set[str] = set()
    for entry in entries:
        findings += _walk(layout, entry, seen)
    findings += _stray_blobs(path)
    return tuple(findings)


def _walk(layout: Layout, descriptor: Descriptor, seen: set[str]) -> Iterator[str]:
    if descriptor.digest in seen:
        return
    seen.add(descriptor.digest)
    try:
        document = layout.document(descriptor)
    except InputError as error:
        yield error.message
        return
    if isinstance(document, Index):
        for entry in document.manifests:
            yield from _walk(layout, entry, seen)
    else:
        yield from _image(layout, descriptor, document, seen)


def _image(layout: Layout, descriptor: Descriptor, manifest: Manifest, seen: set[str]) -> Iterator[str]:
    what = f"image {descriptor.digest}"
    diff_ids: tuple[str, ...] = ()
    if manifest.config.media_type in media_types.CONFIGS:
        try:
            image = ImageManifest.read(manifest, layout.read(manifest.config, MAX_CONFIG), what)
        except InputError as error:
            yield error.message
        else:
            diff_ids = image.diff_ids
            told = sum(not item.empty_layer for item in image.history)
            if image.history and told != len(diff_ids):
                yield f"the history of {what} tells of {told} layers, there are {len(diff_ids)}"
            if descriptor.platform and descriptor.platform.normalized() != image.platform:
                yield f"{what} is listed for {descriptor.platform}, but its config says {image.platform}"
    for number, layer in enumerate(manifest.layers):
        if layer.digest not in seen:
            seen.add(layer.digest)
            yield from _layer(layout, layer, diff_ids[number] if number < len(diff_ids) else None)


def _layer(layout: Layout, layer: Descriptor, diff_id: str | None) -> Iterator[str]:
    try:
        _recompute(lambda: layout.open_blob(layer), layer, diff_id)
    except InputError as error:
        yield error.message


def _recompute(opened: Callable[[], IO[bytes]], layer: Descriptor, diff_id: str | None) -> None:
    what = f"layer {layer.digest}"
    with opened() as file:
        verifier = Verifier(layer.digest, layer.size, what)
        while chunk := file.read(1 << 20):
            verifier.update(chunk)
        verifier.finish()
    if diff_id is None:
        return
    if not media_types.is_layer(layer.media_type):
        raise SourceError(f"{what} has media type {layer.media_type[:100]!r}, which is no layer's")
    uncompressed = hashlib.sha256()
    with opened() as file, decompressed(file, media_types.compression_of(layer.media_type)) as stream:
        while chunk := stream.read(1 << 20):
            uncompressed.update(chunk)
    if f"sha256:{uncompressed.hexdigest()}" != diff_id:
        raise IntegrityError(f"{what} unpacks to sha256:{uncompressed.hexdigest()}, not to diff ID {diff_id}")


def _stray_blobs(path: str) -> Iterator[str]:
    """Names below blobs/ that are none: rests of writers that were interrupted."""
    directory = os.path.join(path, "blobs", "sha256")
    for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else ():
        if len(name) != 64 or set(name) - set("0123456789abcdef"):
            yield f"{directory} holds {name!r}, which is not the name of a blob"
