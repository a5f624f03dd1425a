"""A shared cache in a directory: an OCI layout, which many builds may read and write at once.

All who use its blobs share a lock on the file ``oci-layout``. Who has written, and finds that nobody else uses
the directory, removes the blobs that nothing refers to any more.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ...errors import InputError, SourceError
from ...oci import media_types
from ...oci.descriptor import Descriptor
from ...oci.digests import of_bytes, parse_digest
from ...oci.documents import Index, Manifest
from ...oci.layout import REF_NAME, Layout, LayoutWriter
from ...sources.image import verified_copy
from ...store import Store
from .document import ARTIFACT, CONFIG, MOST_CONFIG, CacheDocument
from .spec import CacheSource

__all__ = ["LocalCache", "LocalWriter", "open_writer", "writing_errors"]


class LocalCache:
    """The cache that ``source`` names, for reading. Every method raises :class:`InputError`."""

    def __init__(self, source: CacheSource) -> None:
        self.source = source
        self.name = f"the cache {source.path}"
        self._layout: Layout | None = None
        self._lock = -1

    def read(self) -> CacheDocument:
        """What it holds. Its blobs stay until :meth:`close`."""
        if not os.path.isdir(self.source.path):
            raise SourceError(f"there is no directory {self.source.path}")
        layout = Layout.open(self.source.path)
        self._lock = _share(layout.path)
        self._layout = layout
        found = layout.find(self.source.tag, self.source.digest)
        manifest = layout.document(found)
        # What copies an artifact may leave its type out; that of the config says the same.
        if not isinstance(manifest, Manifest) or manifest.config.media_type != CONFIG:
            raise SourceError(f"{found.digest} is no cache of layerc")
        config = layout.read(manifest.config, MOST_CONFIG)
        return CacheDocument.read(manifest, config, f"its config {manifest.config.digest}")

    @property
    def _opened(self) -> Layout:
        assert self._layout is not None, "read() comes first"
        return self._layout

    def bytes_of(self, blob: Descriptor) -> bytes:
        """A small blob, verified."""
        self._check_place(blob)
        return self._opened.read(blob, blob.size)

    def copy(self, store: Store, blob: Descriptor, advance: Callable[[int], None]) -> None:
        """Bring a blob into the store, verified. ``advance`` hears of bytes, and may raise."""
        if store.blobs.has(blob.digest):
            return
        self._check_place(blob)
        with self._opened.open_blob(blob) as file:
            verified_copy(store, blob, file.read, advance, f"blob {blob.digest}")

    def close(self) -> None:
        """Let the directory go."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _check_place(self, blob: Descriptor) -> None:
        # A link could make us read what its maker can not.
        root = os.path.realpath(self._opened.path)
        path = os.path.join(root, "blobs", *parse_digest(blob.digest))
        if os.path.realpath(path) != path:
            raise SourceError(f"blob {blob.digest} is a link")


class LocalWriter:
    """Writes one cache to a directory."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._writer = LayoutWriter(path)

    def has(self, blob: Descriptor) -> bool:
        """Whether the directory has a file of that digest and size."""
        return self._writer.has(blob)

    def drop(self, blob: Descriptor) -> None:
        """Remove a blob's file, if there is one: it is not what it should be."""
        path = os.path.join(self._path, "blobs", *parse_digest(blob.digest))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)

    def add_bytes(self, media_type: str, data: bytes) -> Descriptor:
        """Write a small blob."""
        self._writer.add_bytes(data)
        return Descriptor(media_type, of_bytes(data), len(data))

    def add_file(self, blob: Descriptor, path: str) -> None:
        """Copy the blob from a file, whose digest the caller vouches for."""
        self._writer.add_file(blob, path)

    def finish(self, document: CacheDocument, tag: str) -> Descriptor:
        """Refer to all that was written: the directory holds ``document`` under ``tag`` now."""
        try:
            manifest, config = document.to_bytes()
        except ValueError as error:
            raise InputError(str(error), help="write the caches of fewer builds into it") from None
        self._writer.add_bytes(config)
        self._writer.add_bytes(manifest)
        root = Descriptor(media_types.OCI_MANIFEST, of_bytes(manifest), len(manifest), artifact_type=ARTIFACT)
        self._writer.tag(root, [{REF_NAME: tag}])
        return root


@contextmanager
def open_writer(path: str) -> Iterator[LocalWriter]:
    """A writer. After the block blobs are removed that nothing refers to, if nobody else uses the directory.

    Raises :class:`InputError` where it can not be written.
    """
    with writing_errors(path):
        writer = LocalWriter(path)
        lock = _share(path)
    try:
        yield writer
        with contextlib.suppress(OSError, InputError):  # they do no harm
            if _alone(lock):
                _prune(path)
    finally:
        if lock >= 0:
            os.close(lock)


@contextmanager
def writing_errors(path: str) -> Iterator[None]:
    """Turn errors of the system into :class:`InputError`."""
    try:
        yield
    except OSError as error:
        raise InputError(f"can not write the cache {path}: {error.strerror}") from error


def _share(path: str) -> int:
    """Share the directory with others who use it; -1 where it has no locks."""
    descriptor = os.open(os.path.join(path, "oci-layout"), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    except OSError as error:
        os.close(descriptor)
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        return -1
    return descriptor


def _alone(lock: int) -> bool:
    if lock < 0:
        return False
    with contextlib.suppress(OSError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _prune(path: str) -> None:
    layout = Layout.open(path)
    kept = _reached(layout)
    if kept is None:
        return
    for algorithm in os.listdir(os.path.join(path, "blobs")):
        folder = os.path.join(path, "blobs", algorithm)
        with os.scandir(folder) as found:
            for entry in found:
                if f"{algorithm}:{entry.name}" not in kept and not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)


def _reached(layout: Layout) -> set[str] | None:
    """Digests of all that the index leads to; none where that can not be told."""
    digests: set[str] = set()
    pending = [*layout.index().manifests]
    while pending:
        entry = pending.pop()
        if entry.digest in digests:
            continue
        digests.add(entry.digest)
        try:
            document = layout.document(entry)
        except InputError:
            return None
        if isinstance(document, Index):
            pending += document.manifests
        else:
            digests |= {document.config.digest, *(layer.digest for layer in document.layers)}
    return digests
