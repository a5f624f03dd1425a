"""A stack of layers as one tree, read from the entry indexes: no mount, no look at the files."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from ..errors import StoreError
from ..store import Store, StoredLayer
from .entry import Entry
from .index import IMPLIED, OPAQUE, LayerIndex, Row, entry_of, open_index, timeless

__all__ = ["Found", "StackView"]

_MOST_LINKS = 255

# What there is at a path: rows from the top layer down. Only a directory has more than one.
Found = tuple[tuple[int, Row], ...]


class StackView:
    """The merged tree of stored layers: a :class:`SourceTree`. Threads may share it."""

    def __init__(self, store: Store, stack: Sequence[str]) -> None:
        """``stack`` holds diff IDs, bottom to top. Raises :class:`StoreError` where a layer is missing."""
        self.stack = tuple(stack)
        self._store = store
        self._layers: tuple[StoredLayer, ...] = store.layers(self.stack)
        self._indexes: list[LayerIndex] = [
            open_index(store.index_path(layer.snapshot)) for layer in self._layers
        ]
        self._known: dict[str, Found] = {"": self._roots()}

    @property
    def has_xattrs(self) -> bool:
        """Whether anything in it may have extended attributes."""
        return any(layer.xattrs for layer in self._layers)

    def lstat(self, path: str) -> Entry | None:
        """See :class:`SourceTree`."""
        path = path.strip("/")
        found = self.found(path)
        return self.entry(path, found) if found or not path else None

    def listdir(self, path: str) -> list[str]:
        """See :class:`SourceTree`."""
        found = self._directory(path)
        return sorted(self.children(found), key=os.fsencode)

    def readlink(self, path: str) -> str:
        """See :class:`SourceTree`."""
        entry = self.lstat(path)
        if entry is None or entry.kind != "symlink":
            raise _no(path, errno.ENOENT if entry is None else errno.EINVAL)
        return entry.target

    def digest(self, path: str) -> str:
        """See :class:`SourceTree`."""
        return self._file(path)[1][6][1]  # type: ignore[no-any-return]  # a row of a file

    def open(self, path: str) -> BinaryIO:
        """See :class:`SourceTree`."""
        number, _ = self._file(path)
        try:
            return open_plain(self.real_path(number, path.strip("/")))
        except OSError as error:
            raise StoreError(f"a file of layer {self.stack[number]} is missing: {path}: {error}") from error

    def resolve(self, path: str, *, follow_last: bool = True) -> str | None:
        """See :class:`SourceTree`."""
        done: list[str] = []
        todo = [name for name in reversed(path.split("/")) if name not in ("", ".")]
        links = 0
        while todo:
            name = todo.pop()
            if name in ("", "."):
                continue
            if name == "..":
                del done[-1:]
                continue
            entry = self.lstat("/".join((*done, name)))
            if entry is None:
                return None
            if entry.kind == "symlink" and (todo or follow_last):
                links += 1
                if links > _MOST_LINKS:
                    return None
                if entry.target.startswith("/"):
                    done = []
                todo += reversed(entry.target.split("/"))
                continue
            if todo and entry.kind != "directory" and any(rest not in ("", ".") for rest in todo):
                return None
            done.append(name)
        return "/".join(done)

    def walk(self, path: str = "") -> Iterator[Entry]:
        """See :class:`SourceTree`. Nothing at all where there is nothing."""
        path = path.strip("/")
        found = self.found(path)
        pending = [(path, found)] if found or not path else []
        while pending:
            path, found = pending.pop()
            yield self.entry(path, found)
            if not found or found[0][1][0] == "d":
                prefix = f"{path}/" if path else ""
                children = self.children(found)
                names = sorted(children, key=os.fsencode, reverse=True)
                pending += [(prefix + name, children[name]) for name in names]

    def shown(self, path: str) -> Entry | None:
        """The entry of the topmost layer that has ``path``, even where it is only implied."""
        found = self.found(path)
        return entry_of(path, found[0][1]) if found else None

    def lists_whiteouts(self, path: str) -> bool:
        """Whether an overlay of these layers would list names at ``path`` that are not there.

        It leaves whiteouts out only where it merges directories, not where one layer alone has the directory.
        """
        rows = [(number, row) for number, row in self.found(path) if self._layers[number].entries]
        if len({self._layers[number].snapshot for number, _ in rows}) != 1 or rows[0][1][0] != "d":
            return False
        number, row = rows[0]
        return any(child[0] == "w" for child in self._indexes[number].children(row).values())

    def names(self, path: str) -> tuple[str, ...]:
        """All names that the file at ``path`` has in its layer, those that layers above hide among them."""
        found = self.found(path)
        if not found or found[0][1][0] == "d":
            return ()
        number, row = found[0]
        return self._indexes[number].names(entry_of(path, row).link or path)

    def real_path(self, layer: int, path: str) -> str:
        """Where layer number ``layer`` of the stack has ``path`` on disk."""
        return self._store.file_path(self._layers[layer], path)

    # --- rows ------------------------------------------------------------------------------------------

    def _roots(self) -> Found:
        roots: list[tuple[int, Row]] = []
        for number in reversed(range(len(self._indexes))):
            row = self._indexes[number].root
            roots.append((number, row))
            if row[6][0] & OPAQUE:
                break
        return tuple(roots)

    def found(self, path: str) -> Found:
        """Rows at ``path``; none where nothing is."""
        known = self._known.get(path)
        if known is not None:
            return known
        # Up to what is known, then down: paths may have more parts than the stack has room for calls.
        unknown = [path]
        while (parent := unknown[-1].rpartition("/")[0]) not in self._known:
            unknown.append(parent)
        for here in reversed(unknown):
            self._known[here] = self.below(self._known[parent], here.rpartition("/")[2])
            parent = here
        return self._known[path]

    def below(self, parent: Found, name: str) -> Found:
        """Rows at ``name`` in a directory; none where nothing is."""
        found: list[tuple[int, Row]] = []
        for number, row in parent:
            if row[0] != "d":
                break
            child = self._indexes[number].child(row, name)
            if child is not None and not _take(found, number, child):
                break
        return tuple(found)

    def children(self, found: Found) -> dict[str, Found]:
        """Rows of what is in a directory, by name."""
        merged: dict[str, list[tuple[int, Row]]] = {}
        closed: set[str] = set()
        for number, row in found:
            for name, child in self._indexes[number].children(row).items():
                if name not in closed and not _take(merged.setdefault(name, []), number, child):
                    closed.add(name)
        return {name: tuple(rows) for name, rows in merged.items() if rows}

    def changed(self, found: Found, other: StackView, others: Found) -> set[str]:
        """Names in two directories among which are all that are different there."""
        mine, theirs = list(found), list(others)
        for end in (0, -1):
            while mine and theirs and timeless(mine[end][1]) == timeless(theirs[end][1]):
                del mine[end], theirs[end]
        if len(mine) == len(theirs) == 1:
            (number, row), (other_number, other_row) = mine[0], theirs[0]
            return self._indexes[number].changed(row, other._indexes[other_number], other_row)
        names = {name for number, row in mine for name in self._indexes[number].children(row)}
        return names.union(*(other._indexes[number].children(row) for number, row in theirs))

    def _directory(self, path: str) -> Found:
        path = path.strip("/")
        found = self.found(path)
        if not found and path:
            raise _no(path, errno.ENOENT)
        if found and found[0][1][0] != "d":
            raise _no(path, errno.ENOTDIR)
        return found

    def _file(self, path: str) -> tuple[int, Row]:
        found = self.found(path.strip("/"))
        if not found:
            raise _no(path, errno.ENOENT)
        if found[0][1][0] != "f":
            raise _no(path, errno.EISDIR if found[0][1][0] == "d" else errno.EINVAL)
        return found[0]

    def entry(self, path: str, found: Found) -> Entry:
        """The entry that rows at ``path`` come to."""
        for _, row in found:
            if row[0] != "d":
                return entry_of(path, row)
            if not row[6][0] & IMPLIED:
                return entry_of(path, row)._replace(opaque=False)
        return Entry(path, "directory", 0o755)


def _take(found: list[tuple[int, Row]], number: int, row: Row) -> bool:
    """Add the row of a lower layer to those above it; whether layers below can still add to it."""
    if row[0] == "d":
        found.append((number, row))
        return not row[6][0] & OPAQUE
    if row[0] != "w" and not found:
        found.append((number, row))
    return False


def open_plain(path: str) -> BinaryIO:
    """Open the regular file at ``path``; a link or another kind is refused. Raises ``OSError``."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _no(path, errno.EINVAL)
    return open(descriptor, "rb")


def _no(path: str, code: int) -> OSError:
    return OSError(code, os.strerror(code), path)
