"""Small helpers for files: errors in the user's words, trees removed whatever their permissions."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from ..errors import StoreError

__all__ = ["remove_tree", "store_error", "store_errors"]

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LONGEST_PLACE = 480  # SQLite opens no path of more than 512 bytes
_ELSEWHERE = "set LAYERC_HOME to a directory that you may write to"


def store_error(error: OSError | sqlite3.Error, place: str) -> StoreError:
    """What went wrong with the store at ``place``, in the user's words."""
    if isinstance(error, sqlite3.Error):
        return _index_error(error, place)
    if error.errno in _FULL:
        return StoreError(
            f"no space left for the store at {place}",
            help="free some space ('layerc cache gc' helps), or set LAYERC_HOME to another disk",
        )
    if error.errno in _FORBIDDEN:
        named = error.filename if isinstance(error.filename, str) else place
        return StoreError(f"no permission to use the store at {place}: {named}", help=_ELSEWHERE)
    return StoreError(f"the store at {place} can not be used: {error}")


def _index_error(error: sqlite3.Error, place: str) -> StoreError:
    text = str(error)
    if "full" in text:
        return store_error(OSError(errno.ENOSPC, text), place)
    if "disk I/O" in text:
        return StoreError(
            f"the store at {place} can not be read or written: {text}",
            help="look whether its disk is full or failing, or set LAYERC_HOME to another disk",
        )
    if "unable to open" in text and len(os.fsencode(place)) > _LONGEST_PLACE:
        return StoreError(
            f"the path of the store is too long: {place}", help="set LAYERC_HOME to a shorter path"
        )
    if "readonly" in text or "unable to open" in text:
        return StoreError(f"no permission to use the store at {place}: {text}", help=_ELSEWHERE)
    if "locked" in text or "busy" in text:
        return StoreError(
            f"the index of the store at {place} is held by another process for too long",
            help="wait until other builds have finished, then try again",
        )
    return StoreError(
        f"the index of the store at {place} is damaged: {text}",
        help=f"remove {place} (it holds nothing that can not be made again), or set LAYERC_HOME",
    )


@contextmanager
def store_errors(place: str) -> Iterator[None]:
    """Turn errors of the system and of SQLite into :class:`StoreError`."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise store_error(error, place) from error


def remove_tree(path: str) -> None:
    """Remove what is at ``path``, if anything, whatever its permissions. Raises ``OSError``."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(status.st_mode):
        os.unlink(path)
        return
    parent, name = os.path.split(path.rstrip("/"))
    with _Place(parent or ".") as place:
        place.enter(name)
        place.remove()


class _Place:
    """An open directory that is gone down from and back up to.

    So neither the stack nor the number of open files grows with the depth of a tree, and no path is longer than
    a name.
    """

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._above: list[tuple[str, os.stat_result]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def enter(self, name: str) -> None:
        """Go down, opening up what has no permissions (an overlay's work directory, for one but root)."""
        here = self._descriptor
        above = os.fstat(here)
        if os.geteuid():
            os.chmod(name, 0o700, dir_fd=here)
        self._descriptor = os.open(name, _DIRECTORY, dir_fd=here)
        os.close(here)
        self._above.append((name, above))

    def remove(self) -> None:
        """Remove the directory that was entered first, with all below it."""
        while self._above:
            below = self._remove_leaves()
            if below is None:
                self._leave()
            else:
                self.enter(below)

    def _leave(self) -> None:
        name, above = self._above.pop()
        here = self._descriptor
        self._descriptor = os.open("..", _DIRECTORY, dir_fd=here)
        os.close(here)
        if not os.path.samestat(os.fstat(self._descriptor), above):
            raise OSError(errno.ESTALE, "a directory was moved while it was removed", name)
        os.rmdir(name, dir_fd=self._descriptor)

    def _remove_leaves(self) -> str | None:
        """Remove what is no directory; the name of the first directory."""
        with os.scandir(self._descriptor) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    return entry.name
                os.unlink(entry.name, dir_fd=self._descriptor)
        return None
