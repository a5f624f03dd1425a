"""OCI layouts: a directory of blobs with an index. Source: OCI image spec, "Image Layout"."""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Final

from ..errors import InputError, IntegrityError, SourceError
from .descriptor import Descriptor
from .digests import of_bytes, parse_digest
from .documents import MAX_DOCUMENT, Index, Manifest, load_json, read_document

__all__ = ["CONTAINERD_NAME", "LAYOUT_FILE", "REF_NAME", "Layout", "LayoutWriter", "find_tagged"]

REF_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"
LAYOUT_FILE = b'{"imageLayoutVersion":"1.0.0"}'


class Layout:
    """A layout on disk, read-only. Made by strangers: nothing is believed before its digest was compared."""

    def __init__(self, path: str) -> None:
        self.path: Final = path

    @classmethod
    def open(cls, path: str) -> Layout:
        """Raises :class:`SourceError` where ``path`` is no OCI layout of version 1."""
        layout = cls(path)
        try:
            data = layout._read("oci-layout", 4096)
        except FileNotFoundError:
            raise SourceError(
                f"{path} is not an OCI layout: it has no file oci-layout",
                help="an OCI layout is a directory with oci-layout, index.json and blobs/",
            ) from None
        version = load_json(data, f"{path}/oci-layout").get("imageLayoutVersion")
        if not isinstance(version, str) or version.split(".")[0] != "1":
            raise SourceError(f"{path}/oci-layout has version {version!r}; only 1.0.0 is known")
        return layout

    def index(self) -> Index:
        """The content of index.json."""
        try:
            data = self._read("index.json", MAX_DOCUMENT)
        except FileNotFoundError:
            raise SourceError(f"{self.path} is not an OCI layout: it has no index.json") from None
        index = read_document(data, f"{self.path}/index.json")
        if isinstance(index, Manifest):
            raise SourceError(f"{self.path}/index.json is not an index")
        return index

    def find(self, tag: str = "", digest: str = "") -> Descriptor:
        """The image that is meant. Without both: the only one there is, else the one tagged ``latest``.

        Raises :class:`SourceError` that lists what the layout has.
        """
        index = self.index()
        if not digest:
            return find_tagged(index, tag, f"the OCI layout {self.path}")
        listed = (entry for entry in index.manifests if entry.digest == digest)
        return next(listed, None) or self._unlisted(digest)

    def _unlisted(self, digest: str) -> Descriptor:
        """A manifest that is in the layout without being listed in its index (part of a nested one)."""
        parse_digest(digest)
        try:
            data = self._read(self._blob_name(digest), MAX_DOCUMENT)
        except FileNotFoundError:
            raise SourceError(f"there is no {digest} in the OCI layout {self.path}") from None
        document = read_document(data, digest)
        return Descriptor(document.media_type, digest, len(data))

    def read(self, descriptor: Descriptor, limit: int = MAX_DOCUMENT) -> bytes:
        """A small blob, verified."""
        what = f"blob {descriptor.digest} in {self.path}"
        try:
            data = self._read(self._blob_name(descriptor.digest), limit)
        except FileNotFoundError:
            raise SourceError(f"{what} is missing") from None
        if len(data) != descriptor.size or of_bytes(data, descriptor.digest) != descriptor.digest:
            raise IntegrityError(f"{what} is not what its digest says", help="the layout is damaged")
        return data

    def open_blob(self, descriptor: Descriptor) -> IO[bytes]:
        """A blob's bytes, **not** verified; the caller hashes them. Raises :class:`SourceError`."""
        try:
            return self._open(self._blob_name(descriptor.digest))
        except FileNotFoundError:
            raise SourceError(f"blob {descriptor.digest} is missing in {self.path}") from None

    def document(self, descriptor: Descriptor) -> Manifest | Index:
        """The manifest or index that ``descriptor`` names."""
        return read_document(
            self.read(descriptor), f"{descriptor.digest} in {self.path}", descriptor.media_type
        )

    @staticmethod
    def _blob_name(digest: str) -> str:
        return "blobs/{}/{}".format(*parse_digest(digest))

    def _open(self, name: str) -> IO[bytes]:
        """Open a regular file below the layout; a pipe or device put there does not hang us."""
        path = os.path.join(self.path, name)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (NotADirectoryError, FileNotFoundError):
            raise FileNotFoundError(path) from None
        except OSError as error:
            raise SourceError(f"can not read {path}: {error.strerror}") from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise SourceError(f"{path} is not a regular file")
        return open(descriptor, "rb")

    def _read(self, name: str, limit: int) -> bytes:
        with self._open(name) as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise SourceError(f"{self.path}/{name} is too large; at most {limit} bytes are accepted")
        return data


