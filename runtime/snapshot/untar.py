"""Tar archives as strangers write them, read forwards once.

Formats: v7, ustar, star, GNU (long names, sparse files) and pax (with GNU's sparse files 0.0, 0.1 and 1.0), as
Go's ``archive/tar`` reads them, because Docker and containerd do. What an archive claims is bounded before it is
believed: headers may take 1 MiB, holes of sparse files 16 GiB together. All work is linear in the bytes read.

The standard library's ``tarfile`` is not used: it seeks back, takes a damaged header for the archive's end, does
not bound its headers, and is slower.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple, NoReturn, Protocol

from ..errors import SourceError

__all__ = ["HARD_LINK", "Member", "Readable", "TarReader"]

HARD_LINK = "link"

_BLOCK = 512
_CHUNK = 1 << 20
_MOST_HEADER = 1 << 20
_MOST_HOLES = 16 << 30
_MOST_PIECES = 1 << 17
_XATTR = b"SCHILY.xattr."
_KINDS = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"S": "file",
    b"1": HARD_LINK,
    b"2": "symlink",
    b"3": "character",
    b"4": "block",
    b"5": "directory",
    b"6": "fifo",
}
# name, mode, uid, gid, size, mtime, checksum, type, target, magic, version, users, major, minor, prefix, rest
_HEADER = struct.Struct("100s8s8s8s12s12s8sc100s6s2s64x8s8s155s12s")
_Piece = tuple[int, int]


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to ``size`` bytes; empty at the end."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an archive. Names are bytes; ``kind`` is that of an entry, or ``HARD_LINK``.

    ``size`` is that of the file with its holes, ``stored`` the bytes of it that the archive has, and ``pieces``
    where they belong (offset and length, ascending); none where the file has no holes.
    """

    name: bytes
    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    stored: int
    mtime_ns: int
    target: bytes
    device: tuple[int, int]
    xattrs: tuple[tuple[bytes, bytes], ...] = ()
    pieces: tuple[_Piece, ...] | None = None


class _Header(NamedTuple):
    name: bytes
    mode: bytes
    uid: bytes
    gid: bytes
    size: bytes
    mtime: bytes
    checksum: bytes
    type: bytes
    target: bytes
    magic: bytes
    version: bytes
    major: bytes
    minor: bytes
    prefix: bytes
    rest: bytes


