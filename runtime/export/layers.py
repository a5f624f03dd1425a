"""One layer of the store to one blob: compressed once, then kept.

A base image's layer stays the blob that its manifest lists. Every other layer is compressed by us, so that equal
builds give equal digests whatever else the store holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
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
_Sink = Callable[[bytes], object]


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
        key = " ".join((diff_id, *self._form(latest)))
        return self._packed(key, f"layer {short(diff_id)}", lambda sink: self._write(diff_id, latest, sink))

    def pack_group(self, below: Sequence[str], group: Sequence[str], latest: int | None) -> PackedLayer:
        """The blob of one layer in the place of the layers ``group`` over the stack ``below``."""
        from .squash import group_key, write_group

        key = " ".join((group_key(below, group), *self._form(latest)))
        title = f"{len(group)} layers up to {short(group[-1])} as one"
        return self._packed(key, title, lambda sink: write_group(self.store, below, group, latest, sink))

    def _form(self, latest: int | None) -> tuple[str, ...]:
        return self.kind, *("" if value is None else str(value) for value in (self.level, latest))

    def _packed(self, key: str, title: str, write: Callable[[_Sink], str]) -> PackedLayer:
        """The blob that is known by ``key``, else one of what ``write`` writes, whose diff ID it tells."""
        if (known := self._known(key)) is not None:
            return known
        with self.store.lock(f"pack {key}"):
            if (known := self._known(key)) is not None:
                return known
            task, start = f"pack {key.partition(' ')[0]}", monotonic()
            self.report(TaskStarted(task, f"compress {title}"))
            packed = self._compress(write)
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

    def _compress(self, write: Callable[[_Sink], str]) -> PackedLayer:
        with self.store.blobs.writer() as writer:
            with compressed(cast("IO[bytes]", writer), self.kind, self.level) as target:
                diff_id = write(target.write)
            digest = writer.commit()
            media_type = media_types.layer_media_type(self.kind)
            return PackedLayer(diff_id, Descriptor(media_type, digest, writer.count))

    def _write(self, diff_id: str, latest: int | None, sink: _Sink) -> str:
        """The uncompressed archive of a layer: from its snapshot where we wrote it, else from its blob. Its diff ID
        is another one if no time in it may be later than ``latest``.
        """
        if latest is not None:
            return write_clamped_layer(self.store, diff_id, latest, sink)
        (layer,) = self.store.layers([diff_id])
        if layer.canonical:
            write_layer(self.store, diff_id, sink)
            return diff_id
        if layer.blob is None:
            raise StoreError(f"the archive of layer {diff_id} is lost", help="run 'layerc cache gc --all'")
        kind = media_types.compression_of(layer.blob.media_type)
        with self.store.blobs.open(layer.blob.digest) as file, decompressed(file, kind) as stream:
            while chunk := stream.read(1 << 20):
                sink(chunk)
        return diff_id