def find_tagged(index: Index, tag: str, what: str) -> Descriptor:
    """The entry of a layout's index that ``tag`` means; without one, the only image there is, else the one
    tagged ``latest``. Raises :class:`SourceError` that lists what there is.
    """
    wanted = tag or "latest"
    for entry in index.manifests:
        name = entry.annotation(REF_NAME)
        if wanted in (name, _tag_of(name), _tag_of(entry.annotation(CONTAINERD_NAME))):
            return entry
    if not tag and len({entry.digest for entry in index.manifests}) == 1:
        return index.manifests[0]
    names = sorted({entry.annotation(REF_NAME) or entry.digest for entry in index.manifests})
    raise SourceError(
        f"there is no image {wanted!r} in {what}",
        help=f"it has: {', '.join(names)}" if names else "it holds no image at all",
    )


def _tag_of(name: str | None) -> str | None:
    """``docker.io/library/x:tag`` → ``tag``; no name or no tag → none."""
    if name is None or "@" in name:
        return None
    last = name.rpartition("/")[2]
    return last.partition(":")[2] or None


class LayoutWriter:
    """Adds images to a layout, making it where there is none. What it holds already stays.

    Blobs come under a temporary name and are renamed; index.json is replaced in one go, last, so a reader
    never sees a reference to a blob that is not there.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            os.makedirs(os.path.join(path, "blobs", "sha256"), exist_ok=True)
            if not os.path.exists(os.path.join(path, "oci-layout")):
                self._refuse_foreign_files()
                self._replace("oci-layout", LAYOUT_FILE)
        except OSError as error:
            raise InputError(f"can not write an OCI layout to {path}: {error.strerror}") from error

    def _refuse_foreign_files(self) -> None:
        if others := sorted(set(os.listdir(self.path)) - {"blobs", "index.json", "ingest"}):
            os.rmdir(os.path.join(self.path, "blobs", "sha256"))
            os.rmdir(os.path.join(self.path, "blobs"))
            raise InputError(
                f"{self.path} holds other files ({others[0]}), it is no OCI layout",
                help="name a directory that is empty or does not exist yet",
            )

    def has(self, descriptor: Descriptor) -> bool:
        """Whether the blob is there, with the right size."""
        try:
            return os.stat(self._blob_path(descriptor.digest)).st_size == descriptor.size
        except FileNotFoundError:
            return False

    def add_bytes(self, data: bytes) -> str:
        """Write a small blob; returns its digest."""
        digest = of_bytes(data)
        if not self.has(Descriptor("", digest, len(data))):
            self._replace(os.path.relpath(self._blob_path(digest), self.path), data)
        return digest

    def add_file(self, descriptor: Descriptor, source: str) -> None:
        """Copy the blob from the file ``source``, whose digest the caller vouches for. It shares the bytes
        where the file system can (reflink).
        """
        if self.has(descriptor):
            return
        with self._temporary(self._blob_path(descriptor.digest)) as target, open(source, "rb") as content:
            copy_bytes(content, target)

    def tag(self, descriptor: Descriptor, names: Iterable[dict[str, str]]) -> None:
        """List ``descriptor`` in index.json once for each set of annotations in ``names`` (none: once,
        without a name), which are added to its own. An entry that bore the same name before is replaced, as
        is an equal unnamed one.
        """
        with self._locked():
            entries = list(self._entries())
            for annotations in list(names) or [{}]:
                entry = descriptor.annotated(annotations)
                entries = [old for old in entries if not _replaces(entry, old)]
                entries.append(entry)
            self._replace("index.json", Index(tuple(entries)).to_bytes())

    def _entries(self) -> tuple[Descriptor, ...]:
        return Layout(self.path).index().manifests if os.path.exists(f"{self.path}/index.json") else ()

    def _blob_path(self, digest: str) -> str:
        return os.path.join(self.path, "blobs", *parse_digest(digest))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _temporary(self, path: str) -> Iterator[IO[bytes]]:
        """A file that takes the place of ``path`` when the block ends well, and vanishes when it does not."""
        temporary = os.path.join(
            os.path.dirname(path), f".{os.path.basename(path)[:24]}.{secrets.token_hex(6)}"
        )
        try:
            with open(temporary, "xb") as file:
                yield file
            os.rename(temporary, path)
        except BaseException:
            if os.path.exists(temporary):
                os.unlink(temporary)
            raise

    def _replace(self, name: str, data: bytes) -> None:
        with self._temporary(os.path.join(self.path, name)) as file:
            file.write(data)


def _replaces(new: Descriptor, old: Descriptor) -> bool:
    """Whether ``old`` goes when ``new`` is listed: it bears the same name, or is the same without any."""
    named = [key for key in (REF_NAME, CONTAINERD_NAME) if old.annotation(key) or new.annotation(key)]
    if not named:
        return old.digest == new.digest
    return all(old.annotation(key) == new.annotation(key) for key in named)


def copy_bytes(source: IO[bytes], target: IO[bytes]) -> None:
    """The rest of ``source`` to ``target``, inside the kernel where it can be."""
    target.flush()
    while True:
        try:
            copied = os.copy_file_range(source.fileno(), target.fileno(), 1 << 30)
        except OSError:
            break
        if copied == 0:
            return
    while chunk := source.read(1 << 20):
        target.write(chunk)
