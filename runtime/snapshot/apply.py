"""Apply: a layer's archive becomes a directory of the store, in the form that overlay file systems use.

The archive may be a stranger's. Its names are followed in memory, among the entries that it has brought
itself, and never on disk: every path that is opened consists of directories that were made here. Nothing
outside of the draft can be reached, and nothing is kept unless the archive is what its diff ID says.

Source: OCI image spec, "Image Layer Filesystem Changeset", as Docker and containerd read it where it is
silent.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol, cast

from ..errors import IntegrityError, SourceError
from ..oci.descriptor import Descriptor
from ..store import Draft, Store, StoredLayer
from ..store.files import remove_tree, store_errors
from .commit import commit
from .entry import Entry, Kind
from .index import IndexWriter, Row
from .metadata import is_kept, set_metadata
from .tar import OPAQUE_MARK, WHITEOUT
from .view import StackView

__all__ = ["Readable", "apply"]

_CHUNK = 1 << 20
_MOST_AT_ONCE = 16 << 20  # no header of an honest archive is larger
_MOST_LINKS = 40
_XATTR = "SCHILY.xattr."
_AUFS = ".wh..wh."  # what old storage drivers wrote for themselves
_KINDS: dict[bytes, Kind] = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.CONTTYPE: "file",
    tarfile.GNUTYPE_SPARSE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.CHRTYPE: "character",
    tarfile.BLKTYPE: "block",
    tarfile.FIFOTYPE: "fifo",
}
_ROOT = Entry("", "directory", 0o755, implied=True)


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to ``size`` bytes; empty at the end."""


def apply(
    store: Store, stream: Readable, diff_id: str | None = None, blobs: Sequence[Descriptor] = ()
) -> StoredLayer:
    """Unpack an uncompressed layer archive into the store.

    With ``diff_id`` the archive must have that digest, and ``blobs`` are archives of it that the store keeps.
    Without, the tree counts and not the archive: the diff ID is that of the archive that layerc makes of it.
    Raises :class:`SourceError` for what is no layer archive, :class:`IntegrityError` for a wrong digest.
    """
    with store.draft() as draft:
        reader = _Reader(stream)
        unpacking = _Unpacking(store, draft)
        with store_errors(store.root):
            _read_members(reader, unpacking)
            unpacking.finish()
        if diff_id is None:
            return commit(store, draft, StackView(store, ()))
        if reader.digest() != diff_id:
            raise IntegrityError(
                f"a layer is not what its diff ID says: expected {diff_id}, got {reader.digest()}",
                help="the image is damaged, or someone has changed it",
            )
        with store_errors(store.root):
            with open(draft.index, "xb") as file:
                index = IndexWriter(file)
                content = unpacking.write_index(index)
            layer = StoredLayer(
                diff_id,
                content,
                0,
                reader.size,
                0.0,
                tuple(blobs),
                canonical=False,
                opaque=unpacking.entries[""].opaque,
                entries=index.entries,
            )
            return store.add_layer(draft, layer, unpacking.disk + os.stat(draft.index).st_size)


def _read_members(reader: _Reader, unpacking: _Unpacking) -> None:
    try:
        with tarfile.TarFile(
            fileobj=cast("Any", reader), mode="r", encoding="utf-8", errors="surrogateescape"
        ) as archive:
            while (member := archive.next()) is not None:
                unpacking.add(member, archive)
                archive.members.clear()
        reader.drain()
    except (tarfile.TarError, EOFError, UnicodeError, ValueError, OverflowError) as error:
        raise SourceError(f"a layer is no readable tar archive: {error}") from error


class _Reader(io.RawIOBase):
    """The stream as :mod:`tarfile` wants it: hashed, only ever read forwards, never much at once."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self._last = b""
        self._again = False
        self.size = 0

    def tell(self) -> int:
        """Bytes read so far."""
        return self.size - self._again

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Skip forward, or one byte back."""
        if whence == os.SEEK_SET and offset == self.size - 1 and self._last:
            self._again = True
            return offset
        self._again = False
        if whence != os.SEEK_SET or offset < self.size:
            raise tarfile.ReadError("it can not be read in one go")
        while self.size < offset and self._take(min(_CHUNK, offset - self.size)):
            pass
        return self.size

    def read(self, size: int = -1) -> bytes:
        """Exactly ``size`` bytes, fewer only at the end."""
        if not 0 <= size <= _MOST_AT_ONCE:
            raise tarfile.ReadError("it has a header that is too large")
        parts = [self._last] if self._again and size else []
        self._again = self._again and not size
        left = size - len(parts)
        while left > 0 and (data := self._take(left)):
            parts.append(data)
            left -= len(data)
        return b"".join(parts)

    def drain(self) -> None:
        """Read what stands after the archive's end; it is part of what the diff ID names."""
        while self._take(_CHUNK):
            pass

    def digest(self) -> str:
        """Digest of all that was read."""
        return f"sha256:{self._hash.hexdigest()}"

    def _take(self, size: int) -> bytes:
        data = self._stream.read(size)
        if data:
            self._hash.update(data)
            self.size += len(data)
            self._last = data[-1:]
        return data


