"""Looks whether what the store holds is what it should be: every digest is computed again."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...grammar.errors import LayercError
from ..oci import media_types
from ..oci.compression import decompressed
from ..oci.digests import parse_digest
from ..snapshot.entry import Entry
from ..snapshot.export import write_layer
from ..snapshot.index import LayerIndex, check_index
from ..store import Store, StoredLayer

__all__ = ["Damage", "audit", "repair"]

_CHUNK = 1 << 20
_KINDS = {
    "file": stat.S_ISREG,
    "directory": stat.S_ISDIR,
    "symlink": stat.S_ISLNK,
    "fifo": stat.S_ISFIFO,
    "character": stat.S_ISCHR,
    "block": stat.S_ISBLK,
}


@dataclass(frozen=True, slots=True)
class Damage:
    """A layer (by diff ID) or blob (by digest) that is not what it should be."""

    kind: str
    id: str
    problem: str


def audit(store: Store, told: Callable[[str], None] = lambda _: None) -> Iterator[Damage]:
    """All layers and blobs that are damaged. ``told`` is called with the id of each before it is looked at."""
    bad: set[str] = set()
    for digest in store.all_blobs():
        told(digest)
        problem = _blob_problem(store, digest)
        if problem:
            bad.add(digest)
            yield Damage("blob", digest, problem)
    for use in list(store.layer_uses()):
        told(use.diff_id)
        layer = store.layer(use.diff_id)
        if layer is None:
            continue  # collected meanwhile
        try:
            problem = _layer_problem(store, layer, bad)
        except (LayercError, OSError, ValueError) as error:
            problem = str(error)
        if problem:
            yield Damage("layer", layer.diff_id, problem)


def repair(store: Store, damages: list[Damage]) -> int:
    """Remove what is damaged, with the results that need it; how many of them are still there because a running
    build uses them.
    """
    layers = [damage.id for damage in damages if damage.kind == "layer"]
    blobs = [damage.id for damage in damages if damage.kind == "blob"]
    store.remove(layers, blobs)
    there = store.diff_ids().union(store.all_blobs())
    return sum(damage.id in there for damage in damages)


def _blob_problem(store: Store, digest: str) -> str:
    size = store.blobs.size(digest)
    if size is None:
        return ""  # collected meanwhile
    algorithm, digits = parse_digest(digest)
    hasher, count = hashlib.new(algorithm), 0
    try:
        with store.blobs.open(digest) as file:
            while chunk := file.read(_CHUNK):
                hasher.update(chunk)
                count += len(chunk)
    except (LayercError, OSError) as error:
        return str(error)
    if count != size:
        return f"it has {count} bytes instead of {size}"
    return "" if hasher.hexdigest() == digits else "its bytes are not what its digest says"


def _layer_problem(store: Store, layer: StoredLayer, bad_blobs: set[str]) -> str:
    index = LayerIndex(store.index_path(layer.snapshot))
    if check_index(index) != layer.content:
        return "its index is not what it was"
    problem = _snapshot_problem(store, layer, index)
    if problem:
        return problem
    if layer.canonical:
        write_layer(store, layer.diff_id, lambda _: None)
        return ""
    if layer.blob is None:
        return "its archive is lost"
    if layer.blob.digest in bad_blobs:
        return f"its archive {layer.blob.digest} is damaged"
    return _archive_problem(store, layer)


def _archive_problem(store: Store, layer: StoredLayer) -> str:
    assert layer.blob is not None
    hasher = hashlib.sha256()
    kind = media_types.compression_of(layer.blob.media_type)
    with store.blobs.open(layer.blob.digest) as file, decompressed(file, kind) as stream:
        while chunk := stream.read(_CHUNK):
            hasher.update(chunk)
    return "" if f"sha256:{hasher.hexdigest()}" == layer.diff_id else "its archive holds another layer"


def _snapshot_problem(store: Store, layer: StoredLayer, index: LayerIndex) -> str:
    listed: set[str] = set()
    contents = not layer.canonical  # those of a canonical layer are read for its archive
    for entry in index.entries(implied=True):
        listed.add(entry.path)
        problem = _entry_problem(store.file_path(layer, entry.path), entry, contents=contents)
        if problem:
            return f"/{entry.path} {problem}"
    root = store.snapshot_path(layer.snapshot)
    for directory, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = os.path.relpath(os.path.join(directory, name), root)
            if path not in listed:
                return f"/{path} is not in its index"
    return ""


def _entry_problem(path: str, entry: Entry, *, contents: bool) -> str:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return "is missing"
    if entry.kind == "whiteout":
        return ""  # its form depends on the store
    if not _KINDS[entry.kind](status.st_mode):
        return f"is no {entry.kind}"
    if entry.kind == "file" and status.st_size != entry.size:
        return f"has {status.st_size} bytes instead of {entry.size}"
    if entry.kind == "symlink" and os.readlink(path) != entry.target:
        return "leads elsewhere"
    if entry.kind != "symlink" and not entry.implied and stat.S_IMODE(status.st_mode) != entry.mode:
        return f"has mode {stat.S_IMODE(status.st_mode):04o} instead of {entry.mode:04o}"
    if not entry.implied and (status.st_uid, status.st_gid) != (entry.uid, entry.gid):
        return f"belongs to {status.st_uid}:{status.st_gid} instead of {entry.uid}:{entry.gid}"
    if contents and entry.kind == "file" and _digest(path) != entry.digest:
        return "has another content"
    return ""


def _digest(path: str) -> str:
    with open(path, "rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