class TarReader:
    """The members of an archive, one after the other. Every method raises :class:`SourceError`."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._buffer = memoryview(b"")
        self._left = 0  # bytes of the current member's content that were not taken yet
        self._padding = 0
        self._holes = 0

    def __iter__(self) -> Iterator[Member]:
        """Members in order. What was not taken of a member's content is skipped."""
        extended: dict[bytes, bytes] = {}
        sparse: list[_Piece] = []
        while True:
            self._skip(self._left + self._padding)
            self._left = self._padding = 0
            block = self._exact(_BLOCK, at_end=True)
            if block is None or not any(block):
                self._check_end(block)
                return
            header = _header(block)
            size = _number(header.size)
            if header.type in b"xgLK":
                data = self._special(size)
                if header.type == b"x":
                    extended, sparse = _records(data)
                elif header.type != b"g":  # Docker leaves global headers aside
                    extended[b"path" if header.type == b"L" else b"linkpath"] = data.split(b"\0", 1)[0]
                continue
            yield self._member(header, block, extended, sparse)
            extended, sparse = {}, []

    def content(self, member: Member) -> Iterator[memoryview | int]:
        """The content of the current member, piece by piece: bytes, or the length of a hole."""
        if member.pieces is None:
            yield from self._bytes(member.stored)
            return
        here = 0
        for offset, length in member.pieces:
            if offset > here:
                yield offset - here
            yield from self._bytes(length)
            here = offset + length
        if member.size > here:
            yield member.size - here

    def drain(self) -> None:
        """Read what stands after the archive's end."""
        self._buffer = memoryview(b"")
        while self._stream.read(_CHUNK):
            pass

    # --- bytes ----------------------------------------------------------------------------------------

    def _fill(self) -> bool:
        if not self._buffer:
            self._buffer = memoryview(self._stream.read(_CHUNK))
        return bool(self._buffer)

    def _exact(self, count: int, *, at_end: bool = False) -> bytes | None:
        """``count`` bytes; none at the end of the stream, where that is allowed."""
        if len(self._buffer) >= count:
            data = bytes(self._buffer[:count])
            self._buffer = self._buffer[count:]
            return data
        parts: list[bytes] = []
        left = count
        while left and self._fill():
            part = bytes(self._buffer[:left])
            self._buffer = self._buffer[left:]
            parts.append(part)
            left -= len(part)
        if left == count and at_end:
            return None
        if left:
            _bad("it ends in the middle")
        return b"".join(parts)

    def _bytes(self, count: int) -> Iterator[memoryview]:
        while count:
            if not self._fill():
                _bad("it ends in the middle of a file")
            data = self._buffer[:count]
            self._buffer = self._buffer[len(data) :]
            self._left -= len(data)
            count -= len(data)
            yield data

    def _skip(self, count: int) -> None:
        while count:
            if not self._fill():
                _bad("it ends in the middle of a file")
            taken = min(count, len(self._buffer))
            self._buffer = self._buffer[taken:]
            count -= taken

    def _special(self, size: int) -> bytes:
        """What a header that is itself a member holds."""
        if size > _MOST_HEADER:
            _bad("it has a header that is too large")
        return (self._exact(size + -size % _BLOCK) or b"")[:size]

    def _check_end(self, block: bytes | None) -> None:
        if block is not None and any(self._exact(_BLOCK, at_end=True) or b""):
            _bad("something stands after one block of zeros, which is no end and no header")

    # --- members --------------------------------------------------------------------------------------

    def _member(
        self, header: _Header, block: bytes, extended: dict[bytes, bytes], sparse: list[_Piece]
    ) -> Member:
        kind = _KINDS.get(header.type)
        if kind is None:
            _bad(f"it has a member of the unknown type {header.type!r}")
        name = extended.get(b"path") or _name(header)
        if header.type == b"\0" and name.endswith(b"/"):
            kind = "directory"
        # Only files have content; links of some old archives claim a size all the same.
        stored = _decimal(extended, b"size", _number(header.size)) if kind == "file" else 0
        self._left, self._padding = stored, -stored % _BLOCK
        member = Member(
            name,
            kind,
            _number(header.mode) & 0o7777,
            _decimal(extended, b"uid", _number(header.uid)),
            _decimal(extended, b"gid", _number(header.gid)),
            stored,
            stored,
            _time(extended.get(b"mtime"), header.mtime),
            extended.get(b"linkpath") or header.target.split(b"\0", 1)[0],
            (_number(header.major), _number(header.minor)) if kind in ("character", "block") else (0, 0),
            tuple(sorted((k[len(_XATTR) :], v) for k, v in extended.items() if k.startswith(_XATTR))),
        )
        if kind == "file" and (header.type == b"S" or sparse or b"GNU.sparse.major" in extended):
            return self._sparse(member, header, block, extended, sparse)
        return member

    def _sparse(
        self,
        member: Member,
        header: _Header,
        block: bytes,
        extended: dict[bytes, bytes],
        sparse: list[_Piece],
    ) -> Member:
        """A file with holes, in one of the four forms."""
        name = extended.get(b"GNU.sparse.name") or member.name
        if header.type == b"S":
            size = _number(block[483:495])
            pieces = self._old_map(block)
        else:
            size = _decimal(extended, b"GNU.sparse.realsize", _decimal(extended, b"GNU.sparse.size", -1))
            pieces = sparse if b"GNU.sparse.major" not in extended else self._stored_map()
        here = data = 0
        for offset, length in pieces:
            if offset < here:
                _bad("the pieces of a sparse file overlap")
            here = offset + length
            data += length
        if here > size or data != self._left:
            _bad("the pieces of a sparse file do not fit its size")
        self._holes += size - data
        if self._holes > _MOST_HOLES:
            _bad("its sparse files have holes of more than 16 GiB")
        return replace(member, name=name, size=size, stored=data, pieces=tuple(pieces))

    def _old_map(self, block: bytes) -> list[_Piece]:
        """GNU's own form: four pieces in the header, more in blocks after it."""
        pieces = _pieces(block[386:482])
        more = block[482]
        while more:
            extension = self._exact(_BLOCK) or b""
            pieces += _pieces(extension[:504])
            more = extension[504]
            if len(pieces) > _MOST_PIECES:
                _bad("it has a header that is too large")
        return pieces

    def _stored_map(self) -> list[_Piece]:
        """Form 1.0: decimal lines before the content, padded to a block."""
        text = b""
        lines: list[bytes] = []
        wanted = 1
        while len(lines) < wanted:
            if self._left < _BLOCK or wanted > 2 * _MOST_PIECES:
                _bad("a sparse file has no readable map")
            *more, text = (text + (self._exact(_BLOCK) or b"")).split(b"\n")
            self._left -= _BLOCK
            lines += more
            if lines:
                wanted = 1 + 2 * _digits(lines[0])
            if len(text) > _BLOCK:
                _bad("a sparse file has no readable map")
        numbers = [_digits(line) for line in lines[1:wanted]]
        return list(zip(numbers[::2], numbers[1::2], strict=True))


