"""Base images from registries.

As BuildKit's default: a tag is looked up at its registry for every build (one HEAD request), so a moved tag
is noticed; what the store has is not fetched again. Where the registry can not be reached, the image that the
tag last meant is used, with a notice, unless ``--pull`` asked for the newest. A digest needs no registry at
all once its documents are in the store.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ...compiler.options import ImageRequest
from ..errors import IntegrityError, SourceError
from ..events import Notice, Reporter
from ..oci.descriptor import Descriptor
from ..oci.documents import MAX_CONFIG, Index, Manifest, dump_json, load_json, read_document
from ..oci.image import ImageManifest
from ..oci.platforms import parse_platform
from ..registry.client import NotFoundError, Repository
from ..registry.references import Reference, parse_reference
from ..store import Store
from .image import ResolvedImage, base_of, choose, image_layers

__all__ = ["resolve_registry"]

_TAG = "image tag"
_TYPE = "media type"


class _RegistryProvider(NamedTuple):
    """Documents and blobs of one repository, kept in the store."""

    repository: Repository
    reference: Reference

    def fetch(self, store: Store, descriptor: Descriptor, advance: Callable[[int], None]) -> None:
        """Download the blob, unless the store has it."""
        try:
            self.repository.fetch(store, descriptor, advance)
        except IntegrityError as error:
            raise IntegrityError(f"{self.reference.familiar}: {error.message}", help=error.help) from error

    def document(self, store: Store, descriptor: Descriptor) -> Manifest | Index:
        """A manifest or index by its digest."""
        if store.blobs.has(descriptor.digest):
            data = store.blobs.read(descriptor.digest)
        else:
            found, data = self.repository.manifest(descriptor.digest)
            _keep(store, found, data)
        return read_document(data, f"{descriptor.digest} of {self.reference.familiar}", descriptor.media_type)


def resolve_registry(
    request: ImageRequest, text: str, store: Store, report: Reporter, *, pull: bool = False
) -> ResolvedImage:
    """Resolve the reference ``text``. Raises :class:`SourceError`, :class:`IntegrityError`."""
    reference = parse_reference(text).tagged()
    what = reference.familiar
    provider = _RegistryProvider(Repository(reference), reference)
    found = _look_up(provider, store, report, pull=pull)

    def read(descriptor: Descriptor) -> Manifest | Index:
        return provider.document(store, descriptor)

    manifest, chosen = choose(read(found), parse_platform(request.platform), read, what)
    if manifest.config.size > MAX_CONFIG:
        raise SourceError(f"the config of {what} is too large; at most {MAX_CONFIG} bytes are accepted")
    provider.fetch(store, manifest.config, lambda _: None)
    image = ImageManifest.read(manifest, store.blobs.read(manifest.config.digest), what)
    _remember_tag(store, reference, found)
    return ResolvedImage(
        request,
        base_of(image, (chosen or found).digest),
        image_layers(image, provider, what),
        f"registry {reference.host}",
        found.digest if chosen else "",
    )


def _look_up(provider: _RegistryProvider, store: Store, report: Reporter, *, pull: bool) -> Descriptor:
    """What the reference names now; its document may or may not be in the store yet."""
    reference = provider.reference
    if reference.digest and (known := _known(store, reference.digest)):
        return known
    try:
        found = None if reference.digest else provider.repository.head(reference.version)
        if found is None:
            found, data = provider.repository.manifest(reference.version)
            _keep(store, found, data)
        return found
    except (NotFoundError, IntegrityError):
        raise
    except SourceError as error:
        last = None if pull or reference.digest else _last_meant(store, reference)
        if last is None:
            raise
        report(Notice(f"{error.message}; using {reference.familiar} as it was last seen, {last.digest}"))
        return last


def _keep(store: Store, descriptor: Descriptor, data: bytes) -> None:
    with store.blobs.writer(descriptor.digest, descriptor.size) as writer:
        writer.write(data)
        writer.commit()
    store.add_record(_TYPE, descriptor.digest, descriptor.media_type.encode())


def _known(store: Store, digest: str) -> Descriptor | None:
    media_type, size = store.record(_TYPE, digest), store.blobs.size(digest)
    return None if media_type is None or size is None else Descriptor(media_type.decode(), digest, size)


def _remember_tag(store: Store, reference: Reference, found: Descriptor) -> None:
    if not reference.digest:
        value = dump_json(found.to_document())
        if store.record(_TAG, str(reference)) != value:
            store.add_record(_TAG, str(reference), value)


def _last_meant(store: Store, reference: Reference) -> Descriptor | None:
    value = store.record(_TAG, str(reference))
    if value is None:
        return None
    last = Descriptor.from_document(load_json(value, "a record of the store"))
    return last if store.blobs.has(last.digest) else None
