"""What every kind of base image comes to: a :class:`ResolvedImage`, and how its layers get into the store.

Resolving reads documents only. Layers are brought in and unpacked when a build needs them, each at most once
among all threads and processes that share the store.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from threading import Event, Lock
from typing import NamedTuple, Protocol

from ...compiler.config import HistoryItem, ImageConfig
from ...compiler.options import BaseImage, ImageRequest
from ..errors import IntegrityError, SourceError
from ..events import Reporter, TaskFinished, TaskProgress, TaskStarted
from ..oci import media_types
from ..oci.compression import Readable, decompressed
from ..oci.descriptor import Descriptor
from ..oci.documents import Index, Manifest
from ..oci.image import ImageManifest, chain_ids
from ..oci.platforms import Platform, parse_platform
from ..store import Store
from .published import remember_published

__all__ = [
    "BlobLayers",
    "Cancelled",
    "Layers",
    "Provider",
    "ResolvedImage",
    "bare_base",
    "base_of",
    "choose",
    "image_layers",
    "verified_copy",
]

# Several at once hide latency and use the cores; more only compete for the disk.
_PARALLEL = 4
_MAX_DEPTH = 4
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


Advance = Callable[[int], None]
ReadDocument = Callable[[Descriptor], Manifest | Index]


class Cancelled(Exception):  # noqa: N818  # no error of anyone's
    """Someone set the event that stops the work."""


class Provider(Protocol):
    """Brings blobs into the store from wherever the image is."""

    def fetch(self, store: Store, descriptor: Descriptor, advance: Advance) -> None:
        """Put the blob into ``store.blobs``, verified, unless it is there. ``advance`` hears of bytes."""


class Layers(Protocol):
    """A stack of layers that can be brought into the store."""

    def bring(self, store: Store, report: Reporter, name: str, cancel: Event) -> tuple[str, ...]:
        """Diff IDs, bottom first, of layers that the store has now."""


class ResolvedImage(NamedTuple):
    """A base image whose documents are known. ``base`` is what the compiler needs; ``source`` says to a
    person where it comes from; ``index_digest`` is the one that the reference itself named, where it is that of an
    index of several platforms.
    """

    request: ImageRequest
    base: BaseImage
    layers: Layers
    source: str
    index_digest: str = ""


class BlobLayers(NamedTuple):
    """Layers that are blobs. ``published`` are those that an image's manifest lists: an export keeps them
    as they are, other archives are only where the content comes from.
    """

    diff_ids: tuple[str, ...]
    blobs: tuple[Descriptor, ...]
    provider: Provider
    published: bool = True

    def bring(self, store: Store, report: Reporter, name: str, cancel: Event) -> tuple[str, ...]:
        """Fetch and unpack what the store lacks, in parallel."""
        wanted = dict(zip(self.diff_ids, self.blobs, strict=True))
        missing = {diff_id: blob for diff_id, blob in wanted.items() if store.layer(diff_id) is None}
        if missing:
            self._bring_missing(store, missing, _Progress(report, name, missing.values(), cancel))
        if self.published:
            for chain_id, blob in zip(chain_ids(self.diff_ids), self.blobs, strict=True):
                remember_published(store, chain_id, blob)
        return self.diff_ids

    def _bring_missing(self, store: Store, missing: dict[str, Descriptor], progress: _Progress) -> None:
        # Imported here, as in _one: most builds find all layers in the store.
        from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

        with progress, ThreadPoolExecutor(min(_PARALLEL, len(missing)), "layer") as pool:
            jobs = [pool.submit(self._one, store, *item, progress.advance) for item in missing.items()]
            try:
                finished, _ = wait(jobs, return_when=FIRST_EXCEPTION)
                for job in finished:
                    job.result()
            except BaseException:  # the first failure, or the user's interrupt, stops the others
                progress.stopped.set()
                pool.shutdown(cancel_futures=True)
                raise

    def _one(self, store: Store, diff_id: str, blob: Descriptor, advance: Advance) -> None:
        from ..snapshot.apply import apply

        with store.lock(f"layer {diff_id}", lambda: advance(0)):
            if store.layer(diff_id) is not None:
                return
            self.provider.fetch(store, blob, advance)
            with (
                store.blobs.open(blob.digest) as file,
                decompressed(file, media_types.compression_of(blob.media_type)) as stream,
            ):
                apply(store, _Stoppable(stream, advance), diff_id, (blob,))


class _Stoppable(NamedTuple):
    """A stream that ends with :class:`Cancelled` where the work is no longer wanted."""

    stream: Readable
    advance: Advance

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes."""
        self.advance(0)
        return self.stream.read(size)