class _Unpacking:
    """The entries of one archive, and the directory that they are written to."""

    def __init__(self, store: Store, draft: Draft) -> None:
        self._root = draft.diff
        self._opaque = "user.overlay.opaque" if store.unprivileged else "trusted.overlay.opaque"
        self._unprivileged = store.unprivileged
        self.entries: dict[str, Entry] = {"": _ROOT}
        self.disk = 0

    # --- one member -----------------------------------------------------------------------------------

    def add(self, member: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
        """Take one member of the archive. Raises :class:`SourceError`."""
        parent, name = self._place(member.name)
        if name.startswith(_AUFS) and name != OPAQUE_MARK:
            return
        if name == OPAQUE_MARK:
            self._make_opaque(parent)
        elif name.startswith(WHITEOUT):
            self._whiteout(_join(parent, _checked(name.removeprefix(WHITEOUT), member.name)))
        elif member.islnk():
            self._hard_link(_join(parent, name), member)
        else:
            self._entry(_entry_of(_join(parent, name) if name else parent, member), member, archive)

    def _place(self, name: str) -> tuple[str, str]:
        """The directory, made if need be, and the last part of a member's name."""
        parts = _parts(name)
        if not parts:
            return "", ""
        return self._directory(parts[:-1], name), parts[-1]

    def _directory(self, parts: Sequence[str], shown: str) -> str:
        """The real path of a directory: links of this archive are followed, inside the root."""
        here = ""
        todo = list(reversed(parts))
        links = 0
        while todo:
            part = todo.pop()
            if part == "..":
                here = here.rpartition("/")[0]
                continue
            path = _join(here, part)
            entry = self.entries.get(path)
            if entry is not None and entry.kind == "symlink":
                links += 1
                if links > _MOST_LINKS:
                    raise SourceError(f"a layer is malformed: the links of {shown!r} lead in a circle")
                here = "" if entry.target.startswith("/") else here
                todo += [step for step in reversed(entry.target.split("/")) if step not in ("", ".")]
                continue
            if entry is None or entry.kind != "directory":
                self._remove(path)
                self._make_directory(Entry(path, "directory", 0o755, implied=True), entry)
            here = path
        return here

    def _make_directory(self, entry: Entry, before: Entry | None) -> None:
        os.mkdir(self._real(entry.path), 0o755)
        hides = before is not None and before.kind == "whiteout"
        self.entries[entry.path] = entry._replace(opaque=hides)

    def _make_opaque(self, path: str) -> None:
        self.entries[path] = self.entries[path]._replace(opaque=True)

    def _whiteout(self, path: str) -> None:
        before = self.entries.get(path)
        if before is None:
            os.mknod(self._real(path), stat.S_IFCHR | 0o000, 0)
            self.entries[path] = Entry(path, "whiteout")
        elif before.kind == "directory":
            # A whiteout hides what is below, not what this archive brings.
            self._make_opaque(path)

    def _hard_link(self, path: str, member: tarfile.TarInfo) -> None:
        parts = _parts(member.linkname)
        target = _join(self._directory(parts[:-1], member.linkname), parts[-1]) if parts else ""
        first = self.entries.get(target)
        if first is None or first.kind in ("directory", "whiteout"):
            raise SourceError(
                f"a layer is malformed: {member.name!r} is a hard link to {member.linkname!r}, "
                "which is no file of the layer before it"
            )
        if path == target:
            return
        self._remove(path)
        os.link(self._real(target), self._real(path), follow_symlinks=False)
        self.entries[path] = first._replace(path=path, link=first.link or first.path)

    def _entry(self, entry: Entry, member: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
        before = self.entries.get(entry.path)
        if entry.kind == "directory":
            if before is None or before.kind != "directory":
                self._remove(entry.path)
                self._make_directory(entry, before)
            else:
                self.entries[entry.path] = entry._replace(opaque=before.opaque)
            return
        if not entry.path:
            raise SourceError("a layer is malformed: its root is not a directory")
        self._remove(entry.path)
        real = self._real(entry.path)
        if entry.kind == "file":
            entry = entry._replace(digest=self._write(real, entry, member, archive))
        elif entry.kind == "symlink":
            os.symlink(entry.target, real)
        else:
            self._node(real, entry)
        self.entries[entry.path] = entry
        if os.path.lexists(real):
            set_metadata(real, entry)
            self.disk += os.lstat(real).st_blocks * 512

    def _write(self, real: str, entry: Entry, member: tarfile.TarInfo, archive: tarfile.TarFile) -> str:
        digest = hashlib.sha256()
        left = entry.size
        content = archive.extractfile(member)
        assert content is not None  # it is a file
        with content, open(real, "xb", buffering=0) as file:
            while left > 0 and (data := content.read(min(_CHUNK, left))):
                digest.update(data)
                file.write(data)
                left -= len(data)
        if left:
            raise tarfile.ReadError("it ends in the middle of a file")
        return f"sha256:{digest.hexdigest()}"

    def _node(self, real: str, entry: Entry) -> None:
        if entry.kind == "fifo":
            os.mkfifo(real)
            return
        if entry.device == (0, 0) and entry.kind == "character":
            raise SourceError(f"a layer is malformed: the device {entry.path!r} has the number of a whiteout")
        kind = stat.S_IFCHR if entry.kind == "character" else stat.S_IFBLK
        try:
            os.mknod(real, kind | 0o600, os.makedev(*entry.device))
        except PermissionError:
            # A user namespace can not make devices; the layer's archive and its index still have it.
            if not self._unprivileged:
                raise

    def _remove(self, path: str) -> None:
        """Make room: what the archive brought before under that name is replaced."""
        before = self.entries.get(path)
        if before is None:
            return
        if before.kind == "directory":
            remove_tree(self._real(path))
            for below in [name for name in self.entries if name.startswith(f"{path}/")]:
                del self.entries[below]
        elif os.path.lexists(self._real(path)):
            os.unlink(self._real(path))
        del self.entries[path]

    def _real(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root

    # --- the whole ------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Set what directories can have only now that nothing is added to them any more."""
        for path in sorted(self.entries, reverse=True):
            entry = self.entries[path]
            if entry.kind != "directory":
                continue
            real = self._real(path)
            if not entry.implied:
                set_metadata(real, entry)
            if entry.opaque and path:
                os.setxattr(real, self._opaque, b"y")
            self.disk += os.lstat(real).st_blocks * 512

    def write_index(self, index: IndexWriter) -> str:
        """Write the entry index; the content digest."""
        children: dict[str, list[str]] = {
            path: [] for path, entry in self.entries.items() if entry.is_directory
        }
        for path in self.entries:
            if path:
                children[path.rpartition("/")[0]].append(path)
        rows: dict[str, Row] = {}
        for path in self._bottom_up(children):
            names = sorted(children[path], key=lambda item: os.fsencode(item.rpartition("/")[2]))
            listing = [
                rows.pop(name) if name in children else index.leaf(self.entries[name]) for name in names
            ]
            rows[path] = index.directory(self.entries[path], listing)
        return index.finish(rows[""])

    @staticmethod
    def _bottom_up(children: dict[str, list[str]]) -> Iterator[str]:
        yield from sorted(children, key=lambda path: path.count("/") + bool(path), reverse=True)


def _parts(name: str) -> list[str]:
    """The components of a name. Raises :class:`SourceError` for one that leads out."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise SourceError(f"a layer is malformed: the name {name!r} leads out of it")
    return parts


def _checked(name: str, shown: str) -> str:
    if name in ("", ".", ".."):
        raise SourceError(f"a layer is malformed: {shown!r} hides nothing")
    return name


def _join(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name


def _entry_of(path: str, member: tarfile.TarInfo) -> Entry:
    kind = _KINDS.get(member.type)
    if kind is None:
        raise SourceError(f"a layer is malformed: {member.name!r} is of the unknown type {member.type!r}")
    headers = member.pax_headers
    xattrs = sorted(
        (key.removeprefix(_XATTR), value.encode("utf-8", "surrogateescape"))
        for key, value in headers.items()
        if key.startswith(_XATTR) and is_kept(key.removeprefix(_XATTR))
    )
    return Entry(
        path,
        kind,
        member.mode & 0o7777,
        member.uid,
        member.gid,
        member.size if kind == "file" else 0,
        _nanoseconds(headers.get("mtime"), member.mtime),
        member.linkname if kind == "symlink" else "",
        (member.devmajor, member.devminor) if kind in ("character", "block") else (0, 0),
        xattrs=tuple(xattrs),
    )


def _nanoseconds(text: str | None, seconds: float) -> int:
    if text is not None:
        try:
            return int(Decimal(text).scaleb(9))
        except (InvalidOperation, ValueError, OverflowError):
            pass
    return int(seconds) * 10**9
