"""Commit: the changes that were made on an overlay become a layer.

One walk over the upper directory reads each file once, for its own digest and for the layer's archive
together. The upper is made a pure diff on the way: what was copied up without a change, whiteouts that hide
nothing and sockets (which no archive can hold) are removed from it. A directory that was only copied up
because of what is in it is no entry of the layer; it is noted as implied, so the layer is the same on any
parent.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from dataclasses import dataclass, field
from typing import BinaryIO, NoReturn

from ..errors import InputError, StoreError
from ..oci.descriptor import Descriptor
from ..store import Draft, Store, StoredLayer
from ..store.files import store_errors
from .entry import Entry
from .index import IndexWriter, Row
from .metadata import read_entry
from .stream import CHUNK, LayerStream
from .tar import WHITEOUT
from .view import StackView, open_plain

__all__ = ["commit"]


def commit(
    store: Store,
    draft: Draft,
    parent: StackView,
    *,
    blob: Descriptor | None = None,
    restored: list[str] | None = None,
) -> StoredLayer:
    """Make a layer of ``draft``, which was mounted on ``parent`` and no longer is.

    ``restored`` is given the paths of files that were left out because they are as in ``parent``, content and
    all.

    Raises :class:`StoreError`, and :class:`InputError` for what no layer archive can hold.
    """
    with store_errors(store.root):
        with open(draft.index, "xb") as file:
            walk = _Walk(draft.diff, parent, IndexWriter(file), store.unprivileged)
            try:
                content = walk.run()
            except OSError as error:
                if error.errno != errno.ENAMETOOLONG:
                    raise
                raise InputError(
                    "the step has left a path that is too long for a layer: "
                    f"/{_shown(os.path.relpath(error.filename, draft.diff))[:200]}…",
                    help="remove it in the same step",
                ) from error
        if restored is not None:
            restored += walk.restored
        diff_id = walk.stream.finish()
        layer = StoredLayer(
            diff_id,
            content,
            0,
            walk.stream.size,
            0.0,
            () if blob is None else (blob,),
            opaque=False,
            entries=walk.index.entries,
            xattrs=walk.index.xattrs,
        )
        return store.add_layer(draft, layer, walk.disk + os.stat(draft.index).st_size)


@dataclass(slots=True)
class _Directory:
    """A directory on the way: ``below`` says whether the parent's directory of that path shines through."""

    path: str
    entry: Entry
    below: bool
    names: list[str]
    rows: list[Row] = field(default_factory=list)
    changed: bool = False


