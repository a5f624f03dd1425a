"""Layers for tests of the store: their digests are true of nothing."""

from __future__ import annotations

import os
from pathlib import Path

from layerc.runtime.store import Store, StoredLayer


def fake_digest(number: int) -> str:
    """A digest that no content has."""
    return f"sha256:{number:064x}"


def add_layer(store: Store, number: int, disk: int = 100) -> StoredLayer:
    """Add a layer with one small file."""
    with store.draft() as draft:
        Path(draft.diff, "file").write_text(str(number))
        Path(draft.index).write_bytes(b"index")
        layer = StoredLayer(fake_digest(number), fake_digest(number), 0, 10, 0.0, entries=1)
        return store.add_layer(draft, layer, disk)


def files_of(root: str) -> dict[str, tuple[int, int]]:
    """Size and time of change of every file below ``root``, without SQLite's own side files."""
    found = {}
    for directory, _, names in os.walk(root):
        for name in names:
            if not name.endswith(("-wal", "-shm")):
                status = os.stat(os.path.join(directory, name))
                found[os.path.join(directory, name)] = (status.st_size, status.st_mtime_ns)
    return found
