"""Base images from files: an OCI layout or ``docker save`` in a tar, or the tar of a root file system.

Compressed or not; what a file is decides its content, not its name. The members of an image archive are
copied into the store as blobs in one pass (they may come in any order); the file's *signature* (size, times,
inode) is remembered with what was found, so an unchanged file is not read again.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
import stat
import tarfile
import time
from collections.abc import Callable, Mapping
from typing import IO, Any, NamedTuple

from ...compiler.options import ImageRequest
from ..errors import IntegrityError, SourceError
from ..oci.checks import check_config
from ..oci.compression import KINDS, Readable, decompressed, sniff
from ..oci.descriptor import Descriptor
from ..oci.documents import MAX_CONFIG, MAX_DOCUMENT, Index, Manifest, dump_json, load_json, read_document
from ..oci.image import ImageManifest
from ..oci.layout import find_tagged
from ..oci.media_types import layer_media_type
from ..oci.platforms import parse_platform
from ..store import Store
from .image import BlobLayers, ResolvedImage, bare_base, base_of, choose, image_layers, verified_copy
from .stat_cache import is_racy, signature

__all__ = ["resolve_archive"]

_RECORD = "archive 1"
# Names that image archives use: of layouts, of docker save old and new, of other tools that write the same.
_IMAGE_NAMES = re.compile(
    r"blobs(/.*)?|oci-layout|index\.json|manifest\.json|repositories|[^/]+\.(json|tar|tar\.gz)|"
    r"(sha256:)?[0-9a-f]{64}(/(json|VERSION|layer\.tar)?)?"
)
_MAX_MEMBERS = 20_000


class _Archive(NamedTuple):
    """What a file was found to be. ``kind`` is oci, docker or rootfs; ``members`` are digests and sizes by
    name. Of a root file system, ``digest`` and ``size`` are the file's, ``diff_id`` and ``unpacked`` those of
    the tar in it.
    """

    path: str
    kind: str
    compression: str
    members: Mapping[str, tuple[str, int]]
    digest: str = ""
    size: int = 0
    diff_id: str = ""
    unpacked: int = 0


def resolve_archive(request: ImageRequest, value: str, kind: str, store: Store) -> ResolvedImage:
    """Resolve ``FILE[:TAG]`` (a colon is tried as part of the file's name first). ``kind`` is what the user
    says that it is, ``oci`` or ``docker``, or empty. Raises :class:`SourceError`, :class:`IntegrityError`.
    """
    path, tag = _split_tag(value)
    archive = _read(os.path.abspath(path), store)
    if kind and archive.kind != kind and not (kind == "docker" and "manifest.json" in archive.members):
        raise SourceError(f"{path} is not {'an OCI' if kind == 'oci' else 'a Docker'} archive")
    if archive.kind == "rootfs":
        return _root_file_system(request, archive, path)
    resolve = _resolve_oci if archive.kind == "oci" and kind != "docker" else _resolve_docker
    return resolve(request, archive, tag, store)


def _split_tag(value: str) -> tuple[str, str]:
    if os.path.exists(value):
        return value, ""
    path, colon, tag = value.rpartition(":")
    if colon and "/" not in tag and os.path.exists(path):
        return path, tag
    raise SourceError(f"there is no file {value}")


# --- reading a file once -------------------------------------------------------------------------------


def _read(path: str, store: Store) -> _Archive:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not hold us up
    except OSError as error:
        raise SourceError(f"can not read {path}: {error.strerror}") from error
    with open(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(f"{path} is neither a file nor a directory")
        mark = list(signature(status))
        known = _remembered(store, path, mark)
        if known is not None:
            return known
        started = time.time_ns()
        archive = _scan(path, file, store)
        if list(signature(os.fstat(file.fileno()))) != mark:
            raise SourceError(f"{path} was changed while it was read", help="start the build again")
        if not is_racy(signature(status), started):
            _remember(store, archive, mark)
        return archive


def _remembered(store: Store, path: str, mark: list[int]) -> _Archive | None:
    record = store.record(_RECORD, path)
    if record is None:
        return None
    data = json.loads(record)
    if data["signature"] != mark:
        return None
    members = {name: (digest, size) for name, (digest, size) in data["members"].items()}
    if not all(store.blobs.has(digest) for digest, _ in members.values()):
        return None
    return _Archive(path, data["kind"], data["compression"], members, *data["rootfs"])


def _remember(store: Store, archive: _Archive, mark: list[int]) -> None:
    data = {
        "signature": mark,
        "kind": archive.kind,
        "compression": archive.compression,
        "members": archive.members,
        "rootfs": [archive.digest, archive.size, archive.diff_id, archive.unpacked],
    }
    store.add_record(_RECORD, archive.path, dump_json(data))


def _scan(path: str, file: IO[bytes], store: Store) -> _Archive:
    compression = sniff(file.read(8))
    file.seek(0)
    try:
        with decompressed(file, compression) as stream:
            members = _import_members(stream, store)
    except SourceError as error:
        raise SourceError(f"{path}: {error.message}", help=error.help) from error
    if "index.json" in members and "oci-layout" in members:
        return _Archive(path, "oci", compression, members)
    if "manifest.json" in members:
        return _Archive(path, "docker", compression, members)
    file.seek(0)
    whole = _Hashing(file)
    with decompressed(whole, compression) as stream:  # type: ignore[arg-type]  # it is only read
        inner = _Hashing(stream)
        _check_tar(inner, path)
        inner.drain()
    whole.drain()
    return _Archive(path, "rootfs", compression, {}, whole.digest, whole.count, inner.digest, inner.count)


class _Hashing:
    """A reader that hashes what passes."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._hash = hashlib.sha256()
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes."""
        data = self._source.read(size)
        self._hash.update(data)
        self.count += len(data)
        return data

    def readinto(self, buffer: bytearray | memoryview) -> int:
        """Fill ``buffer`` as far as it goes; decompressors read so."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def drain(self) -> None:
        """Read to the end."""
        while self.read(1 << 20):
            pass

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"


def _check_tar(stream: Readable, path: str) -> None:
    """Refuse a file that is no tar at all, by its first header."""
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:  # type: ignore[call-overload]
            first = archive.next()
    except tarfile.TarError:
        first = None
    if first is None:
        raise SourceError(
            f"{path} is no image: it is not a tar archive (or it is empty)",
            help="an OCI layout or docker save in a tar is accepted, or the tar of a root file system",
        )


def _import_members(stream: Readable, store: Store) -> dict[str, tuple[str, int]]:
    """Copy the members of an image archive into the store. Empty where it turns out to be none."""
    members: dict[str, tuple[str, int]] = {}
    links: dict[str, str] = {}
    count = -1
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:  # type: ignore[call-overload]
            for count, member in enumerate(archive):
                name = posixpath.normpath(member.name)
                if count > _MAX_MEMBERS or not (name == "." or _IMAGE_NAMES.fullmatch(name)):
                    return {}
                if member.issym() or member.islnk():
                    links[name] = _link_target(name, member)
                elif member.isreg():
                    members[name] = _import_member(archive.extractfile(member), member.size, store)
    except tarfile.TarError as error:
        if count >= 0:
            raise SourceError(f"the tar archive is damaged: {error}", help="get the file again") from error
        return {}
    # docker save used to store a layer that comes twice as a link. Names only: nothing is followed on disk.
    for name, target in links.items():
        if target in members:
            members[name] = members[target]
    return members


def _link_target(name: str, member: tarfile.TarInfo) -> str:
    """The member that a link means: hard links count from the top, symbolic ones from where they are."""
    base = posixpath.dirname(name) if member.issym() else ""
    return posixpath.normpath(posixpath.join(base, member.linkname))


def _import_member(content: Any, size: int, store: Store) -> tuple[str, int]:
    with store.blobs.writer() as writer:
        while chunk := content.read(1 << 20):
            writer.write(chunk)
        if writer.count != size:
            raise SourceError("the archive ends in the middle of a file", help="get the file again")
        return writer.commit(), size


# --- OCI layout in a tar -------------------------------------------------------------------------------


class _Imported(NamedTuple):
    """A provider for blobs that were imported already; a member's real digest is its key in the store."""

    path: str

    def fetch(self, store: Store, descriptor: Descriptor, advance: Callable[[int], None]) -> None:
        """Make sure that it is there."""
        if store.blobs.size(descriptor.digest) != descriptor.size:
            raise SourceError(f"blob {descriptor.digest} is missing in {self.path}")
        advance(descriptor.size)


def _resolve_oci(request: ImageRequest, archive: _Archive, tag: str, store: Store) -> ResolvedImage:
    what = archive.path
    _check_names(archive)
    index = read_document(_member(archive, "index.json", store), f"{what}: index.json")
    if isinstance(index, Manifest):
        raise SourceError(f"{what}: index.json is not an index")
    found = find_tagged(index, tag, f"the OCI archive {what}")

    def read(descriptor: Descriptor) -> Manifest | Index:
        data = _blob(store, descriptor, MAX_DOCUMENT, what)
        return read_document(data, f"{descriptor.digest} in {what}", descriptor.media_type)

    manifest, chosen = choose(read(found), parse_platform(request.platform), read, what)
    image = ImageManifest.read(manifest, _blob(store, manifest.config, MAX_CONFIG, what), what)
    layers = image_layers(image, _Imported(what), what)
    for blob in layers.blobs:
        if store.blobs.size(blob.digest) != blob.size:
            raise SourceError(f"layer {blob.digest} is missing in {what}", help="the archive is incomplete")
    digest = (chosen or found).digest
    return ResolvedImage(
        request, base_of(image, digest), layers, f"OCI archive {what}", found.digest if chosen else ""
    )


def _check_names(archive: _Archive) -> None:
    """A blob's name in the archive must be its digest."""
    for name, (digest, _) in archive.members.items():
        if name.startswith("blobs/sha256/") and name != f"blobs/{digest.replace(':', '/')}":
            raise IntegrityError(
                f"{archive.path}: {name} does not match its digest, it is {digest}",
                help="the archive is damaged: get it again",
            )


def _blob(store: Store, descriptor: Descriptor, limit: int, what: str) -> bytes:
    if store.blobs.size(descriptor.digest) != descriptor.size:
        raise SourceError(f"blob {descriptor.digest} is missing in {what}")
    if descriptor.size > limit:
        raise SourceError(f"{descriptor.digest} in {what} is too large; at most {limit} bytes are accepted")
    return store.blobs.read(descriptor.digest)


def _member(archive: _Archive, name: str, store: Store, limit: int = MAX_DOCUMENT) -> bytes:
    entry = archive.members.get(posixpath.normpath(name))
    if entry is None:
        raise SourceError(f"{name!r} is missing in {archive.path}")
    if entry[1] > limit:
        raise SourceError(f"{name} in {archive.path} is too large; at most {limit} bytes are accepted")
    return store.blobs.read(entry[0])


# --- docker save ---------------------------------------------------------------------------------------


def _resolve_docker(request: ImageRequest, archive: _Archive, tag: str, store: Store) -> ResolvedImage:
    what = archive.path
    entry = _docker_entry(archive, tag, request, store)
    config_bytes = _member(archive, entry["Config"], store, MAX_CONFIG)
    image = ImageManifest(config_bytes)
    check_config(image.document, f"the config in {what}")
    names = entry["Layers"]
    if len(names) != len(image.diff_ids):
        raise IntegrityError(
            f"the config in {what} lists {len(image.diff_ids)} layers, there are {len(names)}"
        )
    blobs: list[Descriptor] = []
    for name in names:
        member = archive.members.get(posixpath.normpath(name))
        if member is None:
            raise SourceError(f"layer {name!r} is missing in {what}")
        blobs.append(_layer_blob(store, *member))
    layers = BlobLayers(image.diff_ids, tuple(blobs), _Imported(what), published=False)
    digest = image.config_descriptor.digest
    return ResolvedImage(request, base_of(image, digest), layers, f"Docker archive {what}")


def _layer_blob(store: Store, digest: str, size: int) -> Descriptor:
    with store.blobs.open(digest) as file:
        compression = sniff(file.read(8))
    if compression not in KINDS:
        raise SourceError(f"a layer is compressed with {compression}, which images do not use")
    return Descriptor(layer_media_type(compression), digest, size)


def _docker_entry(archive: _Archive, tag: str, request: ImageRequest, store: Store) -> Mapping[str, Any]:
    """The item of manifest.json that is meant: by its tag, else the only one, else that of the reference."""
    data = _member(archive, "manifest.json", store)
    wrapped = load_json(b'{"images":' + data + b"}", f"{archive.path}: manifest.json", MAX_DOCUMENT + 64)
    entries = wrapped["images"]
    if not isinstance(entries, list) or not entries or not all(_is_entry(entry) for entry in entries):
        raise SourceError(f"{archive.path}: manifest.json is malformed")
    names = {name: entry for entry in entries for name in entry.get("RepoTags") or ()}
    if tag:
        for name, entry in names.items():
            if tag in (name, name.rpartition(":")[2]):
                return dict(entry)
    elif len(entries) == 1:
        return dict(entries[0])
    elif request.reference in names:
        return dict(names[request.reference])
    shown = ", ".join(sorted(names)) or "none"
    raise SourceError(
        f"{archive.path} holds {len(entries)} images, and none of them is the one that is meant",
        help=f"add :TAG to its name; it has: {shown}",
    )


def _is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("Config"), str)
        and isinstance(entry.get("Layers"), list)
        and all(isinstance(item, str) for item in (*entry["Layers"], *(entry.get("RepoTags") or ())))
    )


# --- root file system ----------------------------------------------------------------------------------


class _WholeFile(NamedTuple):
    """Provides the archive itself as a blob; decompressed where images do not know its compression."""

    archive: _Archive

    def fetch(self, store: Store, descriptor: Descriptor, advance: Callable[[int], None]) -> None:
        """Copy it in."""
        if store.blobs.has(descriptor.digest):
            return
        path = self.archive.path
        unpack = self.archive.compression if descriptor.digest == self.archive.diff_id else "uncompressed"
        with open(path, "rb") as file, decompressed(file, unpack) as stream:
            verified_copy(store, descriptor, stream.read, advance, f"{path} was changed")


def _root_file_system(request: ImageRequest, archive: _Archive, path: str) -> ResolvedImage:
    if archive.compression in KINDS:
        blob = Descriptor(layer_media_type(archive.compression), archive.digest, archive.size)
    else:
        blob = Descriptor(layer_media_type("uncompressed"), archive.diff_id, archive.unpacked)
    layers = BlobLayers((archive.diff_id,), (blob,), _WholeFile(archive), published=False)
    return ResolvedImage(request, bare_base(request, archive.diff_id), layers, f"root file system {path}")
