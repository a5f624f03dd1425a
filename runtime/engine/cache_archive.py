"""Cache mounts as an archive, to be taken to another machine.

A tar archive with ``NAME/cache.json`` and ``NAME/data`` for each cache, sorted; equal caches give equal bytes. What
is read may be a stranger's: names are followed among the directories that the archive itself has brought and
nowhere else, so nothing outside can be reached.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import IO, Any, cast

from ..errors import InputError, SourceError
from ..oci.compression import Readable, compressed, decompressed, sniff
from ..snapshot.entry import Entry
from ..snapshot.metadata import is_kept, read_entry, set_metadata
from ..snapshot.stream import LayerStream
from ..snapshot.untar import HARD_LINK, Member, TarReader
from ..snapshot.view import open_plain
from ..store import Store
from ..store.files import store_errors
from ..store.folders import CacheMount, cache_mounts, hold_cache
from .cache_mounts import cache_identity, lock_cache

__all__ = ["export_caches", "import_caches", "read_caches", "write_caches"]

_ABOUT, _DATA = "cache.json", "data"
_SUFFIXES = {".gz": "gzip", ".tgz": "gzip", ".zst": "zstd"}
_MOST_ABOUT = 1 << 16
_MOST_ID = (1 << 32) - 2
_IMPOSSIBLE = (errno.ENAMETOOLONG, errno.EINVAL, errno.E2BIG, errno.ERANGE, errno.EMLINK, errno.EFBIG)


def export_caches(store: Store, path: str, ids: Collection[str] | None = None) -> list[CacheMount]:
    """Write cache mounts (those with these ids; none: all) to the archive ``path``, compressed as its name says.

    Waits until no step uses them. Raises :class:`InputError` for an id that is not there.
    """
    there = [cache for cache in cache_mounts(store.root, measure=False) if _is_portable(store, cache)]
    wanted = [cache for cache in there if ids is None or cache.id in ids]
    for missing in sorted(set(ids or ()) - {cache.id for cache in wanted}):
        known = sorted({cache.id for cache in there})
        raise InputError(
            f"the store has no cache mount {missing!r}",
            help=f"it has: {', '.join(known)}" if known else "it has none",
        )
    temporary = f"{path}.{os.getpid()}"
    try:
        with open(temporary, "xb") as file, compressed(file, _kind(path)) as target:
            write_caches(store, wanted, target.write)
        os.rename(temporary, path)
    except OSError as error:
        raise InputError(f"can not write {path}: {error.strerror}") from error
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
    return wanted


def import_caches(store: Store, path: str) -> list[CacheMount]:
    """Take the cache mounts of an archive; those that the store has stay as they are. Tells which came.

    Raises :class:`SourceError` where it is no such archive; then nothing of it is kept.
    """
    try:
        with open_plain(path) as file:
            kind = sniff(file.peek(8)[:8])  # type: ignore[attr-defined]  # a buffered file
            with decompressed(cast("IO[bytes]", file), kind) as stream:
                names = read_caches(store, stream)
    except OSError as error:
        raise InputError(f"can not read {path}: {error.strerror}") from error
    return [cache for cache in cache_mounts(store.root) if cache.name in names]


def _kind(path: str) -> str:
    return next((kind for suffix, kind in _SUFFIXES.items() if path.endswith(suffix)), "uncompressed")


def _is_portable(store: Store, cache: CacheMount) -> bool:
    """Whether another store would find it: directories of second private users have no name of their own."""
    return cache.name == _identity(_about(os.path.join(store.root, "caches", cache.name, _ABOUT)))


def _about(path: str) -> Any:
    try:
        with open(path, "rb") as file:
            return json.loads(file.read(_MOST_ABOUT))
    except (OSError, ValueError, RecursionError):
        return None


def _identity(about: Any) -> str | None:
    """The name of the cache's directory; none where it is not described in full."""
    match about:
        case {"id": str(name), "owned": [mode, int(uid), int(gid)]} if mode is None or isinstance(mode, int):
            return cache_identity(name, mode, uid, gid)
    return None


# --- out ---------------------------------------------------------------------------------------------


def write_caches(store: Store, caches: Collection[CacheMount], sink: Callable[[bytes], object]) -> int:
    """Give the archive of ``caches`` to ``sink``; its size."""
    stream = LayerStream(sink)
    for cache in sorted(caches):
        path = os.path.join(store.root, "caches", cache.name)
        with ExitStack() as held:
            held.enter_context(hold_cache(path, partial(_check_there, path, cache)))
            held.callback(os.close, lock_cache(path, "locked", lambda: None))
            _write_one(path, cache.name, stream)
    stream.finish()
    return stream.size


def _check_there(path: str, cache: CacheMount) -> None:
    if not os.path.isdir(path):
        raise InputError(f"the cache mount {cache.id!r} was removed meanwhile")


def _write_one(path: str, name: str, stream: LayerStream) -> None:
    about = _about(os.path.join(path, _ABOUT))
    text = json.dumps({key: about[key] for key in ("id", "owned", "target")}, sort_keys=True).encode()
    stream.entry(Entry(name, "directory", 0o755))
    stream.small_file(Entry(f"{name}/{_ABOUT}", "file", 0o644, size=len(text)), text)
    links: dict[tuple[int, int], str] = {}
    for real, shown, status in _walk(os.path.join(path, _DATA), f"{name}/{_DATA}"):
        entry = read_entry(real, shown, status)
        if entry is None or entry.kind in ("character", "block"):
            continue  # sockets and devices mean nothing elsewhere
        first = links.setdefault((status.st_dev, status.st_ino), shown) if status.st_nlink > 1 else shown
        if first != shown and not entry.is_directory:
            stream.entry(entry._replace(link=first))
        elif entry.kind == "file":
            with open_plain(real) as file:
                stream.file(entry, file)
        else:
            stream.entry(entry)


