"""From layers of the store to blobs: compressed once, then kept.

A base image's layers stay the blobs that its manifest lists. Every other layer is compressed by us, so that
equal builds give equal digests whatever else the store holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from time import monotonic
from typing import IO, cast

from ..errors import StoreError, UsageError
from ..events import Reporter, TaskFinished, TaskStarted
from ..oci import media_types
from ..oci.compression import KINDS, check_level, compressed, decompressed
from ..oci.descriptor import Descriptor
from ..oci.digests import of_bytes, short
from ..oci.documents import Index, dump_json
from ..oci.image import ImageManifest, chain_ids
from ..oci.layout import CONTAINERD_NAME, REF_NAME
from ..oci.platforms import Platform
from ..snapshot.export import write_layer
from ..sources.published import published_blob
from ..store import Store
from .annotations import Annotation, read_annotations
from .output import Output

__all__ = ["OPTIONS", "PREFIXES", "Packed", "Packing", "entry_names"]

# The options that all exporters of images share.
OPTIONS = ("name", "compression", "compression-level", "force-compression", "oci-mediatypes", "tar")
PREFIXES = ("annotation.", "annotation[", "annotation-")

_RECORD = "packed layer"
_PARALLEL = 4


@dataclass(frozen=True, slots=True)
class Packed:
    """An image with blobs for all that it is made of. ``root`` is what names it: the manifest, or the index
    of several platforms. ``documents`` are by digest; the layers' blobs are in the store.
    """

    root: Descriptor
    images: tuple[ImageManifest, ...]
    documents: Mapping[str, bytes]
    created: str = ""

    @property
    def layers(self) -> tuple[Descriptor, ...]:
        """All layers, each once."""
        return tuple(dict.fromkeys(layer for image in self.images for layer in image.layers))

    @property
    def manifests(self) -> tuple[str, ...]:
        """Digests of the single images."""
        return tuple(image.descriptor().digest for image in self.images)

    @property
    def size(self) -> int:
        """Bytes of all blobs."""
        return sum(map(len, self.documents.values())) + sum(layer.size for layer in self.layers)


@dataclass(frozen=True, slots=True)
class Packing:
    """How an image becomes blobs. With ``index`` there is an index even of one platform."""

    kind: str = "gzip"
    level: int | None = None
    force: bool = False
    oci: bool = True
    index: bool = False
    annotations: tuple[Annotation, ...] = ()

    @classmethod
    def read(cls, output: Output, *, oci: bool = True) -> Packing:
        """From an output's options. Raises :class:`UsageError`."""
        kind = output.options.get("compression") or "gzip"
        if kind not in KINDS:
            raise UsageError(f"unknown compression {kind!r}", help=f"there are: {', '.join(KINDS)}")
        text = output.options.get("compression-level", "")
        level = int(text) if text.isascii() and text.isdigit() else None
        if text and level is None:
            raise UsageError(f"output option compression-level={text} is not a number")
        try:
            check_level(kind, level)
        except ValueError as error:
            raise UsageError(f"output option compression-level: {error}") from None
        force = output.flag("force-compression", False)
        annotations = read_annotations(output)
        oci = output.flag("oci-mediatypes", oci or bool(annotations))
        if annotations and not oci:
            raise UsageError(
                "annotations need the OCI's media types, and oci-mediatypes is false", help="leave that out"
            )
        return cls(kind, level, force, oci, output.index, annotations)

    def pack(self, images: Sequence[ImageManifest], store: Store, report: Reporter) -> Packed:
        """Compress what is not compressed yet, and write the documents. Raises :class:`UsageError` for an
        annotation of a platform that is not there.
        """
        self._check_platforms(images)
        packed = tuple(self._image(image, store, report) for image in images)
        documents = {image.descriptor().digest: image.to_bytes() for image in packed}
        documents |= {image.config_descriptor.digest: image.config_bytes for image in packed}
        entries = tuple(self._entry(image) for image in packed)
        created = max((str(image.document.get("created") or "") for image in packed), default="")
        if len(packed) == 1 and not self.index:
            return Packed(entries[0], packed, documents, created)
        media_type = media_types.OCI_INDEX if self.oci else media_types.DOCKER_INDEX
        data = Index(entries, media_type, self._annotated("index", None)).to_bytes()
        root = Descriptor(media_type, of_bytes(data), len(data), self._annotated("index-descriptor", None))
        return Packed(root, packed, {root.digest: data, **documents}, created)

    def _image(self, image: ImageManifest, store: Store, report: Reporter) -> ImageManifest:
        stack = list(zip(image.diff_ids, chain_ids(image.diff_ids), strict=True))
        with ThreadPoolExecutor(_PARALLEL, "pack") as pool:
            layers = list(pool.map(lambda names: self._layer(names[0], names[1], store, report), stack))
        image = image.with_layers(layers)
        if self.oci:
            return replace(image, annotations=self._annotated("manifest", image.platform))
        return replace(
            image,
            layers=tuple(media_types.as_docker(layer) for layer in image.layers),
            media_type=media_types.DOCKER_MANIFEST,
            config_media_type=media_types.DOCKER_CONFIG,
        )

    def _entry(self, image: ImageManifest) -> Descriptor:
        return image.descriptor().with_(annotations=self._annotated("manifest-descriptor", image.platform))

    def _layer(self, diff_id: str, chain_id: str, store: Store, report: Reporter) -> Descriptor:
        base = published_blob(store, chain_id)
        if base is not None:
            is_wanted = media_types.compression_of(base.media_type) == self.kind
            if is_wanted or not self.force:
                return base
        key = f"{diff_id} {self.kind} {'' if self.level is None else self.level}"
        if (known := _packed(store, key)) is not None:
            return known
        with store.lock(f"pack {key}"):
            if (known := _packed(store, key)) is not None:
                return known
            task, start = f"pack {diff_id}", monotonic()
            report(TaskStarted(task, f"compress layer {short(diff_id)}"))
            blob = self._compress(diff_id, store)
            store.add_record(_RECORD, key, dump_json(blob.to_document()))
            report(TaskFinished(task, monotonic() - start, blob.digest))
            return blob

    def _compress(self, diff_id: str, store: Store) -> Descriptor:
        with store.blobs.writer() as writer:
            with compressed(cast("IO[bytes]", writer), self.kind, self.level) as target:
                _write(store, diff_id, target.write)
            digest = writer.commit()
            return Descriptor(media_types.layer_media_type(self.kind), digest, writer.count)

    def _annotated(self, level: str, platform: Platform | None) -> tuple[tuple[str, str], ...]:
        found = {
            item.key: item.value
            for item in self.annotations
            if item.level == level and (item.of_index or item.platform in (None, platform))
        }
        return tuple(sorted(found.items()))

    def _check_platforms(self, images: Sequence[ImageManifest]) -> None:
        there = {image.platform for image in images}
        missing = {item.platform for item in self.annotations if item.platform and not item.of_index} - there
        # One image may be one of several builds, each for a platform, with the same annotations.
        if missing and len(images) > 1:
            shown = ", ".join(sorted(map(str, missing)))
            raise UsageError(f"annotations are for {shown}, which is not built", help="see --platform")


