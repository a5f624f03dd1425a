"""Small helpers for files: errors in the user's words, trees removed whatever their permissions."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import StoreError

__all__ = ["remove_tree", "store_error", "store_errors"]

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_ELSEWHERE = "set LAYERC_HOME to a directory that you may write to"


def store_error(error: OSError | sqlite3.Error, place: str) -> StoreError:
    """What went wrong with the store at ``place``, in the user's words."""
    if isinstance(error, sqlite3.Error):
        return _index_error(error, place)
    if error.errno in _FULL:
        return StoreError(
            f"no space left for the store at {place}",
            help="free some space, run 'layerc cache gc', or set LAYERC_HOME to another disk",
        )
    if error.errno in _FORBIDDEN:
        named = error.filename if isinstance(error.filename, str) else place
        return StoreError(f"no permission to use the store at {place}: {named}", help=_ELSEWHERE)
    return StoreError(f"the store at {place} can not be used: {error}")


def _index_error(error: sqlite3.Error, place: str) -> StoreError:
    text = str(error)
    if "full" in text:
        return store_error(OSError(errno.ENOSPC, text), place)
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
    try:
        shutil.rmtree(path)
    except PermissionError:
        # Not root: directories without write permission (an overlay's work directory has none at all).
        _open_up(path)
        shutil.rmtree(path)


def _open_up(path: str) -> None:
    os.chmod(path, 0o700)
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _open_up(entry.path)
