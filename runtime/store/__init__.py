"""What builds keep: blobs, layers, results; an index of them; locks, leases and garbage collection."""

from .blobs import BlobStore, BlobWriter
from .files import remove_tree
from .sessions import Draft
from .store import Store, default_root
from .values import Result, StoredLayer, Usage

__all__ = [
    "BlobStore",
    "BlobWriter",
    "Draft",
    "Result",
    "Store",
    "StoredLayer",
    "Usage",
    "default_root",
    "remove_tree",
]
