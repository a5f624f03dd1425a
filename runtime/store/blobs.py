"""Blobs: bytes by their digest, in the directory form of an OCI image layout."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, BinaryIO, Self

from ..errors import IntegrityError, StoreError
from ..oci.digests import parse_digest
from .files import store_errors
from .index import Index
from .locks import Leases

__all__ = ["BlobStore", "BlobWriter", "blob_lease"]


def blob_lease(number: int) -> int:
    """The number that a blob has among leases (layers have the even ones)."""
    return 2 * number + 1


class BlobStore:
    """Blobs of one store. What it has said to have stays until the store is closed."""

    def __init__(
        self, root: str, index: Index, leases: Leases, new_name: Callable[[str], str], boot: Callable[[], str]
    ) -> None:
        self._root = root
        self._index = index
        self._leases = leases
        self._new_name = new_name
        self._boot = boot
        self._sizes: dict[str, int] = {}

    def has(self, digest: str) -> bool:
        """Whether the store has it (then it stays). Raises ``ValueError`` for what is no digest."""
        return self.size(digest) is not None

    def size(self, digest: str) -> int | None:
        """Size in bytes, or none if the store does not have it."""
        parse_digest(digest)
        known = self._sizes.get(digest)
        if known is not None:
            return known
        query = "SELECT number, size FROM blobs WHERE digest = ?"
        row = self._index.row(query, (digest,))
        if row is None:
            return None
        self._leases.hold(blob_lease(row[0]))
        if self._index.row(query, (digest,)) != row:
            return None
        self._sizes[digest] = row[1]
        return int(row[1])

    def path(self, digest: str) -> str:
        """Where the bytes are, if the store has them. Raises ``ValueError`` for what is no digest."""
        algorithm, digits = parse_digest(digest)
        return os.path.join(self._root, "blobs", algorithm, digits)

    def open(self, digest: str) -> BinaryIO:
        """The blob, for reading; its bytes are not verified again. Raises :class:`StoreError`."""
        if not self.has(digest):
            raise StoreError(f"the store has no blob {digest}")
        with store_errors(self._root):
            return open(self.path(digest), "rb")

    def read(self, digest: str) -> bytes:
        """All bytes of a small blob, verified. Raises :class:`StoreError`, :class:`IntegrityError`."""
        with self.open(digest) as file:
            data = file.read()
        algorithm, digits = parse_digest(digest)
        if hashlib.new(algorithm, data).hexdigest() != digits:
            raise IntegrityError(f"the store's blob {digest} is damaged", help="run 'layerc cache gc --all'")
        return data

    def writer(self, digest: str | None = None, size: int | None = None) -> BlobWriter:
        """A new blob. If ``digest`` or ``size`` are given, what is written must have them."""
        return BlobWriter(self, self._new_name("blob"), digest, size)

    def put(self, data: bytes) -> str:
        """Store ``data``; its digest."""
        with self.writer() as writer:
            writer.write(data)
            return writer.commit()

    def adopt(self, path: str, digest: str, size: int) -> None:
        """Take the finished file at ``path`` as the blob ``digest``; used by :class:`BlobWriter`."""
        if self.has(digest):
            os.unlink(path)
            return
        with store_errors(self._root), self._index.transaction():
            now = time.time()
            row = self._index.row("SELECT number FROM blobs WHERE digest = ?", (digest,))
            # Also over one that is there already: one of another boot that was never flushed may be torn.
            os.makedirs(os.path.dirname(self.path(digest)), exist_ok=True)
            os.rename(path, self.path(digest))
            number = row[0] if row else self._insert(digest, size, now)
            self._leases.hold(blob_lease(number))
        self._sizes[digest] = size

    def _insert(self, digest: str, size: int, now: float) -> int:
        return self._index.execute(
            "INSERT INTO blobs (digest, size, created, used, boot) VALUES (?, ?, ?, ?, ?)",
            (digest, size, now, now, self._boot()),
        )


class BlobWriter:
    """Bytes on their way in: hashed while they are written, kept by :meth:`commit`, else thrown away."""

    def __init__(self, blobs: BlobStore, path: str, digest: str | None, size: int | None) -> None:
        self._blobs = blobs
        self._path = path
        self._digest = digest
        self._size = size
        self._algorithm = parse_digest(digest)[0] if digest else "sha256"
        self._hash: Any = hashlib.new(self._algorithm)
        self._place = path
        self.count = 0
        with store_errors(path):
            self._file = open(path, "xb", buffering=1 << 16)  # noqa: SIM115  # closed by commit or exit
        os.chmod(path, 0o644)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._file.closed:
            try:
                self._file.close()
            except OSError:
                if error is None:
                    raise
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)

    def write(self, data: bytes) -> int:
        """Take the next bytes. Raises :class:`StoreError`, :class:`IntegrityError` (more than the size)."""
        self.count += len(data)
        if self._size is not None and self.count > self._size:
            raise IntegrityError(f"the blob is larger than the {self._size} bytes that it should have")
        self._hash.update(data)
        with store_errors(self._place):
            return self._file.write(data)

    def commit(self) -> str:
        """Keep the blob; its digest. Raises :class:`IntegrityError` if it is not the expected one."""
        digest = f"{self._algorithm}:{self._hash.hexdigest()}"
        if self._size is not None and self.count != self._size:
            raise IntegrityError(f"the blob has {self.count} bytes instead of {self._size}")
        if self._digest is not None and digest != self._digest:
            raise IntegrityError(
                f"the blob does not match its digest: expected {self._digest}, got {digest}",
                help="the copy is damaged or was tampered with: get it again",
            )
        with store_errors(self._place):
            self._file.flush()
            self._blobs.adopt(self._path, digest, self.count)
        self._file.close()
        return digest
