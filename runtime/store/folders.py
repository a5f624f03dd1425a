"""What a store keeps beside its index: cache mounts, what was learnt of contexts, decisions, tools.

Folders of the store, and what is in them:

- ``caches``: a directory for each cache mount, with ``data`` and ``cache.json``; who uses one shares a lock on the
  directory, so that one that is in use can be told.
- ``contexts``, ``trees``: files with what was read of build contexts.
- ``builds``: the decisions of the last builds.
- ``tools``: programs that were compiled for this machine.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from .files import remove_tree

__all__ = [
    "FOLDERS",
    "CacheMount",
    "cache_mounts",
    "folder_size",
    "hold_cache",
    "limit_cache_mounts",
    "noted_size",
    "remove_cache",
    "tidy",
]

FOLDERS = ("contexts", "trees", "builds", "tools")
_TOOL_AGE = 30 * 86400.0  # programs are touched once a day while they are used
_SIZE_AGE = 86400.0
_SIZE = "size"


class CacheMount(NamedTuple):
    """A cache mount: the name of its directory, the ``id`` that steps know it by, where it was mounted first, bytes
    on disk, and when it was used last (Unix time).
    """

    name: str
    id: str
    target: str
    size: int
    used: float


def cache_mounts(root: str, *, measure: bool = True) -> list[CacheMount]:
    """All cache mounts, sorted by name. Without ``measure`` sizes may be a day old."""
    found = []
    for name in sorted(_names(os.path.join(root, "caches"))):
        path = os.path.join(root, "caches", name)
        with contextlib.suppress(OSError, ValueError):
            with open(os.path.join(path, "cache.json"), encoding="utf-8") as file:
                known = json.load(file)
                used = os.fstat(file.fileno()).st_mtime
            size = _measured(path) if measure else noted_size(path)
            found.append(CacheMount(name, str(known.get("id", "")), str(known.get("target", "")), size, used))
    return found


def noted_size(path: str) -> int:
    """The size of a cache mount, measured once a day at most."""
    with contextlib.suppress(OSError, ValueError), open(os.path.join(path, _SIZE), encoding="ascii") as file:
        if time.time() - os.fstat(file.fileno()).st_mtime < _SIZE_AGE:
            return int(file.read())
    return _measured(path)


def _measured(path: str) -> int:
    size = folder_size(os.path.join(path, "data"))
    with contextlib.suppress(OSError), open(os.path.join(path, _SIZE), "w", encoding="ascii") as file:
        file.write(str(size))
    return size


@contextmanager
def hold_cache(path: str, make: Callable[[], None]) -> Iterator[None]:
    """Keep the cache mount at ``path``, which ``make`` makes if it is not there, from being removed."""
    descriptor = -1
    while descriptor < 0:
        make()
        with contextlib.suppress(FileNotFoundError):
            descriptor = _held(path)
    try:
        with contextlib.suppress(OSError):
            os.utime(os.path.join(path, "cache.json"))
        yield
    finally:
        os.close(descriptor)


def _held(path: str) -> int:
    """An open directory with a shared lock on it, or -1 if it was removed meanwhile. Raises ``OSError``."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if os.path.samestat(os.stat(path), os.fstat(descriptor)):
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return -1


def remove_cache(root: str, name: str, aside: str) -> bool:
    """Remove a cache mount, unless a step uses it; whether it was. It goes to ``aside`` first, a new name on the
    same file system that is cleared if the process dies. Raises ``OSError``.
    """
    path = os.path.join(root, "caches", name)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.rename(path, aside)
    except (BlockingIOError, FileNotFoundError):
        return False
    finally:
        os.close(descriptor)
    remove_tree(aside)
    return True


def limit_cache_mounts(root: str, keep_bytes: int, new_name: Callable[[], str]) -> int:
    """Remove cache mounts, the least recently used first, until no more than ``keep_bytes`` are left of them all;
    the bytes that were freed. Those that steps use stay. ``new_name`` gives names as :func:`remove_cache` needs.
    Raises ``OSError``.
    """
    mounts = sorted(cache_mounts(root), key=lambda mount: mount.used)
    excess, freed = sum(mount.size for mount in mounts) - keep_bytes, 0
    for mount in mounts:
        if freed < excess and remove_cache(root, mount.name, new_name()):
            freed += mount.size
    return freed


def tidy(root: str, until: float) -> int:
    """Remove files of :data:`FOLDERS` that were not used since ``until`` (Unix time); the bytes that were freed."""
    freed = 0
    for folder in FOLDERS:
        limit = min(until, time.time() - _TOOL_AGE) if folder == "tools" else until
        for name in _names(os.path.join(root, folder)):
            path = os.path.join(root, folder, name)
            with contextlib.suppress(FileNotFoundError):
                status = os.lstat(path)
                if max(status.st_mtime, status.st_atime) < limit:
                    remove_tree(path)
                    freed += status.st_size
    return freed


def folder_size(path: str) -> int:
    """Bytes on disk of everything below ``path``, as ``du`` counts them; 0 where there is nothing."""
    total = 0
    pending = [path]
    seen: set[tuple[int, int]] = set()
    while pending:
        with contextlib.suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    pending.append(entry.path)
                elif status.st_nlink > 1:
                    if (status.st_dev, status.st_ino) in seen:
                        continue
                    seen.add((status.st_dev, status.st_ino))
                total += status.st_blocks * 512
    return total


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
