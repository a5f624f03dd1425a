"""The entry index of a layer: its entries in one file, read a directory at a time.

Each line of the file is the listing of one directory, a JSON list of rows sorted by name; a directory's line
comes after those of its subdirectories, whose rows say where their lines are. The last line is the row of the
root, and where it begins stands in the last 17 bytes. So opening costs one read, a look-up parses one line
for each component of the path, and because directories carry a digest of all that is in them, two indexes are
compared by going down only where they differ.

A row is ``[kind, name, mode, uid, gid, mtime, own]``, with link and xattrs (name, hexadecimal value) added
where there are any. ``own`` depends on the kind: a file's size and digest, a link's target, a device's
numbers, and for a directory flags, digest, offset and length.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from ..errors import StoreError
from .entry import Entry, Kind

__all__ = [
    "EMPTY_CONTENT",
    "IndexWriter",
    "LayerIndex",
    "Row",
    "check_index",
    "entry_of",
    "open_index",
    "timeless",
]

Row = list[Any]

_LETTERS: dict[Kind, str] = {
    "file": "f",
    "directory": "d",
    "symlink": "l",
    "character": "c",
    "block": "b",
    "fifo": "p",
    "whiteout": "w",
}
_KINDS: dict[str, Kind] = {letter: kind for kind, letter in _LETTERS.items()}
OPAQUE, IMPLIED = 1, 2
_TRAILER = 17  # sixteen digits and the end of the line
_WHOLE = 1 << 20  # files up to this size are read at once
_LONG, _FEW = 1 << 16, 4  # bytes of a listing in which single names are searched, and how often
# Between two rows. Nothing inside a row looks like it: a quote in a text stands behind a backslash.
_BETWEEN = re.compile(rb'\],(?=\["[fdlcbpw]",")')
_dump = json.JSONEncoder(separators=(",", ":")).encode


class IndexWriter:
    """Writes an index, from the deepest directories to the root.

    ``entries`` counts what was written, ``xattrs`` tells whether any of it has extended attributes.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._offset = 0
        self.entries = 0
        self.xattrs = False

    def directory(self, entry: Entry, children: Sequence[Row]) -> Row:
        """Write the listing of a directory; its own row. ``children`` are rows, sorted by name."""
        line = _dump(children).encode() + b"\n"
        digest = hashlib.sha256(_dump([timeless(row) for row in children]).encode()).hexdigest()
        flags = (OPAQUE if entry.opaque else 0) | (IMPLIED if entry.implied else 0)
        row = self._row(entry, [flags, digest, self._offset, len(line)])
        self._file.write(line)
        self._offset += len(line)
        self.entries += entry.opaque or not entry.implied
        return row

    def leaf(self, entry: Entry) -> Row:
        """The row of anything else."""
        self.entries += 1
        return self._row(entry, _own(entry))

    def _row(self, entry: Entry, own: Any) -> Row:
        self.xattrs |= bool(entry.xattrs)
        return _row(entry, own)

    def finish(self, root: Row) -> str:
        """Write the row of the root; the content digest of the layer."""
        self._file.write(_dump(root).encode() + b"\n" + b"%016d\n" % self._offset)
        return content_digest(root)


def check_index(index: LayerIndex) -> str:
    """The content digest of a layer, computed from its entries again. Raises ``ValueError`` where a directory's
    digest is not that of what it lists.
    """
    pending = [index.root]
    while pending:
        row = pending.pop()
        if row[0] == "d":
            children = list(index.children(row).values())
            listed = hashlib.sha256(_dump([timeless(child) for child in children]).encode()).hexdigest()
            if listed != row[6][1]:
                raise ValueError(f"its index is damaged at {row[1] or '/'}")
            pending += children
    return content_digest(index.root)


def content_digest(row: Row) -> str:
    """Digest (``sha256:<hex>``) of an entry and all below it, times left out."""
    return f"sha256:{hashlib.sha256(_dump(timeless(row)).encode()).hexdigest()}"