class _Progress:
    """Tells how far the bytes of a task have come."""

    def __init__(self, report: Reporter, name: str, blobs: Collection[Descriptor], cancel: Event) -> None:
        self._report = report
        # Images for several platforms have one name.
        self._task = f"pull {name} {next(blob.digest for blob in blobs)}"
        self._title = f"bring in {name}"
        self._total = sum(blob.size for blob in blobs)
        self._done = 0
        self._lock = Lock()
        self._start = time.monotonic()
        self._cancel = cancel
        self.stopped = Event()

    def __enter__(self) -> None:
        self._report(TaskStarted(self._task, self._title))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._report(TaskFinished(self._task, time.monotonic() - self._start))

    def advance(self, count: int) -> None:
        """Bytes have come. Raises :class:`Cancelled` where the work is no longer wanted."""
        if self._cancel.is_set() or self.stopped.is_set():
            raise Cancelled
        if count:
            with self._lock:
                self._done += count
            self._report(TaskProgress(self._task, self._done, self._total))


def choose(
    document: Manifest | Index, platform: Platform, read: ReadDocument, what: str
) -> tuple[Manifest, Descriptor | None]:
    """The manifest for ``platform``: ``document`` itself, or what an index leads to (none: itself).

    Raises :class:`SourceError` that lists the platforms there are.
    """
    chosen: Descriptor | None = None
    for _ in range(_MAX_DEPTH):
        if isinstance(document, Manifest):
            return document, chosen
        chosen = document.choose(platform)
        if chosen is None:
            offered = sorted({str(entry.platform) for entry in document.manifests if entry.platform})
            raise SourceError(
                f"{what} has no image for {platform}",
                help=f"it has: {', '.join(offered)}" if offered else "its index is empty",
            )
        document = read(chosen)
    raise SourceError(f"{what} is an index of indexes of indexes; that is not followed")


def base_of(image: ImageManifest, digest: str) -> BaseImage:
    """What the compiler must know of ``image``."""
    return BaseImage(digest, image.config, image.matched_history)


def bare_base(request: ImageRequest, digest: str) -> BaseImage:
    """What the compiler must know of a root file system that comes without a config: that of an empty image
    for the requested platform, as BuildKit has it, and one layer.
    """
    platform = parse_platform(request.platform)
    config = ImageConfig(
        architecture=platform.architecture,
        os=platform.os,
        variant=platform.variant,
        os_version=platform.os_version,
        env=() if platform.os == "windows" else (("PATH", _PATH),),
        workdir="/",
    )
    return BaseImage(digest, config, (HistoryItem(created_by="root file system", comment="layerc"),))


def image_layers(image: ImageManifest, provider: Provider, what: str) -> BlobLayers:
    """The layers of ``image``, under OCI's media types. Raises :class:`SourceError` where one is no layer."""
    for layer in image.layers:
        if not media_types.is_layer(layer.media_type):
            raise SourceError(
                f"{what} has a layer of an unknown kind: {layer.media_type[:100]!r}",
                help="only tar layers (plain, gzip or zstd) can be used",
            )
    return BlobLayers(image.diff_ids, tuple(media_types.as_oci(layer) for layer in image.layers), provider)


def verified_copy(
    store: Store, descriptor: Descriptor, read: Callable[[int], bytes], advance: Advance, what: str
) -> None:
    """Copy a local blob into the store. Raises :class:`IntegrityError` where it is not what it should be."""
    try:
        with store.blobs.writer(descriptor.digest, descriptor.size) as writer:
            while chunk := read(1 << 20):
                writer.write(chunk)
                advance(len(chunk))
            writer.commit()
    except IntegrityError as error:
        raise IntegrityError(f"{what}: {error.message}", help=error.help) from error
