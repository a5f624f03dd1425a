"""What the store holds, as values."""

from __future__ import annotations

from typing import NamedTuple

from ..oci.descriptor import Descriptor

__all__ = ["LayerUse", "Result", "StoredLayer", "Usage"]


class StoredLayer(NamedTuple):
    """A layer of the store.

    ``diff_id`` is the digest of its uncompressed archive, of ``size`` bytes; ``content`` that of its entries
    without times. ``snapshot`` is the number of the directory that holds it. ``blobs`` are archives of it
    that the store has. The archive of a ``canonical`` one can be written again from its snapshot; any other
    keeps its blob. An ``opaque`` one hides everything below it. ``xattrs``: whether anything in it has extended
    attributes. ``borrows`` is the number of another snapshot, or zero: what is not in its own directory is there.
    """

    diff_id: str
    content: str
    snapshot: int
    size: int
    created: float
    blobs: tuple[Descriptor, ...] = ()
    canonical: bool = True
    opaque: bool = False
    entries: int = 0
    xattrs: bool = False
    borrows: int = 0

    @property
    def blob(self) -> Descriptor | None:
        """The first archive of it, if there is one."""
        return self.blobs[0] if self.blobs else None


class Result(NamedTuple):
    """What a step gave: the stack of layers (diff IDs, bottom to top), and the seconds that it took.

    ``created`` is in seconds since 1970; ``basis`` says, in its maker's terms, what it was made on.
    """

    layers: tuple[str, ...]
    seconds: float = 0.0
    created: float = 0.0
    basis: str = ""


class LayerUse(NamedTuple):
    """How a layer is used: bytes on disk with its archives, its last use (Unix time), the seconds that it took to
    make, and how many stacks of results it is in.
    """

    diff_id: str
    size: int
    used: float
    seconds: float
    needed: int


class Usage(NamedTuple):
    """Counts, and bytes on disk."""

    layers: int
    layer_bytes: int
    blobs: int
    blob_bytes: int
    results: int
    removed: dict[str, int]

    @property
    def total(self) -> int:
        """Bytes of layers and blobs together."""
        return self.layer_bytes + self.blob_bytes