def _row(entry: Entry, own: Any) -> Row:
    row: Row = [_LETTERS[entry.kind], entry.name, entry.mode, entry.uid, entry.gid, entry.mtime_ns, own]
    if entry.xattrs:
        row += [entry.link, [[name, value.hex()] for name, value in entry.xattrs]]
    elif entry.link:
        row.append(entry.link)
    return row


def _own(entry: Entry) -> Any:
    match entry.kind:
        case "file":
            return [entry.size, entry.digest]
        case "symlink":
            return entry.target
        case "character" | "block":
            return list(entry.device)
    return 0


def timeless(row: Row) -> list[Any]:
    """A row without time and place. Of a directory that is only passed through, nothing but that it is."""
    kind, name, mode, uid, gid, _, own, *more = row
    if kind == "d":
        flags, digest, *_ = own
        if flags & IMPLIED:
            return [kind, name, flags, digest]
        own = [flags, digest]
    return [kind, name, mode, uid, gid, own, *more]


def entry_of(path: str, row: Row) -> Entry:
    """The entry of a row that stands at ``path``."""
    letter, _, mode, uid, gid, mtime, own, *more = row
    link = more[0] if more else ""
    xattrs = tuple((name, bytes.fromhex(value)) for name, value in more[1]) if len(more) > 1 else ()
    if letter == "f":
        return Entry(path, "file", mode, uid, gid, own[0], mtime, "", (0, 0), own[1], xattrs, link)
    if letter == "d":
        opaque, implied = bool(own[0] & OPAQUE), bool(own[0] & IMPLIED)
        return Entry(
            path, "directory", mode, uid, gid, 0, mtime, xattrs=xattrs, opaque=opaque, implied=implied
        )
    if letter == "l":
        return Entry(path, "symlink", mode, uid, gid, 0, mtime, own, xattrs=xattrs, link=link)
    device = (own[0], own[1]) if letter in "cb" else (0, 0)
    return Entry(path, _KINDS[letter], mode, uid, gid, 0, mtime, "", device, "", xattrs, link)


class LayerIndex:
    """The index of one layer, for reading. Threads may share it."""

    def __init__(self, path: str) -> None:
        try:
            with open(path, "rb") as file:
                size = os.fstat(file.fileno()).st_size
                file.seek(max(0, size - _WHOLE))
                data = file.read()
            self._path = path
            self._start = size - len(data)
            self._tail = data
            self._listings: dict[int, dict[str, Row]] = {}
            self._linked: dict[str, tuple[str, ...]] | None = None
            self._asked: dict[int, int] = {}
            root = int(data[-_TRAILER:])
            self.root: Row = json.loads(data[root - self._start : -_TRAILER])
        except (OSError, ValueError) as error:
            raise StoreError(f"the entry index {path} can not be read: {error}") from error

    def children(self, row: Row) -> dict[str, Row]:
        """Rows of what is in a directory, by name, in order."""
        _, _, offset, length = row[6]
        known = self._listings.get(offset)
        if known is None:
            known = {child[1]: child for child in json.loads(self._line(offset, length))}
            self._listings[offset] = known
        return known

    def child(self, row: Row, name: str) -> Row | None:
        """The row of ``name`` in a directory, or none. Of a long listing not all is read for the first few."""
        _, _, offset, length = row[6]
        if length < _LONG or offset in self._listings:
            return self.children(row).get(name)
        asked = self._asked[offset] = self._asked.get(offset, 0) + 1
        if asked > _FEW:
            return self.children(row).get(name)
        return _find(self._line(offset, length), name)

    def changed(self, row: Row, other: LayerIndex, other_row: Row) -> set[str]:
        """Names of which two directories have different rows. What is equal at the beginning and the end of the
        listings is not read.
        """
        mine, theirs = (
            {child[1]: child for child in rows}
            for rows in _different(self._line(*row[6][2:]), other._line(*other_row[6][2:]))
        )
        return {name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)}

    def _line(self, offset: int, length: int) -> bytes:
        if offset >= self._start:
            return self._tail[offset - self._start : offset - self._start + length]
        with open(self._path, "rb") as file:
            return os.pread(file.fileno(), length, offset)

    def find(self, path: str) -> Row | None:
        """The row at ``path``, or none."""
        row = self.root
        for name in path.split("/") if path else ():
            if row[0] != "d":
                return None
            found = self.children(row).get(name)
            if found is None:
                return None
            row = found
        return row

    def names(self, first: str) -> tuple[str, ...]:
        """The names of the file whose first one is ``first``; none where it has no other."""
        if self._linked is None:
            linked: dict[str, list[str]] = {}
            for entry in self.entries():
                if entry.link:
                    linked.setdefault(entry.link, [entry.link]).append(entry.path)
            self._linked = {name: tuple(names) for name, names in linked.items()}
        return self._linked.get(first, ())

    def entries(self, *, implied: bool = False) -> Iterator[Entry]:
        """All entries, each directory before what is in it, names sorted by their bytes.

        Directories that are only passed through come with ``implied`` alone.
        """
        pending: list[tuple[str, Row]] = [("", self.root)]
        while pending:
            path, row = pending.pop()
            if row[0] != "d":
                yield entry_of(path, row)
                continue
            if implied or not row[6][0] & IMPLIED:
                yield entry_of(path, row)
            prefix = f"{path}/" if path else ""
            pending += [(prefix + name, child) for name, child in reversed(self.children(row).items())]


