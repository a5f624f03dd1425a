"""What the store holds, for people: by kind, layer by layer, and which steps made it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ..store import Store
from ..store.folders import FOLDERS, cache_mounts, folder_size
from ..store.values import LayerUse
from .reasons import step_name_of

__all__ = ["Item", "Kind", "items", "kinds"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing in the store: how many there are, and bytes on disk."""

    name: str
    count: int
    size: int


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that can be removed. ``kind``: layer, blob or cache. ``id`` is a layer's diff ID, a blob's digest
    or the name of a cache mount. ``used`` is its last use (Unix time), ``seconds`` what it takes to make it again
    (0: not known). ``stage`` and ``title`` tell the step, or the cache's id and place. ``shared``: several results
    need it.
    """

    kind: str
    id: str
    size: int
    used: float
    seconds: float
    stage: str
    title: str
    shared: bool = False


def kinds(store: Store) -> list[Kind]:
    """Counts and sizes of all that the store holds."""
    usage = store.usage()
    caches = cache_mounts(store.root)
    found = [
        Kind("layers", usage.layers, usage.layer_bytes),
        Kind("blobs", usage.blobs, usage.blob_bytes),
        Kind("cache mounts", len(caches), sum(cache.size for cache in caches)),
        *(Kind(name, count, size) for name, count, size in store.table_sizes()),
    ]
    for folder in ("indexes", *FOLDERS):
        place = os.path.join(store.root, folder)
        count = len(os.listdir(place)) if os.path.isdir(place) else 0
        if count:
            found.append(Kind(folder, count, folder_size(place)))
    return found


def items(store: Store) -> list[Item]:
    """Layers, loose blobs and cache mounts, those first that were used last."""
    found = [_layer(store, use) for use in store.layer_uses()]
    found += [Item("blob", digest, size, used, 0.0, "", "") for digest, size, used in store.loose_blobs()]
    found += [
        Item("cache", cache.name, cache.size, cache.used, 0.0, "", f"{cache.id} at {cache.target}")
        for cache in cache_mounts(store.root)
    ]
    return sorted(found, key=lambda item: item.used, reverse=True)


def _layer(store: Store, use: LayerUse) -> Item:
    stage, title = step_name_of(store, use.diff_id)
    return Item("layer", use.diff_id, use.size, use.used, use.seconds, stage, title, use.needed > 1)
