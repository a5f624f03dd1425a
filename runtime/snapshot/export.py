"""A stored layer as an archive again."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import StoreError
from ..store import Store
from ..store.files import store_errors
from .index import open_index
from .stream import LayerStream
from .view import open_plain

__all__ = ["write_clamped_layer", "write_layer"]

_NANO = 10**9


def write_layer(store: Store, diff_id: str, sink: Callable[[bytes], object]) -> int:
    """Give the uncompressed archive of a layer to ``sink``, piece by piece; its size.

    The bytes are those that its diff ID names. They are verified on the way: :class:`StoreError` after the
    last of them if the snapshot was damaged.
    """
    (layer,) = store.layers([diff_id])
    stream = LayerStream(sink)
    with store_errors(store.root):
        for entry in open_index(store.index_path(layer.snapshot)).entries():
            if entry.kind == "file" and not entry.link:
                with open_plain(store.file_path(layer, entry.path)) as file:
                    stream.file(entry, file)
            else:
                stream.entry(entry)
    if stream.finish() != diff_id:
        raise _damaged(diff_id)
    return stream.size


def write_clamped_layer(store: Store, diff_id: str, latest: int, sink: Callable[[bytes], object]) -> str:
    """As :func:`write_layer`, but no time in it is later than ``latest`` (Unix time); the diff ID of that.

    Raises :class:`StoreError` where the content of a file is not what it was.
    """
    (layer,) = store.layers([diff_id])
    stream = LayerStream(sink)
    with store_errors(store.root):
        for entry in open_index(store.index_path(layer.snapshot)).entries():
            clamped = entry._replace(mtime_ns=min(entry.mtime_ns, latest * _NANO))
            if entry.kind == "file" and not entry.link:
                with open_plain(store.file_path(layer, entry.path)) as file:
                    if stream.file(clamped, file) != entry.digest:
                        raise _damaged(diff_id)
            else:
                stream.entry(clamped)
    return stream.finish()


def _damaged(diff_id: str) -> StoreError:
    return StoreError(
        f"the snapshot of layer {diff_id} is damaged", help="run 'layerc cache gc --all' and build again"
    )
