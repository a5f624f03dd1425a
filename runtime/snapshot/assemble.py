"""A layer from entries that are known beforehand: what COPY makes, without a mount and without a second reading.

The result is what :func:`.commit.commit` would have made of the same changes, byte for byte. Files that an earlier
layer has in the same places need not be written again: the new layer *borrows* that one's directory. Its own
directory then only holds what is different and lies above the borrowed one, as an overlay.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from ..errors import SourceError, StepError, StoreError
from ..store import Draft, Store, StoredLayer
from ..store.files import store_errors
from .entry import Entry, SourceTree
from .index import IndexWriter, LayerIndex, Row, open_index
from .stream import CHUNK, LayerStream

__all__ = ["Node", "assemble"]

_LEAST_BORROWED = 64  # files for which another directory in a mount is worth while
_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = _READ | os.O_DIRECTORY


@dataclass(slots=True, eq=False)
class Node:
    """A name in the tree that a step leaves, with what the parent has there (``before``).

    ``names`` are a directory's children, as far as they were touched; one that ``merges`` shows the parent's other
    ones too. ``source`` is where a file's content is. Names of one file share ``file``. What is ``anew`` is a
    change even if it looks as before.
    """

    entry: Entry
    before: Entry | None = None
    source: tuple[SourceTree, str] | None = None
    names: dict[str, Node] | None = None
    merges: bool = False
    file: Node | None = None
    anew: bool = False
    rows: list[Row] = field(default_factory=list)


def assemble(
    store: Store,
    draft: Draft,
    root: Node,
    earlier: StoredLayer | None,
    check: Callable[[], None],
    copy_content: Callable[[BinaryIO, int], object],
) -> StoredLayer:
    """Make a layer of what ``root`` holds that was not there before.

    ``earlier`` is a layer to borrow from if it is much the same. ``copy_content`` copies an open file into an
    open one, in the quickest way; ``check`` is called again and again and may raise, to cancel. Raises
    :class:`SourceError` where a source is not any more what its entry says.
    """
    _Order().settle(root)
    base = _borrowed(store, earlier, root)
    with store_errors(store.root):
        with open(draft.index, "xb") as file:
            writer = _Writer(draft.diff, IndexWriter(file), base, check, copy_content)
            content = writer.write(root)
        diff_id = writer.stream.finish()
        layer = StoredLayer(
            diff_id,
            content,
            0,
            writer.stream.size,
            0.0,
            entries=writer.index.entries,
            borrows=0 if base is None else base.snapshot,
        )
        return store.add_layer(draft, layer, writer.disk + os.stat(draft.index).st_size)


# --- what is in the layer --------------------------------------------------------------------------------


class _Order:
    """Sorts names, leaves out what is as in the parent, and tells first names of files from others."""

    def __init__(self) -> None:
        self._names: dict[int, int] = {}
        self._first: dict[int, str] = {}

    def settle(self, root: Node) -> None:
        for node in _leaves(root):
            if node.file is not None:
                self._names[id(node.file)] = self._names.get(id(node.file), 0) + 1
        pending = [(root, False)]
        while pending:
            node, done = pending.pop()
            if node.names is None:
                continue
            if done:
                self._close(node)
                continue
            pending.append((node, True))
            node.names = {name: node.names[name] for name in sorted(node.names, key=os.fsencode)}
            pending += [(child, False) for child in reversed(node.names.values()) if child.names is not None]
        # Names are seen in the order of the archive, so the first is the file and others are links to it.
        for node in _leaves(root) if self._names else ():
            if node.file is not None and self._names[id(node.file)] == 1:
                node.file = None
            elif node.file is not None:
                first = self._first.setdefault(id(node.file), node.entry.path)
                if first != node.entry.path:
                    node.entry = node.entry._replace(link=first)

    def _close(self, directory: Node) -> None:
        assert directory.names is not None
        entry, before = directory.entry, directory.before
        implied = directory.merges and before is not None and _metadata(entry) == _metadata(before)
        directory.entry = entry._replace(implied=implied)
        directory.names = {
            name: child
            for name, child in directory.names.items()
            if not (
                self._is_nothing(child) if child.names is None else child.entry.implied and not child.names
            )
        }

    def _is_nothing(self, node: Node) -> bool:
        """Whether a name is what it was before."""
        before = node.before
        if before is None or node.anew or (node.file is not None and self._names[id(node.file)] > 1):
            return False
        return before._replace(link="") == node.entry


def _metadata(entry: Entry) -> tuple[object, ...]:
    return entry.mode, entry.uid, entry.gid, entry.xattrs


def _leaves(root: Node) -> Iterator[Node]:
    """All that is no directory, in the order of an archive once names are sorted."""
    pending = [iter(root.names.values() if root.names else ())]
    while pending:
        for node in pending[-1]:
            if node.names is None:
                yield node
            else:
                pending.append(iter(node.names.values()))
                break
        else:
            pending.pop()


# --- what is borrowed ------------------------------------------------------------------------------------


class _Base(NamedTuple):
    """A snapshot that is borrowed, and its files that are not."""

    snapshot: int
    path: str
    entries: LayerIndex
    linked: frozenset[str]


def _borrowed(store: Store, earlier: StoredLayer | None, root: Node) -> _Base | None:
    """What ``earlier`` is, or borrows itself, if a layer may lie over that; none if it would gain little."""
    if earlier is None:
        return None
    number = earlier.borrows or earlier.snapshot
    index = open_index(store.index_path(number))
    linked: set[str] = set()
    equal = others = 0
    pending: list[tuple[Node, Row]] = [(root, index.root)]
    while pending:
        node, row = pending.pop()
        assert node.names is not None
        rows = index.children(row)
        for name, child in node.names.items():
            found = rows.get(name)
            if child.names is None:
                same = found is not None and _holds(found, child)
                equal += same
                others += not same
            elif found is not None and found[0] == "d":
                pending.append((child, found))
            elif found is not None:
                return None  # in an overlay, a file below ends the merging
            else:
                others += sum(1 for _ in _leaves(child))
        for name, found in rows.items():
            if name not in node.names:
                return None  # it would show through
            if len(found) > 7 and found[7]:
                linked |= {found[7], node.names[name].entry.path}
    if equal < _LEAST_BORROWED or others * 4 > equal:
        return None
    return _Base(number, store.snapshot_path(number), index, frozenset(linked))


def _holds(row: Row, node: Node) -> bool:
    """Whether a row is that of ``node``, which is no directory, and neither has other names or attributes."""
    entry = node.entry
    if len(row) > 7 or node.file is not None or row[5] != entry.mtime_ns:
        return False
    if row[0] == "f":
        own = row[6]
        return (
            own[1] == entry.digest
            and own[0] == entry.size
            and (row[2], row[3], row[4]) == (entry.mode, entry.uid, entry.gid)
        )
    return (
        row[0] == "l"
        and entry.kind == "symlink"
        and row[6] == entry.target
        and row[3:5] == [entry.uid, entry.gid]
    )


def _shows(row: Row, entry: Entry) -> bool:
    """Whether a borrowed directory has the metadata of ``entry``."""
    same_time = entry.implied or row[5] == entry.mtime_ns
    return len(row) == 7 and (row[2], row[3], row[4]) == entry[2:5] and same_time


# --- writing ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Open:
    """A directory on the way: where it is written to once that is needed, and where it is borrowed from."""

    node: Node
    todo: Iterator[tuple[str, Node]]
    borrowed: dict[str, Row]
    row: Row | None
    place: int = -1
    source: int = -1


class _Writer:
    """Writes the directory, the archive's stream and the index of one layer in one go."""

    def __init__(
        self,
        target: str,
        index: IndexWriter,
        base: _Base | None,
        check: Callable[[], None],
        copy_content: Callable[[BinaryIO, int], object],
    ) -> None:
        self._target = target
        self._base = base
        self._check = check
        self._copy = copy_content
        self._stack: list[_Open] = []
        self._written: dict[str, str] = {}
        self._self = (os.geteuid(), os.getegid())
        self.index = index
        self.stream = LayerStream()
        self.disk = 0

    def write(self, root: Node) -> str:
        """Write all; the content digest."""
        try:
            self._enter(root, None if self._base is None else self._base.entries.root)
            self._place()
            while True:
                top = self._stack[-1]
                for name, child in top.todo:
                    found = top.borrowed.get(name)
                    if child.names is not None:
                        self._enter(child, found if found is not None and found[0] == "d" else None)
                        break
                    self._leaf(top, name, child, found)
                else:
                    row = self._leave()
                    if not self._stack:
                        return self.index.finish(row)
                    self._stack[-1].node.rows.append(row)
        finally:
            for item in self._stack:
                _close(item)

    # --- directories ---------------------------------------------------------------------------------

    def _enter(self, node: Node, row: Row | None) -> None:
        self._check()
        assert node.names is not None
        if not node.entry.implied:
            self.stream.entry(node.entry)
        borrowed = {} if row is None or self._base is None else self._base.entries.children(row)
        self._stack.append(_Open(node, iter(node.names.items()), borrowed, row))
        if row is None or not _shows(row, node.entry):
            self._place()

    def _place(self) -> int:
        """The open directory that the top one is written to, made now if it has not been needed before."""
        for depth, item in enumerate(self._stack):
            if item.place >= 0:
                continue
            if depth == 0:
                item.place = os.open(self._target, _DIRECTORY)
                continue
            above, name = self._stack[depth - 1].place, item.node.entry.name
            os.mkdir(name, 0o700, dir_fd=above)
            item.place = os.open(name, _DIRECTORY, dir_fd=above)
        return self._stack[-1].place

    def _leave(self) -> Row:
        item = self._stack[-1]
        entry = item.node.entry
        if item.place >= 0:
            self._set_metadata(item.place, entry)
            self.disk += os.fstat(item.place).st_blocks * 512
        row = self.index.directory(entry, item.node.rows)
        item.node.rows = []
        _close(self._stack.pop())
        return row

    # --- everything else -----------------------------------------------------------------------------

    def _leaf(self, directory: _Open, name: str, node: Node, found: Row | None) -> None:
        entry = node.entry
        borrowed = found is not None and self._is_borrowed(found, node)
        if entry.link:
            os.link(self._written[entry.link], name, dst_dir_fd=self._place(), follow_symlinks=False)
            self.stream.entry(entry)
        elif entry.kind == "file":
            if borrowed:
                self._read(directory, name, entry)
            else:
                self._write(name, node)
        else:
            if not borrowed:
                place = self._place()
                os.symlink(entry.target, name, dir_fd=place)
                if entry[3:5] != self._self:
                    os.chown(name, entry.uid, entry.gid, dir_fd=place, follow_symlinks=False)
                os.utime(name, ns=(entry.mtime_ns, entry.mtime_ns), dir_fd=place, follow_symlinks=False)
            self.stream.entry(entry)
        directory.node.rows.append(self.index.leaf(entry))

    def _is_borrowed(self, found: Row, node: Node) -> bool:
        return self._base is not None and _holds(found, node) and node.entry.path not in self._base.linked

    def _read(self, directory: _Open, name: str, entry: Entry) -> None:
        """A file that is borrowed."""
        if directory.source < 0:
            assert self._base is not None
            directory.source = os.open(f"{self._base.path}/{directory.node.entry.path}", _DIRECTORY)
        descriptor = os.open(name, _READ, dir_fd=directory.source)
        try:
            if entry.size > CHUNK:
                with open(descriptor, "rb", closefd=False) as file:
                    self.stream.file(entry, file)
                return
            data = os.read(descriptor, entry.size + 1)
        finally:
            os.close(descriptor)
        if len(data) != entry.size:
            raise StoreError(f"the snapshot file {entry.path} is damaged")
        self.stream.small_file(entry, data)

    def _write(self, name: str, node: Node) -> None:
        """A file that is new."""
        entry = node.entry
        assert node.source is not None
        tree, path = node.source
        place = self._place()
        with tree.open(path) as source:
            descriptor = os.open(name, _NEW_FILE, 0o600, dir_fd=place)
            try:
                if entry.size > CHUNK:
                    self._copy(source, descriptor)
                    with open(descriptor, "rb", closefd=False) as file:
                        file.seek(0)
                        digest = (
                            self.stream.file(entry, file)
                            if os.fstat(descriptor).st_size == entry.size
                            else ""
                        )
                else:
                    data = source.read(entry.size + 1)
                    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
                    self.stream.small_file(entry, data)
                    if os.write(descriptor, data) != len(data):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)
                if digest != entry.digest:
                    raise SourceError(
                        f"/{path} was changed while it was being copied", help="start the build again"
                    )
                self._set_metadata(descriptor, entry)
                self.disk += -(-entry.size // 4096) * 4096
            finally:
                os.close(descriptor)
        if node.file is not None:
            self._written[entry.path] = f"{self._target}/{entry.path}"

    def _set_metadata(self, descriptor: int, entry: Entry) -> None:
        if entry[3:5] != self._self:
            try:
                os.fchown(descriptor, entry.uid, entry.gid)
            except OSError as error:
                # In a user namespace a directory below could not be given to its owner either.
                if not entry.implied:
                    raise StepError(
                        f"can not give /{entry.path} to {entry.uid}:{entry.gid}: {error.strerror}",
                        status=1,
                        help="build as root, or with a range of subordinate ids (layerc doctor)",
                    ) from error
        os.fchmod(descriptor, entry.mode)
        os.utime(descriptor, ns=(entry.mtime_ns, entry.mtime_ns))


def _close(item: _Open) -> None:
    for descriptor in (item.place, item.source):
        if descriptor >= 0:
            os.close(descriptor)
