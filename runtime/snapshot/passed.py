"""Directories that a layer only passes through.

A diff that adds ``etc/hosts`` has a directory ``etc`` on disk, but says nothing about its mode or owner:
those are of the layers below. An overlay takes them from the topmost directory all the same. That is right as
long as the layer lies on the parent it was made on; on another parent it may be wrong. Then a small directory
tree with the right metadata is laid on top of the stack.

The same tree helps where a layer hides something that is not there: an overlay leaves whiteouts out of a listing
only where it merges directories.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence

from ..store import Store, StoredLayer
from .entry import Entry
from .index import open_index
from .metadata import set_metadata
from .view import StackView

__all__ = ["correction"]

_RECORD = "passed-directories"


def correction(store: Store, layers: Sequence[StoredLayer]) -> str | None:
    """The directory to lay on top of ``layers`` (bottom to top), relative to the snapshots; mostly none."""
    wrong = _wrong(store, layers)
    if not wrong:
        return None
    view = StackView(store, [layer.diff_id for layer in layers])
    root = store.temporary("passed")
    paths = {"", *wrong}
    for path in wrong:
        while path:
            path = path.rpartition("/")[0]
            paths.add(path)
    entries = [entry for path in sorted(paths) if (entry := view.lstat(path)) is not None]
    for entry in entries:
        os.mkdir(os.path.join(root, entry.path), 0o700)
    for entry in reversed(entries):
        set_metadata(os.path.join(root, entry.path), entry)
    return os.path.relpath(root, os.path.join(store.root, "snapshots"))


def _wrong(store: Store, layers: Sequence[StoredLayer]) -> list[str]:
    """Paths of directories that the overlay of ``layers`` would not show as they are.

    Remembered for each stack of snapshots, whose numbers are never given again.
    """
    known = len(layers)
    remembered: bytes | None = None
    while known and (remembered := store.record(_RECORD, _key(layers[:known]))) is None:
        known -= 1
    wrong: list[str] = [] if remembered is None else json.loads(remembered)
    for end in range(known + 1, len(layers) + 1):
        wrong = _extended(store, layers[:end], wrong)
        store.add_record(_RECORD, _key(layers[:end]), json.dumps(wrong).encode())
    return wrong


def _key(layers: Sequence[StoredLayer]) -> str:
    return hashlib.sha256(",".join(str(layer.snapshot) for layer in layers).encode()).hexdigest()


def _extended(store: Store, layers: Sequence[StoredLayer], below: list[str]) -> list[str]:
    """The wrong directories of ``layers``, of which ``below`` are those without the top layer."""
    top = open_index(store.index_path(layers[-1].snapshot))
    passed: set[str] = set()
    for entry in top.entries(implied=True):
        if entry.implied:
            passed.add(entry.path)
        elif entry.kind == "whiteout":
            passed.add(entry.path.rpartition("/")[0])
    view = StackView(store, [layer.diff_id for layer in layers])
    return sorted(path for path in passed.union(below) if _is_wrong(view, path))


def _is_wrong(view: StackView, path: str) -> bool:
    shown, meant = view.shown(path), view.lstat(path)
    if shown is None or meant is None or meant.kind != "directory":
        return False
    return _metadata(shown) != _metadata(meant) or view.lists_whiteouts(path)


def _metadata(entry: Entry) -> tuple[object, ...]:
    return entry.mode, entry.uid, entry.gid, entry.xattrs
