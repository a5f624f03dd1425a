"""Apply: a layer's archive becomes a directory of the store, in the form that overlay file systems use.

The archive may be a stranger's. Its names are followed in memory, among the entries that it has brought
itself, and never on disk: every path that is opened consists of directories that were made here. Nothing
outside of the draft can be reached, and nothing is kept unless the archive is what its diff ID says.

Source: OCI image spec, "Image Layer Filesystem Changeset", as Docker and containerd read it where it is
silent.
"""

from __future__ import annotations

import errno
import hashlib
import os
import queue
import stat
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self, cast

from ..errors import IntegrityError, SourceError
from ..oci.descriptor import Descriptor
from ..store import Draft, Store, StoredLayer
from ..store.files import remove_tree, store_errors
from .commit import commit
from .entry import Entry, Kind
from .index import IndexWriter, Row
from .metadata import is_kept, set_metadata
from .tar import OPAQUE_MARK, WHITEOUT
from .untar import HARD_LINK, Member, Readable, TarReader
from .view import StackView

__all__ = ["Readable", "apply"]

_MOST_LINKS = 40
_MOST_STEPS = 4096
_MOST_ID = (1 << 32) - 2  # the one above means "leave it as it is" to the kernel
_MOST_MAJOR, _MOST_MINOR = (1 << 12) - 1, (1 << 20) - 1
_AUFS = ".wh..wh."  # what old storage drivers wrote for themselves
_ROOT = Entry("", "directory", 0o755, implied=True)
_ZEROS = bytes(1 << 20)
# What a file system answers to names, numbers and attributes that it can not hold.
_IMPOSSIBLE = (errno.ENAMETOOLONG, errno.EINVAL, errno.E2BIG, errno.ERANGE, errno.EMLINK, errno.EFBIG)


def apply(
    store: Store,
    stream: Readable,
    diff_id: str | None = None,
    blobs: Sequence[Descriptor] = (),
    created: float = 0.0,
) -> StoredLayer:
    """Unpack an uncompressed layer archive into the store.

    With ``diff_id`` the archive must have that digest, and ``blobs`` are archives of it that the store keeps;
    ``created`` is the layer's time (Unix time; default: now).
    Without, the tree counts and not the archive: the diff ID is that of the archive that layerc makes of it.
    Raises :class:`SourceError` for what is no layer archive, :class:`IntegrityError` for a wrong digest.
    """
    with store.draft() as draft:
        unpacking = _Unpacking(store, draft)
        with store_errors(store.root), _Hashed(stream) as hashed:
            _unpack(TarReader(hashed), unpacking)
        found, size = hashed.digest(), hashed.size
        if diff_id is None:
            return commit(store, draft, StackView(store, ()))
        if found != diff_id:
            raise IntegrityError(
                f"a layer is not what its diff ID says: expected {diff_id}, got {found}",
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
                size,
                created,
                tuple(blobs),
                canonical=False,
                opaque=unpacking.entries[""].opaque,
                entries=index.entries,
                xattrs=index.xattrs,
            )
            return store.add_layer(draft, layer, unpacking.disk + os.stat(draft.index).st_size)


def _unpack(reader: TarReader, unpacking: _Unpacking) -> None:
    try:
        for member in reader:
            unpacking.add(member, reader)
        reader.drain()
        unpacking.finish()
    except OSError as error:
        if error.errno not in _IMPOSSIBLE:
            raise
        name = os.path.relpath(error.filename, unpacking.root) if isinstance(error.filename, str) else ""
        raise SourceError(f"a layer can not be unpacked: {error.strerror}: {name[:200]!r}") from error


