"""Layer archives as layerc writes them: one archive for one diff, byte for byte.

POSIX ustar headers; what does not fit there (long or non-ASCII names, fractions of a second, large numbers,
extended attributes) stands in a pax header before them, as most tools write layers. Whiteouts as the OCI
image spec, "Image Layer Filesystem Changeset", has them. No user names, no access times.
"""

from __future__ import annotations

import os
import struct

from .entry import Entry

__all__ = ["END", "OPAQUE_MARK", "WHITEOUT", "headers", "padding"]

BLOCK = 512
END = bytes(2 * BLOCK)
WHITEOUT = ".wh."
OPAQUE_MARK = ".wh..wh..opq"

_HEADER = struct.Struct("100s48s8s1s100s8s64x16s155s12x")
_MAGIC = b"ustar\x0000"
_NO_DEVICE = b"0000000\x000000000\x00"
_FIXED_SUM = sum(_MAGIC) + 8 * ord(" ")  # a checksum counts its own field as blanks
_TYPES = {"file": b"0", "symlink": b"2", "character": b"3", "block": b"4", "directory": b"5", "fifo": b"6"}
_MOST_ID = 0o7777777
_MOST_TIME = _MOST_SIZE = 0o77777777777
_NANO = 10**9


def headers(entry: Entry) -> bytes:
    """All header blocks of an entry; a file's content (if it is no hard link) and padding follow it."""
    if entry.kind == "whiteout":
        directory, slash, hidden = entry.path.rpartition("/")
        return _marker(f"{directory}{slash}{WHITEOUT}{hidden}")
    name = os.fsencode(entry.path)
    if entry.kind == "directory":
        name = name + b"/" if name else b"./"
    kind = b"1" if entry.link else _TYPES[entry.kind]
    size = entry.size if kind == b"0" else 0
    target = os.fsencode(entry.link or entry.target)
    data = _blocks(name, kind, entry.mode, entry.uid, entry.gid, size, entry.mtime_ns, target, entry)
    if entry.opaque:
        data += _marker(f"{entry.path}/{OPAQUE_MARK}" if entry.path else OPAQUE_MARK)
    return data


def padding(size: int) -> bytes:
    """What fills the last block of a content of ``size`` bytes."""
    return bytes(-size % BLOCK)


def _marker(path: str) -> bytes:
    return _blocks(os.fsencode(path), b"0", 0, 0, 0, 0, 0, b"", None)


def _blocks(
    name: bytes,
    kind: bytes,
    mode: int,
    uid: int,
    gid: int,
    size: int,
    mtime_ns: int,
    target: bytes,
    entry: Entry | None,
) -> bytes:
    records: dict[bytes, bytes] = {}
    seconds, fraction = divmod(mtime_ns, _NANO)
    if fraction or not 0 <= seconds <= _MOST_TIME:
        records[b"mtime"] = _time(mtime_ns)
        seconds = min(max(seconds, 0), _MOST_TIME)
    if uid > _MOST_ID:
        records[b"uid"] = b"%d" % uid
    if gid > _MOST_ID:
        records[b"gid"] = b"%d" % gid
    if size > _MOST_SIZE:
        records[b"size"] = b"%d" % size
    prefix, short = _split(name)
    if short is None or _is_foreign(name):
        records[b"path"] = name
        prefix, short = b"", name[:100]
    if len(target) > 100 or _is_foreign(target):
        records[b"linkpath"] = target
    device = (0, 0)
    if entry is not None:
        device = entry.device
        for attribute, content in entry.xattrs:
            records[b"SCHILY.xattr." + os.fsencode(attribute)] = content
    header = _block(
        short,
        kind,
        mode,
        0 if uid > _MOST_ID else uid,
        0 if gid > _MOST_ID else gid,
        0 if size > _MOST_SIZE else size,
        seconds,
        target[:100],
        device,
        prefix,
    )
    return header if not records else _extended(name, records) + header


def _extended(name: bytes, records: dict[bytes, bytes]) -> bytes:
    body = b"".join(_record(key, records[key]) for key in sorted(records))
    last = name.rstrip(b"/").rpartition(b"/")[2]
    if not last.isascii():
        last = last.decode("ascii", "replace").replace("\ufffd", "_").encode()
    block = _block((b"PaxHeaders.0/" + last)[:100], b"x", 0, 0, 0, len(body), 0, b"", (0, 0), b"")
    return block + body + padding(len(body))


def _record(key: bytes, value: bytes) -> bytes:
    """``length key=value\\n``, where the length counts itself."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    if rest + len(str(length)) != length:
        length += 1
    return b"%d %s=%s\n" % (length, key, value)


def _time(nanoseconds: int) -> bytes:
    seconds, fraction = divmod(abs(nanoseconds), _NANO)
    text = f"{'-' if nanoseconds < 0 else ''}{seconds}.{fraction:09d}"
    return text.rstrip("0").rstrip(".").encode()


def _is_foreign(name: bytes) -> bool:
    """Whether a name should stand in a pax header though it is short: it is UTF-8, and not ASCII."""
    if name.isascii():
        return False
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def _split(name: bytes) -> tuple[bytes, bytes | None]:
    """A name's prefix and rest, as ustar holds them; none where it does not fit."""
    if len(name) <= 100:
        return b"", name
    cut = name.rfind(b"/", 0, 156)
    # A directory's last slash does not separate anything.
    if cut == len(name) - 1:
        cut = name.rfind(b"/", 0, cut)
    if cut <= 0 or len(name) - cut - 1 > 100:
        return b"", None
    return name[:cut], name[cut + 1 :]


def _block(
    name: bytes,
    kind: bytes,
    mode: int,
    uid: int,
    gid: int,
    size: int,
    seconds: int,
    target: bytes,
    device: tuple[int, int],
    prefix: bytes,
) -> bytes:
    numbers = b"%07o\x00%07o\x00%07o\x00%011o\x00%011o\x00" % (mode, uid, gid, size, seconds)
    devices = b"%07o\x00%07o\x00" % device if any(device) else _NO_DEVICE
    # Only what is not zero is summed up: it is a fifth of the block, and there may be many blocks.
    total = _FIXED_SUM + sum(b"".join((name, numbers, kind, target, devices, prefix)))
    return _HEADER.pack(name, numbers, b"%06o\x00 " % total, kind, target, _MAGIC, devices, prefix)
