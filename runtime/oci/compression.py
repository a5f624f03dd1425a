"""Compressing and decompressing blobs: deterministic on the way out, distrustful on the way in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Protocol

from ..errors import SourceError

__all__ = ["KINDS", "Readable", "Writable", "check_level", "compressed", "decompressed", "sniff"]

# What layers may be compressed with, and the levels that a user may ask for.
KINDS = {"uncompressed": range(0), "gzip": range(10), "zstd": range(23)}
_MAGIC = {
    "gzip": b"\x1f\x8b\x08",
    "zstd": b"\x28\xb5\x2f\xfd",
    "xz": b"\xfd7zXZ\x00",
    "bzip2": b"BZh",
}
# Compressors may cut their output where the input was cut: equal content is handed to them in equal pieces.
_PIECE = 1 << 20
# Of ISA-L's own four levels: about the size of zlib's level 3, several times faster.
_ISAL_LEVEL = 2


class Readable(Protocol):
    """What can be read from."""

    def read(self, size: int = -1, /) -> bytes:
        """At most ``size`` bytes (negative: all); empty at the end."""
        ...


class Writable(Protocol):
    """What can be written to."""

    def write(self, data: bytes, /) -> object:
        """Take all of ``data``."""
        ...


def sniff(head: bytes) -> str:
    """How a file is compressed that begins with ``head`` (six bytes are enough)."""
    for kind, magic in _MAGIC.items():
        if head.startswith(magic):
            return kind
    return "uncompressed"


def check_level(kind: str, level: int | None) -> None:
    """Raises ``ValueError`` where ``kind`` has no such level."""
    if level is not None and level not in KINDS[kind]:
        levels = KINDS[kind]
        raise ValueError(f"{kind} has levels 0 to {levels[-1]}" if levels else f"{kind} has no levels")


@contextmanager
def compressed(target: IO[bytes], kind: str, level: int | None = None) -> Iterator[Writable]:
    """A writer whose bytes arrive in ``target`` compressed as ``kind``. Equal bytes give equal output: no
    time, no name, no dependence on how they were cut into writes. ``target`` stays open.
    """
    if kind == "uncompressed":
        yield target
        return
    inner = _gzip_writer(target, level) if kind == "gzip" else _zstd_writer(target, level)
    with inner as stream:
        pieces = _Pieces(stream)
        yield pieces
        pieces.flush()


def _isal() -> Any:
    from isal.igzip import IGzipFile

    return IGzipFile


def _gzip_writer(target: IO[bytes], level: int | None) -> Any:
    if level is not None:
        from gzip import GzipFile

        return GzipFile(filename="", mode="wb", compresslevel=level, fileobj=target, mtime=0)
    return _isal()(filename="", mode="wb", compresslevel=_ISAL_LEVEL, fileobj=target, mtime=0)


def _zstd_writer(target: IO[bytes], level: int | None) -> Any:
    import zstandard

    compressor = zstandard.ZstdCompressor(level=3 if level is None else level)
    return compressor.stream_writer(target, closefd=False)


class _Pieces:
    """Hands on what is written in pieces of equal size."""

    def __init__(self, target: Writable) -> None:
        self._target = target
        self._buffer = bytearray()

    def write(self, data: bytes) -> int:
        """Take ``data``; complete pieces go on."""
        self._buffer += data
        while len(self._buffer) >= _PIECE:
            self._target.write(bytes(self._buffer[:_PIECE]))
            del self._buffer[:_PIECE]
        return len(data)

    def flush(self) -> None:
        """Hand on the rest."""
        self._target.write(bytes(self._buffer))
        self._buffer.clear()


@contextmanager
def decompressed(source: IO[bytes], kind: str) -> Iterator[Readable]:
    """A reader of what ``source`` holds; it stays open. Damage is a :class:`SourceError` on reading."""
    if kind == "uncompressed":
        yield source
        return
    stream = _reader(source, kind)
    try:
        yield _Checked(stream, kind)
    finally:
        stream.close()


def _reader(source: IO[bytes], kind: str) -> Any:
    if kind == "gzip":
        return _isal()(fileobj=source, mode="rb")
    if kind == "zstd":
        import zstandard

        # Frames may ask for a window of gigabytes; 128 MiB is what zstd itself accepts without being told.
        unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 27)
        return unpacker.stream_reader(source, read_across_frames=True, closefd=False)
    if kind == "xz":
        from lzma import LZMAFile

        return LZMAFile(source)
    from bz2 import BZ2File

    return BZ2File(source)


class _Checked:
    """A reader that says in our words what is wrong with compressed data."""

    def __init__(self, stream: Readable, kind: str) -> None:
        self._stream = stream
        self._kind = kind

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes."""
        try:
            return self._stream.read(size)
        except Exception as error:  # each library has its own tree of errors
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise SourceError(f"damaged {self._kind} data: {error}", help="get the file again") from error
