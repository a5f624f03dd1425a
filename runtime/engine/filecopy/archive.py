"""Reading tar archives, plain or compressed, as streams whose damage is noticed."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from io import RawIOBase
from typing import IO, BinaryIO, Protocol, Self, cast

__all__ = ["DamagedArchiveError", "open_archive"]

_HEAD = 16
_BLOCK = 1 << 16
_GZIP = 31  # zlib's name for the format, with the largest window


class DamagedArchiveError(Exception):
    """The bytes are not (or from some point on no longer) what they promise."""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Packed(Protocol):
    def read1(self, size: int, /) -> bytes: ...


def open_archive(source: BinaryIO) -> tarfile.TarFile | None:
    """The archive in ``source``, to be read once from its start to its end; none if it is none, or has no
    entry. The format (gzip, bzip2, xz, zstd or none) is told by the first bytes, as moby/go-archive does.

    Reading it raises ``tarfile.TarError`` or :class:`DamagedArchiveError`.
    """
    head = source.read(_HEAD)
    try:
        stream = _decompressed(_Prefixed(head, source), head)
        archive = tarfile.open(  # noqa: SIM115  # the caller closes it
            fileobj=cast("IO[bytes]", stream), mode="r|", tarinfo=_Header, bufsize=_BLOCK
        )
    except (tarfile.TarError, DamagedArchiveError):
        return None
    if getattr(archive, "firstmember", None) is None:
        archive.close()
        return None
    return archive


_HeaderError = tarfile.HeaderError


class _Header(tarfile.TarInfo):
    """A header that can not be read is an error anywhere: ``tarfile`` alone takes it for the end."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        """Read the next header."""
        try:
            return super().fromtarfile(tarfile)
        except _HeaderError as error:
            if type(error).__name__ in {"EOFHeaderError", "EmptyHeaderError"}:
                raise
            raise DamagedArchiveError(str(error)) from error


class _Prefixed(RawIOBase):
    """A stream whose first bytes were taken off already."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def read(self, size: int = -1) -> bytes:
        if not self._head:
            return self._rest.read(size)
        if size < 0:
            data, self._head = self._head + self._rest.read(), b""
        else:
            data, self._head = self._head[:size], self._head[size:]
        return data


class _Guarded:
    """A decompressor whose many kinds of errors are one. It gives what there is before the damage, in pieces."""

    def __init__(self, stream: _Packed, error: type[Exception] = EOFError) -> None:
        self._stream = stream
        self._error = error

    def read(self, size: int) -> bytes:
        try:
            return self._stream.read1(size)
        except (OSError, EOFError, self._error) as error:
            raise DamagedArchiveError(str(error)) from error


def _decompressed(stream: _Prefixed, head: bytes) -> _Readable:
    """``stream`` decompressed. The readers are imported when they are needed."""
    source = cast("IO[bytes]", stream)
    if head.startswith(b"\x1f\x8b\x08"):
        from isal import isal_zlib

        error = cast("type[Exception]", isal_zlib.IsalError)
        return _Guarded(_Members(stream, lambda: isal_zlib.decompressobj(_GZIP)), error)
    if head.startswith(b"BZh"):
        from bz2 import BZ2File

        return _Guarded(BZ2File(source))
    if head.startswith(b"\xfd7zXZ\x00"):
        from lzma import LZMAError, LZMAFile

        return _Guarded(LZMAFile(source), LZMAError)
    if head.startswith(b"\x28\xb5\x2f\xfd") or (len(head) >= 8 and head[1:4] == b"\x2a\x4d\x18"):
        from zstandard import ZstdDecompressor, ZstdError

        return _Guarded(_Members(stream, ZstdDecompressor().decompressobj), ZstdError)
    return stream


class _Decompressor(Protocol):
    """What decompresses one gzip member or zstd frame."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


class _Members:
    """Compressed members or frames, one after the other, perhaps with zeros behind them. The packages' own readers
    take a cut off frame for a whole one, or give nothing of the block that the damage is in.
    """

    def __init__(self, stream: _Prefixed, new: Callable[[], _Decompressor]) -> None:
        self._new = new
        self._stream = stream
        self._member = new()
        self._begun = False
        self._rest = b""
        self._ready = b""

    def read1(self, size: int) -> bytes:
        while not self._ready and self._fill():
            pass
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def _fill(self) -> bool:
        """Decompress some more; false at the end."""
        data = self._rest or self._stream.read(_BLOCK)
        self._rest = b""
        if not data:
            if self._begun:
                raise EOFError("the compressed file ends too early")
            return False
        if not self._begun:
            data = data.lstrip(b"\0")
            if not data:
                return True
        self._ready = self._member.decompress(data)
        self._begun = True
        if self._member.eof:
            self._rest = self._member.unused_data
            self._member = self._new()
            self._begun = False
        return True