def _header(block: bytes) -> _Header:
    header = _Header._make(_HEADER.unpack(block))
    claimed = _number(header.checksum)
    actual = sum(block) - sum(header.checksum) + 8 * 0x20
    # Some old programs summed signed bytes.
    if claimed != actual and claimed != actual - 256 * sum(byte > 127 for byte in block):
        _bad("a header is damaged")
    return header


def _name(header: _Header) -> bytes:
    name = header.name.split(b"\0", 1)[0]
    if header.magic != b"ustar\0":
        return name
    prefix = header.prefix[:131] if header.rest.endswith(b"tar\0") else header.prefix
    prefix = prefix.split(b"\0", 1)[0]
    return prefix + b"/" + name if prefix else name


def _number(field: bytes) -> int:
    """A number of a header: octal digits, or (large ones) 256-based with the first bit set."""
    if field[0] & 0x80:
        if field[0] & 0x40:
            _bad("a header has a negative number")
        return int.from_bytes(field, "big") & (1 << 8 * len(field) - 1) - 1
    text = field.strip(b" \0").split(b"\0", 1)[0].rstrip()
    if not text:
        return 0
    if text.translate(None, b"01234567"):
        _bad(f"a header has {text!r} in place of a number")
    return int(text, 8)


def _digits(text: bytes) -> int:
    if not text.isdigit() or len(text) > 20:
        _bad(f"a header has {text[:40]!r} in place of a number")
    return int(text)


def _decimal(extended: dict[bytes, bytes], key: bytes, default: int) -> int:
    text = extended.get(key)
    return _digits(text) if text else default


def _time(text: bytes | None, field: bytes) -> int:
    if text:
        try:
            time = Decimal(text.decode("ascii"))
            # Anything else is no time, and its digits could fill the memory.
            if abs(time) < 1 << 63:
                return int(time.scaleb(9))
        except (ArithmeticError, ValueError):
            pass
        _bad(f"a header has {text[:40]!r} in place of a time")
    if field[0] & 0xC0 == 0xC0:  # before 1970
        return int.from_bytes(field, "big", signed=True) * 10**9
    return _number(field) * 10**9


def _records(data: bytes) -> tuple[dict[bytes, bytes], list[_Piece]]:
    """The records of a pax header, and the pieces of a sparse file of form 0.0 or 0.1."""
    records: dict[bytes, bytes] = {}
    numbers: list[int] = []
    start = 0
    while start < len(data):
        blank = data.find(b" ", start, start + 21)
        end = start + _digits(data[start:blank]) if blank > 0 else 0
        key, equals, value = data[blank + 1 : end - 1].partition(b"=")
        if end <= blank + 1 or end > len(data) or data[end - 1] != ord("\n") or not (key and equals):
            _bad("a pax header is damaged")
        if key in (b"GNU.sparse.offset", b"GNU.sparse.numbytes"):
            if (key == b"GNU.sparse.offset") != (len(numbers) % 2 == 0):
                _bad("the pieces of a sparse file are damaged")
            numbers.append(_digits(value))
        elif key == b"GNU.sparse.map":
            numbers = [_digits(number) for number in value.split(b",")] if value else []
        else:
            records[key] = value
        start = end
    if len(numbers) % 2:
        _bad("the pieces of a sparse file are damaged")
    return records, list(zip(numbers[::2], numbers[1::2], strict=True))


def _pieces(data: bytes) -> list[_Piece]:
    found: list[_Piece] = []
    for start in range(0, len(data) - 23, 24):
        offset, length = data[start : start + 12], data[start + 12 : start + 24]
        if not any(offset) and not any(length):
            break
        found.append((_number(offset), _number(length)))
    return found


def _bad(what: str) -> NoReturn:
    raise SourceError(f"a layer is no readable tar archive: {what}")