def _find(line: bytes, name: str) -> Row | None:
    """The row of ``name`` in a listing."""
    wanted = b'",%s,' % _dump(name).encode()
    at = line.find(wanted)
    while at >= 0:
        if line[at - 3 : at - 1] == b'["':
            end = _BETWEEN.search(line, at)
            return json.loads(line[at - 3 : -2 if end is None else end.start() + 1])  # type: ignore[no-any-return]
        at = line.find(wanted, at + 1)
    return None


def _different(one: bytes, other: bytes) -> tuple[list[Row], list[Row]]:
    """The rows of two listings without those at the beginning and the end that are the same."""
    if one == other:
        return [], []
    start = _last_row(one, _common(one, other))
    one, other = one[start:-2], other[start:-2]  # from a row on, without the end of the list
    shared = _common_end(one, other)
    return _cut(one, shared), _cut(other, shared)


def _cut(rows: bytes, shared: int) -> list[Row]:
    """Rows without those that lie in the last ``shared`` bytes."""
    end = _BETWEEN.search(rows, len(rows) - shared)
    return json.loads(b"[%s]" % (rows if end is None else rows[: end.start() + 1]))  # type: ignore[no-any-return]


def _last_row(line: bytes, end: int) -> int:
    """Where the row begins in which ``end`` lies."""
    at = line.rfind(b'],["', 0, end)
    while at >= 0 and not _BETWEEN.match(line, at):
        at = line.rfind(b'],["', 0, at + 3)
    return at + 2 if at >= 0 else 1


def _common(one: bytes, other: bytes) -> int:
    """How many bytes two texts have in common at their beginnings."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if one[least:middle] == other[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def _common_end(one: bytes, other: bytes) -> int:
    """How many bytes two texts have in common at their ends."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if one[len(one) - middle : len(one) - least] == other[len(other) - middle : len(other) - least]:
            least = middle
        else:
            most = middle - 1
    return least


@functools.lru_cache(maxsize=2048)
def open_index(path: str) -> LayerIndex:
    """The index at ``path``. It is remembered: the number in its name is never given to another."""
    return LayerIndex(path)


def _empty_content() -> str:
    listing = hashlib.sha256(_dump([]).encode()).hexdigest()
    return content_digest(["d", "", 0, 0, 0, 0, [IMPLIED, listing, 0, 0]])


EMPTY_CONTENT = _empty_content()