class _Hashed:
    """A stream whose bytes are hashed by another thread: half of the work of unpacking is hashing."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self._queue: queue.Queue[bytes | None] = queue.Queue(8)
        self._thread = threading.Thread(target=self._run, name="diff ID", daemon=True)
        self.size = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.put(None)
        self._thread.join()

    def read(self, size: int = -1) -> bytes:
        """See :class:`Readable`."""
        data = self._stream.read(size)
        if data:
            self.size += len(data)
            self._queue.put(data)
        return data

    def digest(self) -> str:
        """Digest of all that was read, after the end of the block."""
        return f"sha256:{self._hash.hexdigest()}"

    def _run(self) -> None:
        while (data := self._queue.get()) is not None:
            self._hash.update(data)


class _Unpacking:
    """The entries of one archive, and the directory that they are written to."""

    def __init__(self, store: Store, draft: Draft) -> None:
        self.root = draft.diff
        self._opaque = "user.overlay.opaque" if store.unprivileged else "trusted.overlay.opaque"
        self._unprivileged = store.unprivileged
        self._linked = False
        self._names: dict[str, set[str]] = {"": set()}  # what is in each directory
        self.entries: dict[str, Entry] = {"": _ROOT}
        self.disk = 0

    # --- one member -----------------------------------------------------------------------------------

    def add(self, member: Member, reader: TarReader) -> None:
        """Take one member of the archive. Raises :class:`SourceError`."""
        shown = os.fsdecode(member.name)
        parent, name = self._place(shown)
        if name.startswith(_AUFS) and name != OPAQUE_MARK:
            return
        if name == OPAQUE_MARK:
            self._make_opaque(parent)
        elif name.startswith(WHITEOUT):
            self._whiteout(parent, _checked(name.removeprefix(WHITEOUT), shown))
        elif not name and member.kind != "directory":
            raise SourceError("a layer is malformed: its root is not a directory")
        elif member.kind == HARD_LINK:
            self._hard_link(_join(parent, name), shown, os.fsdecode(member.target))
        else:
            self._entry(_entry_of(_join(parent, name) if name else "", shown, member), member, reader)

    def _place(self, name: str) -> tuple[str, str]:
        """The directory, made if need be, and the last part of a member's name."""
        parts = _parts(name)
        if not parts:
            return "", ""
        return self._directory(parts[:-1], name), parts[-1]

    def _directory(self, parts: Sequence[str], shown: str) -> str:
        """The real path of a directory: links of this archive are followed, inside the root."""
        plain = "/".join(parts)
        if plain in self._names:  # a real path, so no part of it is a link
            return plain
        here = ""
        todo = list(reversed(parts))
        links = steps = 0
        while todo:
            part = todo.pop()
            steps += 1
            if steps > _MOST_STEPS:
                raise SourceError(f"a layer is malformed: the name {shown[:200]!r} is too long")
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

    def _put(self, entry: Entry) -> None:
        parent, _, name = entry.path.rpartition("/")
        self._names[parent].add(name)
        self.entries[entry.path] = entry

    def _make_directory(self, entry: Entry, before: Entry | None) -> None:
        os.mkdir(self._real(entry.path), 0o755)
        # What stood here in its place, a whiteout or a file, has hidden what is below.
        self._put(entry._replace(opaque=before is not None))
        self._names[entry.path] = set()

    def _make_opaque(self, path: str) -> None:
        self.entries[path] = self.entries[path]._replace(opaque=True)

    def _whiteout(self, parent: str, name: str) -> None:
        path = _join(parent, name)
        before = self.entries.get(path)
        if before is None:
            os.mknod(self._real(path), stat.S_IFCHR | 0o000, 0)
            self._put(Entry(path, "whiteout"))
        elif before.kind == "directory":
            # A whiteout hides what is below, not what this archive brings.
            self._make_opaque(path)

    def _hard_link(self, path: str, shown: str, linkname: str) -> None:
        parts = _parts(linkname)
        target = _join(self._directory(parts[:-1], linkname), parts[-1]) if parts else ""
        first = self.entries.get(target)
        if path == target and first is not None and first.kind != "whiteout":
            return
        self._remove(path)  # which may be a directory around the target
        if target not in self.entries or first is None or first.kind in ("directory", "whiteout"):
            raise SourceError(
                f"a layer is malformed: {shown!r} is a hard link to {linkname!r}, "
                "which is no file of the layer before it"
            )
        if os.path.lexists(self._real(target)):  # all but devices in a user namespace
            os.link(self._real(target), self._real(path), follow_symlinks=False)
        self._linked = True
        self._put(first._replace(path=path, link=first.link or first.path))

    def _entry(self, entry: Entry, member: Member, reader: TarReader) -> None:
        before = self.entries.get(entry.path)
        if entry.kind == "directory":
            if before is None or before.kind != "directory":
                self._remove(entry.path)
                self._make_directory(entry, before)
            else:
                self.entries[entry.path] = entry._replace(opaque=before.opaque)
            return
        self._remove(entry.path)
        real = self._real(entry.path)
        there = True
        if entry.kind == "file":
            entry = entry._replace(digest=_write(real, member, reader))
        elif entry.kind == "symlink":
            os.symlink(entry.target, real)
        else:
            there = self._node(real, entry)
        self._put(entry)
        if there:
            set_metadata(real, entry)
            self.disk += os.lstat(real).st_blocks * 512

    def _node(self, real: str, entry: Entry) -> bool:
        if entry.kind == "fifo":
            os.mkfifo(real)
            return True
        major, minor = entry.device
        if entry.device == (0, 0) and entry.kind == "character":
            raise SourceError(f"a layer is malformed: the device {entry.path!r} has the number of a whiteout")
        if major > _MOST_MAJOR or minor > _MOST_MINOR:
            raise SourceError(f"a layer is malformed: the device {entry.path!r} has no possible number")
        kind = stat.S_IFCHR if entry.kind == "character" else stat.S_IFBLK
        try:
            os.mknod(real, kind | 0o600, os.makedev(major, minor))
        except PermissionError:
            # A user namespace can not make devices; the layer's archive and its index still have it.
            if not self._unprivileged:
                raise
            return False
        return True

    def _remove(self, path: str) -> None:
        """Make room: what the archive brought before under that name is replaced."""
        before = self.entries.get(path)
        if before is None:
            return
        if before.kind == "directory":
            remove_tree(self._real(path))
        elif os.path.lexists(self._real(path)):
            os.unlink(self._real(path))
        parent, _, name = path.rpartition("/")
        self._names[parent].discard(name)
        doomed = [path]
        while doomed:
            path = doomed.pop()
            del self.entries[path]
            doomed += [f"{path}/{name}" for name in self._names.pop(path, ())]

    def _real(self, path: str) -> str:
        return f"{self.root}/{path}" if path else self.root

    # --- the whole ------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Set what directories can have only now that nothing is added to them any more."""
        for path in self._names:
            entry = self.entries[path]
            real = self._real(path)
            if not entry.implied:
                set_metadata(real, entry)
            if entry.opaque and path:
                os.setxattr(real, self._opaque, b"y")
            self.disk += os.lstat(real).st_blocks * 512
        if self._linked:
            self._order_links()

    def _order_links(self) -> None:
        """Let hard links name the first of them in the order of the tree, not of the archive."""
        groups: dict[tuple[object, ...], str] = {}
        linked = {entry.link for entry in self.entries.values() if entry.link}
        linked |= {path for path, entry in self.entries.items() if entry.link}
        for path in sorted(linked & self.entries.keys(), key=lambda path: os.fsencode(path).split(b"/")):
            entry = self.entries[path]
            try:
                status = os.lstat(self._real(path))
                inode: tuple[object, ...] = (status.st_dev, status.st_ino)
            except FileNotFoundError:
                inode = (entry.link or path,)
            first = groups.setdefault(inode, path)
            self.entries[path] = entry._replace(link="" if first == path else first)

    def write_index(self, index: IndexWriter) -> str:
        """Write the entry index; the content digest."""
        rows: dict[str, Row] = {}
        for path in sorted(self._names, key=lambda path: path.count("/") + bool(path), reverse=True):
            prefix = f"{path}/" if path else ""
            below = [prefix + name for name in sorted(self._names[path], key=os.fsencode)]
            listing = [rows.pop(name) if name in rows else index.leaf(self.entries[name]) for name in below]
            rows[path] = index.directory(self.entries[path], listing)
        return index.finish(rows[""])


