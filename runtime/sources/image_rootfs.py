"""A directory as a base image: its tree is the only layer, with an empty config.

As BuildKit does it when a local named context stands behind FROM: owners become root, ``.dockerignore`` in
the directory is honoured. (A tar of the tree keeps its owners.)
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from threading import Event
from typing import NamedTuple

from ...compiler.options import ImageRequest
from ..errors import SourceError
from ..events import Reporter, TaskFinished, TaskStarted
from ..snapshot.apply import apply
from ..snapshot.entry import Entry, SourceTree
from ..snapshot.tar import END, headers, padding
from ..store import Store
from .context import ContextTree
from .ignore import load_ignore_file
from .image import Cancelled, ResolvedImage, bare_base

__all__ = ["resolve_directory"]

_RECORD = "root directory 1"
_CHUNK = 1 << 20


def resolve_directory(request: ImageRequest, path: str, store: Store) -> ResolvedImage:
    """Resolve a directory: its tree is listed, and files that changed since the last time are hashed."""
    with _tree(path, store) as tree:
        digest = _tree_digest(tree)
    layers = _DirectoryLayers(os.path.abspath(path), digest)
    return ResolvedImage(request, bare_base(request, digest), layers, f"directory {path}")


def _tree(path: str, store: Store) -> ContextTree:
    absolute = os.path.abspath(path)
    caches = os.path.join(store.root, "trees")
    os.makedirs(caches, exist_ok=True)
    cache = os.path.join(caches, hashlib.sha256(os.fsencode(absolute)).hexdigest())
    return ContextTree(absolute, load_ignore_file(absolute), cache, f"the root file system {path}")


def _entries(tree: SourceTree) -> Iterator[Entry]:
    """All entries; of the names of one file, the first that comes is the file, the others link to it."""
    first: dict[str, str] = {}
    for entry in tree.walk():
        if entry.kind == "directory":
            yield entry
            continue
        target = first.setdefault(entry.link or entry.path, entry.path)
        yield entry._replace(link="" if target == entry.path else target)


def _tree_digest(tree: SourceTree) -> str:
    """Identity of a tree: all that a layer of it holds but times."""
    hasher = hashlib.sha256()
    for entry in _entries(tree):
        digest = tree.digest(entry.path) if entry.kind == "file" and not entry.link else ""
        xattrs = [[name, value.hex()] for name, value in entry.xattrs]
        facts = [entry.path, entry.kind, entry.mode, entry.target, entry.device, digest, xattrs, entry.link]
        hasher.update(json.dumps(facts).encode())
    return f"sha256:{hasher.hexdigest()}"


class _DirectoryLayers(NamedTuple):
    path: str
    digest: str

    def bring(self, store: Store, report: Reporter, name: str, cancel: Event) -> tuple[str, ...]:
        """Write the tree as an archive, straight into a snapshot; none if it was done before."""
        with store.lock(f"tree {self.digest}"):
            known = store.record(_RECORD, self.digest)
            if known is not None and store.layer(known.decode()) is not None:
                return (known.decode(),)
            start = time.monotonic()
            report(TaskStarted(f"copy {name}", f"copy the root file system {self.path}"))
            with _tree(self.path, store) as tree:
                if _tree_digest(tree) != self.digest:
                    raise self._changed()
                layer = apply(store, _TarStream(tree, cancel))
            store.add_record(_RECORD, self.digest, layer.diff_id.encode())
            report(TaskFinished(f"copy {name}", time.monotonic() - start))
            return (layer.diff_id,)

    def _changed(self) -> SourceError:
        return SourceError(f"{self.path} was changed while it was being used", help="start the build again")


class _TarStream:
    """A tree as an archive that is written while it is read."""

    def __init__(self, tree: SourceTree, cancel: Event) -> None:
        self._pieces = _pieces(tree, cancel)
        self._buffer = b""

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes (negative: as many as come handy); empty at the end."""
        if not self._buffer:  # an empty piece is not the end
            self._buffer = next(filter(None, self._pieces), b"")
        size = len(self._buffer) if size < 0 else size
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data


def _pieces(tree: SourceTree, cancel: Event) -> Iterator[bytes]:
    for entry in _entries(tree):
        if cancel.is_set():
            raise Cancelled
        yield headers(entry)
        if entry.kind == "file" and not entry.link:
            yield from _content(tree, entry)
    yield END


def _content(tree: SourceTree, entry: Entry) -> Iterator[bytes]:
    left = entry.size
    with tree.open(entry.path) as file:
        while left and (chunk := file.read(min(_CHUNK, left))):
            left -= len(chunk)
            yield chunk
    if left:
        raise SourceError(f"{entry.path} became shorter while it was read", help="start the build again")
    yield padding(entry.size)