class _Walk:
    """The walk over one upper directory."""

    def __init__(self, upper: str, parent: StackView, index: IndexWriter, unprivileged: bool) -> None:
        self._upper = upper
        self._parent = parent
        self._opaque = "user.overlay.opaque" if unprivileged else "trusted.overlay.opaque"
        self._links: dict[tuple[int, int], Entry] = {}
        self.index = index
        self.stream = LayerStream()
        self.disk = 0
        self.restored: list[str] = []

    def run(self) -> str:
        """Walk; the content digest."""
        pending = [self._enter("", os.lstat(self._upper), True)]
        while True:
            directory = pending[-1]
            if directory.names:
                child = self._visit(directory, directory.names.pop())
                if child is not None:
                    pending.append(child)
                continue
            pending.pop()
            row = self._leave(directory)
            if not pending:
                return self.index.finish(row)
            self._attach(pending[-1], directory, row)

    def _real(self, path: str) -> str:
        return f"{self._upper}/{path}" if path else self._upper

    def _visit(self, directory: _Directory, name: str) -> _Directory | None:
        path = f"{directory.path}/{name}" if directory.path else name
        real = self._real(path)
        status = os.lstat(real)
        if name.startswith(WHITEOUT):
            self._hidden(path, status)
        self.disk += status.st_blocks * 512
        if stat.S_ISDIR(status.st_mode):
            return self._enter(path, status, directory.below)
        before = self._parent.lstat(path) if directory.below else None
        if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
            self._whiteout(directory, path, before)
        elif stat.S_ISSOCK(status.st_mode):
            self._socket(directory, path, before)
        else:
            self._leaf(directory, path, status, before)
        return None

    def _read(self, path: str, status: os.stat_result) -> Entry:
        entry = read_entry(self._real(path), path, status)
        if entry is None:
            _changed(path)
        for attribute, _ in entry.xattrs:
            if "=" in attribute:
                raise InputError(
                    f"no layer can hold /{_shown(path)}: its extended attribute {_shown(attribute)!r} has a '='",
                    help="remove the attribute in the same step",
                )
        return entry

    def _hidden(self, path: str, status: os.stat_result) -> None:
        if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
            return  # a name that was taken away
        raise InputError(
            f"no layer can hold /{_shown(path)}: names that begin with {WHITEOUT!r} mark removed files there",
            help="give the file another name, or remove it in the same step",
        )

    def _enter(self, path: str, status: os.stat_result, below: bool) -> _Directory:
        real = self._real(path)
        entry = self._read(path, status)
        before = self._parent.lstat(path) if below else None
        merges = before is not None and before.kind == "directory"
        if merges and path and self._is_opaque(real):
            merges = False
            if self._parent.listdir(path):
                entry = entry._replace(opaque=True)
        if path and not merges and not entry.opaque:
            self._clear_opaque(real)
        entry = entry._replace(implied=merges and before is not None and _same(entry, before))
        if not entry.implied:
            self.stream.entry(entry)
        names = sorted(os.listdir(real), key=os.fsencode, reverse=True)
        return _Directory(path, entry, merges, names)

    def _leave(self, directory: _Directory) -> Row:
        if directory.changed and not directory.entry.implied:
            time = directory.entry.mtime_ns
            os.utime(self._real(directory.path), ns=(time, time))
        return self.index.directory(directory.entry, directory.rows)

    def _attach(self, directory: _Directory, child: _Directory, row: Row) -> None:
        if child.rows or not child.entry.implied:
            directory.rows.append(row)
        else:
            # Copied up, and then nothing of it was changed.
            os.rmdir(self._real(child.path))
            directory.changed = True

    def _whiteout(self, directory: _Directory, path: str, before: Entry | None) -> None:
        if before is None:
            self._drop(directory, path)
            return
        entry = Entry(path, "whiteout")
        self.stream.entry(entry)
        directory.rows.append(self.index.leaf(entry))

    def _socket(self, directory: _Directory, path: str, before: Entry | None) -> None:
        self._drop(directory, path)
        if before is not None:
            os.mknod(self._real(path), stat.S_IFCHR, 0)
            self._whiteout(directory, path, before)

    def _leaf(self, directory: _Directory, path: str, status: os.stat_result, before: Entry | None) -> None:
        entry = self._read(path, status)
        linked = status.st_nlink > 1
        first = self._links.get((status.st_dev, status.st_ino)) if linked else None
        if first is not None:
            entry = first._replace(path=path, link=first.path)
            self.stream.entry(entry)
        else:
            is_equal = before is not None and not linked and self._stayed(entry, before)
            taken = self._content(entry, before if is_equal else None)
            if taken is None:
                if entry.kind == "file":
                    self.restored.append(path)
                self._drop(directory, path)
                return
            entry = taken
            if linked:
                self._links[status.st_dev, status.st_ino] = entry
        directory.rows.append(self.index.leaf(entry))

    def _stayed(self, entry: Entry, before: Entry) -> bool:
        """Whether all but the content (of a file) is as below. A file of its own in the place of one of several
        names is a change even if it looks the same.
        """
        if not _same_leaf(entry, before):
            return False
        if entry.kind != "file":
            return True
        with self._parent.open(entry.path) as file:
            return os.fstat(file.fileno()).st_nlink == 1

    def _content(self, entry: Entry, before: Entry | None) -> Entry | None:
        """Read what an entry holds into the stream; none if it equals ``before``, and nothing is written."""
        if entry.kind != "file":
            if before is not None:
                return None
            self.stream.entry(entry)
            return entry
        with open_plain(self._real(entry.path)) as file:
            if entry.size <= CHUNK:
                data = file.read(entry.size + 1)
                if len(data) != entry.size:
                    _changed(entry.path)
                entry = entry._replace(digest=f"sha256:{hashlib.sha256(data).hexdigest()}")
                if before is not None and before.digest == entry.digest:
                    return None
                self.stream.small_file(entry, data)
                return entry
            if before is not None:
                if _digest(file) == before.digest:
                    return None
                file.seek(0)
            return entry._replace(digest=self.stream.file(entry, file))

    def _drop(self, directory: _Directory, path: str) -> None:
        os.unlink(self._real(path))
        directory.changed = True

    def _is_opaque(self, real: str) -> bool:
        return self._opaque in os.listxattr(real) and os.getxattr(real, self._opaque) == b"y"

    def _clear_opaque(self, real: str) -> None:
        # The kernel also marks new directories that hide nothing; on another parent they must not.
        if self._opaque in os.listxattr(real):
            os.removexattr(real, self._opaque)


def _digest(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while data := file.read(CHUNK):
        digest.update(data)
    return f"sha256:{digest.hexdigest()}"


def _same(entry: Entry, before: Entry) -> bool:
    """Whether a directory has the metadata of the one below (its time does not count: it tells of names)."""
    return (entry.mode, entry.uid, entry.gid, entry.xattrs) == (
        before.mode,
        before.uid,
        before.gid,
        before.xattrs,
    )


def _same_leaf(entry: Entry, before: Entry) -> bool:
    """Whether all but the content (of a file) is as below."""
    return before._replace(digest="", link="") == entry


def _shown(path: str) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _changed(path: str) -> NoReturn:
    raise StoreError(f"{path}: the file changed while it was read")