def entry_names(names: Sequence[str], created: str) -> list[dict[str, str]]:
    """Annotations of the entries of a layout's index, one for each name, as containerd writes them."""
    common = {"org.opencontainers.image.created": created} if created else {}
    return [
        {CONTAINERD_NAME: name, REF_NAME: name.rpartition("/")[2].partition(":")[2], **common}
        for name in names
    ] or [common]


def _write(store: Store, diff_id: str, sink: Callable[[bytes], object]) -> None:
    """The uncompressed archive of a layer: from its snapshot where we wrote it, else from its blob."""
    (layer,) = store.layers([diff_id])
    if layer.canonical:
        write_layer(store, diff_id, sink)
        return
    if layer.blob is None:
        raise StoreError(f"the archive of layer {diff_id} is lost", help="run 'layerc cache gc --all'")
    kind = media_types.compression_of(layer.blob.media_type)
    with store.blobs.open(layer.blob.digest) as file, decompressed(file, kind) as stream:
        while chunk := stream.read(1 << 20):
            sink(chunk)


def _packed(store: Store, key: str) -> Descriptor | None:
    """A blob that was made before and is still there."""
    value = store.record(_RECORD, key)
    if value is None:
        return None
    blob = Descriptor.from_document(json.loads(value))
    return blob if store.blobs.has(blob.digest) else None
