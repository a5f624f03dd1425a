"""What was read of a build context's files before, so that an unchanged file is not read again.

A record is trusted while the file's *signature* (size, times, inode, device) is the same. A file that was
modified within the last tick of the clock before it was read may be modified again without a change of its
signature; such a record is never kept ("racily clean" in git's words).
"""

from __future__ import annotations

import json
import os
import zlib
from array import array
from collections.abc import Iterable
from itertools import repeat
from typing import NamedTuple

__all__ = ["Record", "Signature", "StatCache", "is_racy", "signature"]

# Size, mtime, ctime (nanoseconds), inode, device.
Signature = tuple[int, int, int, int, int]
Xattrs = tuple[tuple[str, bytes], ...]

_MAGIC = b"layerc stat cache 1\n"
_TICK_NS = 20_000_000
_COARSE_TICK_NS = 2_000_000_000
_SECOND_NS = 1_000_000_000
_UNKNOWN = bytes(32)


class Record(NamedTuple):
    """``digest`` is ``sha256:…`` or empty; ``target`` that of a symbolic link."""

    signature: Signature
    digest: str = ""
    target: str = ""
    xattrs: Xattrs = ()


def signature(status: os.stat_result) -> Signature:
    """What has to be the same for a file to count as unchanged."""
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)


def is_racy(mark: Signature, read_ns: int) -> bool:
    """Whether a file with signature ``mark``, read at ``read_ns``, could have been modified after that in
    the same tick of the file system's clock. Some file systems count in seconds only.
    """
    changed = mark[2]
    tick = _TICK_NS if changed % _SECOND_NS else _COARSE_TICK_NS
    return changed + tick >= read_ns


class StatCache:
    """Records by path, loaded from and saved to one file. A damaged or missing file is an empty cache."""

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._old = _load(path) if path is not None else {}
        self._new: dict[str, Record] = {}
        self.changed = False

    def get(self, path: str, mark: Signature) -> Record | None:
        """What is known of the file at ``path``, if it still has signature ``mark``."""
        record = self._new.get(path) or self._old.get(path)
        return record if record is not None and record.signature == mark else None

    def fresh(self, path: str) -> Record | None:
        """What was found out of the file at ``path`` since this was loaded, if it is sure."""
        return self._new.get(path)

    def keep(self, path: str, record: Record) -> None:
        """Carry an old record over."""
        self._new[path] = record

    def put(self, path: str, record: Record, read_ns: int) -> None:
        """Remember what was read of a file from ``read_ns`` on."""
        if not is_racy(record.signature, read_ns):
            self._new[path] = record
            self.changed = True

    def save(self, covered: Iterable[str]) -> None:
        """Write the file if something changed. Records of files that are gone from the directories
        ``covered`` (those that were listed) are dropped; what lies elsewhere is kept.
        """
        if self._path is None:
            return
        listed = set(covered)
        records = {
            path: record for path, record in self._old.items() if path.rpartition("/")[0] not in listed
        }
        kept = len(records) + len(self._old.keys() & self._new.keys() - records.keys())
        if not self.changed and kept == len(self._old):
            return
        records |= self._new
        temporary = f"{self._path}.{os.getpid()}.{id(self):x}.tmp"
        try:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            with open(temporary, "wb") as file:
                file.write(_dump(records))
            os.replace(temporary, self._path)
        except OSError:
            # Only speed is lost; the build does not depend on it.
            if os.path.exists(temporary):
                os.unlink(temporary)
        self.changed = False


def _dump(records: dict[str, Record]) -> bytes:
    columns = array("Q", (number & 0xFFFFFFFFFFFFFFFF for r in records.values() for number in r.signature))
    digests = b"".join(bytes.fromhex(r.digest[7:]) if r.digest else _UNKNOWN for r in records.values())
    extras = {
        path: [record.target, [[name, value.hex()] for name, value in record.xattrs]]
        for path, record in records.items()
        if record.target or record.xattrs
    }
    body = columns.tobytes() + digests + json.dumps(extras).encode() + b"\0"
    body += "\0".join(records).encode("utf-8", "surrogateescape")
    return _MAGIC + zlib.crc32(body).to_bytes(4, "little") + len(records).to_bytes(4, "little") + body


def _load(path: str) -> dict[str, Record]:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return {}
    start = len(_MAGIC)
    body = memoryview(data)[start + 8 :]
    if not data.startswith(_MAGIC) or zlib.crc32(body) != int.from_bytes(data[start : start + 4], "little"):
        return {}
    count = int.from_bytes(data[start + 4 : start + 8], "little")
    if not count:
        return {}
    columns = array("Q")
    columns.frombytes(body[: count * 40])
    digests = body[count * 40 : count * 72].hex()
    extras_text, _, names = bytes(body[count * 72 :]).partition(b"\0")
    paths = names.decode("utf-8", "surrogateescape").split("\0")
    marks = zip(*([iter(columns)] * 5), strict=True)
    unknown = _UNKNOWN.hex()
    texts = (digests[at : at + 64] for at in range(0, count * 64, 64))
    shown = ("" if text == unknown else f"sha256:{text}" for text in texts)
    records = dict(zip(paths, map(Record, marks, shown, repeat("")), strict=True))
    for path, (target, xattrs) in json.loads(extras_text).items():
        values = tuple((name, bytes.fromhex(value)) for name, value in xattrs)
        records[path] = records[path]._replace(target=target, xattrs=values)
    return records