def _walk(real: str, shown: str) -> Iterator[tuple[str, str, os.stat_result]]:
    pending = [(real, shown)]
    while pending:
        real, shown = pending.pop()
        status = os.lstat(real)
        yield real, shown, status
        if stat.S_ISDIR(status.st_mode):
            names = sorted(os.listdir(real), key=os.fsencode, reverse=True)
            pending += [(f"{real}/{name}", f"{shown}/{name}") for name in names]


# --- in ----------------------------------------------------------------------------------------------


def read_caches(store: Store, stream: Readable, only: Collection[str] | None = None) -> set[str]:
    """Take the caches of an archive (with ``only``, those of these names) that the store lacks; their names.

    Raises :class:`SourceError` where it is no such archive; then nothing of it is kept.
    """
    place = store.temporary("caches")
    os.mkdir(place, 0o700)
    unpacking = _Unpacking(place, {}, set())
    reader = TarReader(stream)
    with store_errors(store.root):
        try:
            for member in reader:
                unpacking.add(member, reader)
            unpacking.finish()
        except OSError as error:
            if error.errno not in _IMPOSSIBLE:
                raise
            raise SourceError(f"the archive can not be unpacked: {error.strerror}") from error
        names = sorted(os.listdir(place))
        for name in names:
            known_as = _identity(_about(os.path.join(place, name, _ABOUT)))
            if known_as != name or f"{name}/{_DATA}" not in unpacking.directories:
                raise SourceError(f"{name[:80]!r} in the archive is no cache mount")
        wanted = [name for name in names if only is None or name in only]
        return {name for name in wanted if _adopt(store, place, name)}


def _adopt(store: Store, place: str, name: str) -> bool:
    base = os.path.join(store.root, "caches", name)
    os.makedirs(os.path.dirname(base), exist_ok=True)
    with store.lock(f"making cache {name}"):
        if os.path.lexists(base):
            return False
        os.rename(os.path.join(place, name), base)
    return True


@dataclass
class _Unpacking:
    """An archive on its way to the directory ``place``: its directories, and its other members."""

    place: str
    directories: dict[str, Entry]
    others: set[str]

    def add(self, member: Member, reader: TarReader) -> None:
        """Take one member. Raises :class:`SourceError`."""
        entry = _entry(member)
        parent, _, _ = entry.path.rpartition("/")
        if parent and parent not in self.directories:
            raise _malformed(member, "lies in no directory of it")
        if entry.path in self.others or entry.path in self.directories:
            raise _malformed(member, "comes twice")
        self._check_form(entry, member)
        real = os.path.join(self.place, entry.path)
        if member.kind == "directory":
            os.mkdir(real, 0o700)
            self.directories[entry.path] = entry
            return
        if member.kind == HARD_LINK:
            target = os.fsdecode(member.target)
            if target not in self.others:
                raise _malformed(member, "is a link to nothing before it")
            os.link(os.path.join(self.place, target), real, follow_symlinks=False)
        elif member.kind == "file":
            _write(real, member, reader)
        elif member.kind == "symlink":
            os.symlink(entry.target, real)
        elif member.kind == "fifo":
            os.mkfifo(real)
        else:
            raise _malformed(member, "is a device")
        self.others.add(entry.path)
        if member.kind != HARD_LINK:
            set_metadata(real, entry)

    def _check_form(self, entry: Entry, member: Member) -> None:
        """Only what :func:`write_caches` writes may stand at the top."""
        parts = entry.path.split("/")
        expected = {1: ("directory",), 2: ("directory",) if parts[1:] == [_DATA] else ("file",)}
        if member.kind not in expected.get(len(parts), (member.kind,)) or parts[1:2] not in (
            [],
            [_DATA],
            [_ABOUT],
        ):
            raise _malformed(member, "is no part of a cache mount")

    def finish(self) -> None:
        """Set what directories can have only now that nothing is added to them any more."""
        for path, entry in reversed(self.directories.items()):
            set_metadata(os.path.join(self.place, path), entry)


def _entry(member: Member) -> Entry:
    name = os.fsdecode(member.name).removesuffix("/")
    if any(part in ("", ".", "..") for part in name.split("/")) or "\0" in name:
        raise _malformed(member, "leads elsewhere")
    target = os.fsdecode(member.target) if member.kind == "symlink" else ""
    xattrs = tuple((key, value) for raw, value in member.xattrs if is_kept(key := os.fsdecode(raw)))
    if (
        max(member.uid, member.gid) > _MOST_ID
        or "\0" in target
        or (member.kind == "symlink" and not target)
        or any("\0" in key for key, _ in xattrs)
    ):
        raise _malformed(member, "can not be made")
    kind = cast("Any", "file" if member.kind == HARD_LINK else member.kind)
    return Entry(
        name,
        kind,
        member.mode & 0o7777,
        member.uid,
        member.gid,
        member.size,
        member.mtime_ns,
        target,
        xattrs=xattrs,
    )


def _malformed(member: Member, what: str) -> SourceError:
    return SourceError(
        f"the archive is malformed: {os.fsdecode(member.name)[:200]!r} {what}",
        help="such archives are written by layerc cache export --mounts",
    )


def _write(real: str, member: Member, reader: TarReader) -> None:
    with open(real, "xb", buffering=0) as file:
        for piece in reader.content(member):
            if isinstance(piece, int):
                file.seek(piece, os.SEEK_CUR)
                continue
            while piece:
                piece = piece[file.write(piece) :]
        file.truncate(member.size)
