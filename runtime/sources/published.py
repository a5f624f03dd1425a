"""The blobs by which base images list their layers: an export uses them again, bit for bit."""

from __future__ import annotations

import json

from ..oci.descriptor import Descriptor
from ..oci.documents import dump_json
from ..store import Store

__all__ = ["published_blob", "remember_published"]

_RECORD = "published layer"


def remember_published(store: Store, chain_id: str, blob: Descriptor) -> None:
    """Note that a base image lists the top layer of this chain as ``blob``."""
    value = dump_json(blob.to_document())
    if store.record(_RECORD, chain_id) != value:
        store.add_record(_RECORD, chain_id, value)


def published_blob(store: Store, chain_id: str) -> Descriptor | None:
    """The blob by which a base image lists the top layer of this chain, if the store knows and has it.

    By chain, since what stands for a layer in one image must not slip into another one that happens to make
    an equal layer elsewhere.
    """
    value = store.record(_RECORD, chain_id)
    if value is None:
        return None
    blob = Descriptor.from_document(json.loads(value))
    return blob if store.blobs.has(blob.digest) else None
