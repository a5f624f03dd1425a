"""Files that exporters write: under a temporary name first, and archives of an image's blobs."""

from __future__ import annotations

import os
import secrets
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from ..errors import InputError, UsageError
from ..oci.digests import parse_digest
from ..oci.documents import Index, dump_json
from ..oci.layout import LAYOUT_FILE, copy_bytes
from ..store import Store
from .packing import Packed, entry_names

__all__ = ["opened", "write_archive"]


@contextmanager
def opened(dest: str, what: str) -> Iterator[IO[bytes]]:
    """Where an archive goes: a file that appears when it is complete, or standard output for ``-``.

    A device or pipe at ``dest`` is written to as it is. Raises :class:`UsageError`, :class:`InputError`.
    """
    if dest == "-":
        if sys.stdout.isatty():
            raise UsageError(
                f"{what} is not written to a terminal", help="name a file: dest=FILE, or redirect the output"
            )
        with open(sys.stdout.fileno(), "wb", closefd=False) as stream:
            yield stream
        return
    try:
        with _opened(os.path.abspath(dest)) as stream:
            yield stream
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        raise InputError(f"can not write {dest}: {error.strerror}") from error


@contextmanager
def _opened(path: str) -> Iterator[IO[bytes]]:
    path = os.path.realpath(path)
    if os.path.isdir(path):
        raise InputError(f"{path} is a directory", help="name a file")
    if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
        with open(path, "wb") as file:
            yield file
        return
    temporary = os.path.join(os.path.dirname(path), f".{os.path.basename(path)[:60]}.{secrets.token_hex(6)}")
    try:
        with open(temporary, "xb") as file:
            yield file
        os.rename(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def write_archive(
    packed: Packed, names: Sequence[str], store: Store, target: IO[bytes], extra: dict[str, bytes]
) -> None:
    """An OCI layout as a tar, and ``extra`` files in it. Members are sorted and bear no times."""
    entries = [packed.root.annotated(named) for named in entry_names(names, packed.created)]
    files = {
        "oci-layout": LAYOUT_FILE,
        "index.json": Index(tuple(entries)).to_bytes(),
        **{_blob_name(digest): data for digest, data in packed.documents.items()},
        **extra,
    }
    blobs = {_blob_name(layer.digest): layer.digest for layer in packed.layers}
    for name in ("blobs", *sorted({os.path.dirname(name) for name in blobs | files} - {"", "blobs"})):
        target.write(_header(f"{name}/", None))
    for name in sorted(blobs | files):
        if name in files:
            target.write(_header(name, len(files[name])))
            target.write(files[name] + bytes(-len(files[name]) % 512))
            continue
        with store.blobs.open(blobs[name]) as content:
            size = os.fstat(content.fileno()).st_size
            target.write(_header(name, size))
            copy_bytes(content, target)
        target.write(bytes(-size % 512))
    target.write(bytes(1024))


def _blob_name(digest: str) -> str:
    return "blobs/{}/{}".format(*parse_digest(digest))


def _header(name: str, size: int | None) -> bytes:
    """The header of a file of ``size`` bytes, or of a directory."""
    from tarfile import DIRTYPE, PAX_FORMAT, TarInfo

    info = TarInfo(name)
    info.mode = 0o755 if size is None else 0o444
    info.size = size or 0
    if size is None:
        info.type = DIRTYPE
    return info.tobuf(PAX_FORMAT)


def docker_manifest(packed: Packed, names: Sequence[str]) -> bytes:
    """``manifest.json`` of ``docker save``, which points at the blobs of the layout."""
    (image,) = packed.images
    entry = {
        "Config": _blob_name(image.config_descriptor.digest),
        "RepoTags": list(names) or None,
        "Layers": [_blob_name(layer.digest) for layer in image.layers],
    }
    return dump_json([entry])
