"""One layer of the store to one blob: compressed once, then kept.

A base image's layer stays the blob that its manifest lists. Every other layer is compressed by us, so that equal
builds give equal digests whatever else the store holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import IO, cast

from ..errors import StoreError
from ..events import Reporter, TaskFinished, TaskStarted
from ..oci import media_types
from ..oci.compression import compressed, decompressed
from ..oci.descriptor import Descriptor
from ..oci.digests import short
from ..oci.documents import dump_json
from ..snapshot.export import write_clamped_layer, write_layer
from ..sources.published import published_blob
from ..store import Store

__all__ = ["LayerPacker", "PackedLayer"]

_RECORD = "packed layer 2"


@dataclass(frozen=True, slots=True)
class PackedLayer:
    """A blob, and the diff ID of what is in it."""

    diff_id: str
    blob: Descriptor


@dataclass(frozen=True, slots=True)
class LayerPacker:
    """Compresses layers of ``store`` by ``kind`` and ``level`` (none: the kind's own). With ``force``, layers of
    base images too, if they are compressed otherwise.
    """

    kind: str
    level: int | None
    force: bool
    store: Store
    report: Reporter

    def pack(self, diff_id: str, chain_id: str, latest: int | None) -> PackedLayer:
        """The blob of a layer, in which no file is younger than ``latest`` (Unix time), if that is given: then
        it is another layer, and what the store has stays as it is, since other builds share it.
        """
        if latest is None and (base := published_blob(self.store, chain_id)) is not None:
            is_wanted = media_types.compression_of(base.media_type) == self.kind
            if is_wanted or not self.force:
                return PackedLayer(diff_id, base)
        key = " ".join(
            (diff_id, self.kind, *("" if value is None else str(value) for value in (self.level, latest)))
        )
        if (known := self._known(key)) is not None:
            return known
        with self.store.lock(f"pack {key}"):
            if (known := self._known(key)) is not None:
                return known
            task, start = f"pack {diff_id}", monotonic()
            self.report(TaskStarted(task, f"compress layer {short(diff_id)}"))
            packed = self._compress(diff_id, latest)
            value = {"diff_id": packed.diff_id, "blob": packed.blob.to_document()}
            self.store.add_record(_RECORD, key, dump_json(value))
            self.report(TaskFinished(task, monotonic() - start, packed.blob.digest))
            return packed

    def _known(self, key: str) -> PackedLayer | None:
        """A blob that was made before and is still there."""
        value = self.store.record(_RECORD, key)
        if value is None:
            return None
        document = json.loads(value)
        blob = Descriptor.from_document(document["blob"])
        return PackedLayer(document["diff_id"], blob) if self.store.blobs.has(blob.digest) else None

    def _compress(self, diff_id: str, latest: int | None) -> PackedLayer:
        with self.store.blobs.writer() as writer:
            with compressed(cast("IO[bytes]", writer), self.kind, self.level) as target:
                if latest is None:
                    self._write(diff_id, target.write)
                else:
                    diff_id = write_clamped_layer(self.store, diff_id, latest, target.write)
            digest = writer.commit()
            media_type = media_types.layer_media_type(self.kind)
            return PackedLayer(diff_id, Descriptor(media_type, digest, writer.count))

    def _write(self, diff_id: str, sink: Callable[[bytes], object]) -> None:
        """The uncompressed archive of a layer: from its snapshot where we wrote it, else from its blob."""
        (layer,) = self.store.layers([diff_id])
        if layer.canonical:
            write_layer(self.store, diff_id, sink)
            return
        if layer.blob is None:
            raise StoreError(f"the archive of layer {diff_id} is lost", help="run 'layerc cache gc --all'")
        kind = media_types.compression_of(layer.blob.media_type)
        with self.store.blobs.open(layer.blob.digest) as file, decompressed(file, kind) as stream:
            while chunk := stream.read(1 << 20):
                sink(chunk)
