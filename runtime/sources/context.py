"""Build contexts: a directory on this machine, as BuildKit's local source hands it to a build.

Owners become root (0:0); modes, modification times, links and extended attributes stay; a socket becomes
an empty file. What ``.dockerignore`` excludes is not there. Directories are read when asked for.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import threading
import time
from io import BytesIO, FileIO
from typing import BinaryIO, Self, cast

from ...compiler.path_patterns import Matched, PatternMatcher
from ..errors import SourceError
from ..snapshot.entry import Entry, Kind
from .stat_cache import Record, Signature, StatCache, Xattrs, is_racy, signature
from .tree import TreeBase

__all__ = ["ContextTree"]

_KINDS: dict[int, Kind] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "character",
    stat.S_IFBLK: "block",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "file",
}
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK = 1 << 18


class ContextTree(TreeBase):
    """A directory and what is ignored in it. Safe to use from several threads.

    Each entry is looked at with one ``stat``; contents are hashed when asked for, and remembered in the file
    ``cache`` (see :class:`StatCache`) once :meth:`close` was called. The tree is as it was when its
    directories were read: a file that changes afterwards is refused with :class:`SourceError`.
    """

    def __init__(
        self, path: str, ignore: PatternMatcher | None = None, cache: str | None = None, title: str = ""
    ) -> None:
        self.path = path
        self.title = title or "the build context"
        self.ignore = ignore or PatternMatcher(())
        try:
            self._root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except NotADirectoryError as error:
            raise SourceError(f"{self.title} {path} is not a directory") from error
        except OSError as error:
            raise SourceError(f"can not open {self.title} {path}: {error.strerror}") from error
        self._cache = StatCache(cache)
        self._lock = threading.RLock()
        self._directories: dict[str, dict[str, Entry]] = {}
        self._listings: dict[str, list[str]] = {}
        self._matched: dict[str, Matched] = {"": ()}
        self._records: dict[str, Record] = {}
        self._inodes: dict[tuple[int, int], str] = {}
        self._sockets: set[str] = set()
        self._listed: dict[str, Signature | None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Save what was learnt of files, and let go of the directory."""
        if self._root >= 0:
            os.close(self._root)
            self._root = -1
            self._cache.save(self._directories)

    # --- the SourceTree protocol ---------------------------------------------------------------------

    def lstat(self, path: str) -> Entry | None:
        """The entry at ``path``, or none."""
        if not path:
            status = os.fstat(self._root)
            return Entry("", "directory", 0o755, mtime_ns=status.st_mtime_ns)
        directory, _, name = path.rpartition("/")
        entries = self._entries(directory)
        return None if entries is None else entries.get(name)

    def listdir(self, path: str) -> list[str]:
        """Names in a directory, sorted by their bytes."""
        entries = self._entries(path)
        if entries is None:
            raise (FileNotFoundError if self.lstat(path) is None else NotADirectoryError)(path)
        names = self._listings.get(path)
        if names is None:
            names = self._listings[path] = sorted(entries)
        return names

    def digest(self, path: str) -> str:
        """Digest of the content of the file at ``path``."""
        entry = self._file(path)
        return entry.digest or self._hash(entry)

    def open(self, path: str) -> BinaryIO:
        """The file at ``path``, for reading. Raises :class:`SourceError` if it was changed or can not be
        read.
        """
        entry = self._file(path)
        if path in self._sockets:
            return BytesIO()
        try:
            file = FileIO(os.open(path, _READ, dir_fd=self._root), "rb")
        except PermissionError as error:
            raise self._unreadable(path, error) from error
        except OSError as error:
            raise self._changed(path) from error
        if signature(os.fstat(file.fileno())) != self._records[entry.path].signature:
            file.close()
            raise self._changed(path)
        return cast("BinaryIO", file)

    def signatures(self) -> dict[str, Signature] | None:
        """Signatures of all that was looked at, by path, as it was then. None if one of them may change without
        another signature: something was modified just before it was looked at.
        """
        found: dict[str, Signature] = {}
        for directory, mark in self._listed.items():
            if mark is None:
                return None
            found[directory] = mark
        for entries in self._directories.values():
            for entry in entries.values():
                if entry.is_directory and entry.path not in self._listed:
                    continue  # nothing of it was wanted
                record = self._cache.fresh(entry.path)
                if record is None or found.setdefault(entry.path, record.signature) != record.signature:
                    return None
        return found

    def explain_missing(self, path: str) -> str:
        """Why a path that is on disk is not in the tree; empty if there is no such reason."""
        pattern = self.ignore.culprit(path)
        if not pattern:
            return ""
        try:
            os.stat(path, dir_fd=self._root, follow_symlinks=False)
        except OSError:
            return ""
        return f"{path} is there, but is excluded by the pattern {pattern!r} of .dockerignore"

    # --- reading directories -------------------------------------------------------------------------

    def _entries(self, path: str) -> dict[str, Entry] | None:
        entries = self._directories.get(path)
        if entries is not None:
            return entries
        with self._lock:
            entries = self._directories.get(path)
            if entries is None:
                entry = self.lstat(path)
                if entry is None or entry.kind != "directory":
                    return None
                entries = self._scan(path)
            return entries

    def _scan(self, path: str) -> dict[str, Entry]:
        try:
            descriptor = os.open(path or ".", _READ | os.O_DIRECTORY, dir_fd=self._root)
        except PermissionError as error:
            raise self._unreadable(path, error) from error
        except OSError as error:
            raise self._changed(path) from error
        entries: dict[str, Entry] = {}
        found_below: list[str] = []
        parent = self._matched.get(path, ())
        ignore = self.ignore.match if self.ignore else None
        prefix = f"{path}/" if path else ""
        try:
            mark, read_ns = signature(os.fstat(descriptor)), time.time_ns()
            self._listed[path] = None if is_racy(mark, read_ns) else mark
            with os.scandir(descriptor) as items:
                for item in items:
                    name = item.name
                    below = prefix + name
                    if ignore is not None:
                        excluded, matched = ignore(below, parent)
                        is_directory = item.is_dir(follow_symlinks=False)
                        if is_directory:
                            self._matched[below] = matched
                        if excluded:
                            if not is_directory or not self.ignore.reaches_into(below):
                                continue
                            found_below.append(name)
                    entry = self._entry(below, item)
                    if entry is not None:
                        entries[name] = entry
        finally:
            os.close(descriptor)
        for name in found_below:
            self._drop_if_empty(entries, name)
        self._directories[path] = entries
        return entries

    def _drop_if_empty(self, entries: dict[str, Entry], name: str) -> None:
        """An excluded directory is there only if something below it was taken back."""
        entry = entries.get(name)
        if entry is None:
            return
        try:
            if not self._scan(entry.path):
                del entries[name]
        except SourceError as error:
            if not isinstance(error.__cause__, PermissionError):
                raise
            del entries[name]

    def _entry(self, path: str, item: os.DirEntry[str]) -> Entry | None:
        try:
            status = item.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None  # gone since the directory was read
        try:
            path.encode()
        except UnicodeEncodeError as error:
            shown = os.fsencode(path).decode("utf-8", "backslashreplace")
            raise SourceError(
                f"a file name in {self.title} is not valid UTF-8: {shown}",
                help="rename the file, or exclude it with .dockerignore",
            ) from error
        mark = signature(status)
        record = self._cache.get(path, mark)
        if record is None:
            record = self._read_record(path, status)
        else:
            self._cache.keep(path, record)
        mode = status.st_mode
        kind = _KINDS[stat.S_IFMT(mode)]
        link = ""
        if kind == "file":
            self._records[path] = record
            if status.st_nlink > 1:
                first = self._inodes.setdefault((status.st_dev, status.st_ino), path)
                link = first if first != path else ""
            if stat.S_ISSOCK(mode):
                self._sockets.add(path)
        elif kind in {"character", "block"}:
            device = (os.major(status.st_rdev), os.minor(status.st_rdev))
            return Entry(path, kind, mode & 0o7777, mtime_ns=mark[1], device=device, xattrs=record.xattrs)
        else:
            mode = mode | 0o777 if kind == "symlink" else mode
            return Entry(path, kind, mode & 0o7777, 0, 0, 0, mark[1], record.target, xattrs=record.xattrs)
        return Entry(
            path, kind, mode & 0o7777, 0, 0, mark[0], mark[1], "", (0, 0), record.digest, record.xattrs, link
        )

    def _read_record(self, path: str, status: os.stat_result) -> Record:
        read_ns = time.time_ns()
        target = ""
        if stat.S_ISLNK(status.st_mode):
            target = os.readlink(path, dir_fd=self._root)
        record = Record(signature(status), "", target, _xattrs(os.path.join(self.path, path)))
        self._cache.put(path, record, read_ns)
        return record

    # --- contents ------------------------------------------------------------------------------------

    def _file(self, path: str) -> Entry:
        entry = self.lstat(path)
        if entry is None:
            raise FileNotFoundError(path)
        if entry.kind != "file":
            raise IsADirectoryError(path) if entry.kind == "directory" else OSError(f"not a file: {path}")
        return entry

    def _hash(self, entry: Entry) -> str:
        read_ns = time.time_ns()
        path = entry.path
        with self.open(path) as file:
            hasher = hashlib.sha256()
            while chunk := file.read(_CHUNK):
                hasher.update(chunk)
            if (
                isinstance(file, FileIO)
                and signature(os.fstat(file.fileno())) != self._records[path].signature
            ):
                raise self._changed(path)
        digest = f"sha256:{hasher.hexdigest()}"
        record = self._records[path]._replace(digest=digest)
        with self._lock:
            self._records[path] = record
            directory, _, name = path.rpartition("/")
            self._directories[directory][name] = entry._replace(digest=digest)
            self._cache.put(path, record, read_ns)
        return digest

    def _changed(self, path: str) -> SourceError:
        return SourceError(
            f"{path} in {self.title} was changed while it was being used", help="start the build again"
        )

    def _unreadable(self, path: str, error: OSError) -> SourceError:
        return SourceError(
            f"can not read {path or '.'} in {self.title}: {error.strerror}",
            help="give yourself the right to read it, or exclude it with .dockerignore",
        )


def _xattrs(path: str) -> Xattrs:
    try:
        names = os.listxattr(path, follow_symlinks=False)
        return tuple(
            (name, os.getxattr(path, name, follow_symlinks=False))
            for name in sorted(names)
            if not name.startswith("com.apple.")
        )
    except OSError as error:
        if error.errno in {errno.ENOTSUP, errno.ENODATA, errno.ENOENT, errno.EPERM, errno.EACCES}:
            return ()
        raise