def _write(real: str, member: Member, reader: TarReader) -> str:
    """Write a file's content, holes as holes; its digest."""
    digest = hashlib.sha256()
    with open(real, "xb", buffering=0) as file:
        here = 0
        for piece in reader.content(member):
            if isinstance(piece, int):
                for start in range(0, piece, len(_ZEROS)):
                    digest.update(_ZEROS[: piece - start])
                file.seek(here := here + piece)
            else:
                digest.update(piece)
                here += len(piece)
                while piece:
                    piece = piece[file.write(piece) :]
        if member.size > member.stored:
            file.truncate(member.size)
    return f"sha256:{digest.hexdigest()}"


def _parts(name: str) -> list[str]:
    """The components of a name. Raises :class:`SourceError` for one that leads out."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise SourceError(f"a layer is malformed: the name {name!r} leads out of it")
    if "\0" in name:
        raise SourceError(f"a layer is malformed: the name {name!r} has a zero byte")
    return parts


def _checked(name: str, shown: str) -> str:
    if name in ("", ".", ".."):
        raise SourceError(f"a layer is malformed: {shown!r} hides nothing")
    return name


def _join(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name


def _entry_of(path: str, shown: str, member: Member) -> Entry:
    target = os.fsdecode(member.target) if member.kind == "symlink" else ""
    xattrs = tuple((name, value) for key, value in member.xattrs if is_kept(name := os.fsdecode(key)))
    if member.kind == "symlink" and (not target or "\0" in target):
        raise SourceError(f"a layer is malformed: {shown!r} is a link to nothing")
    if any("\0" in name for name, _ in xattrs):
        raise SourceError(f"a layer is malformed: {shown!r} has an attribute without a proper name")
    if max(member.uid, member.gid) > _MOST_ID:
        raise SourceError(f"a layer is malformed: {shown!r} has an owner with an impossible number")
    return Entry(
        path,
        cast("Kind", member.kind),
        0o777 if member.kind == "symlink" else member.mode,  # Linux knows no other for links
        member.uid,
        member.gid,
        member.size,
        member.mtime_ns,
        target,
        member.device,
        xattrs=xattrs,
    )
