"""Unfinished things: drafts of layers and temporary files, kept where a dead process's can be told apart."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from .files import remove_tree
from .locks import try_flock
from .mounts import mounts_below, unmount

__all__ = ["Draft", "Session", "remove_dead"]


class Draft:
    """A layer in the making: ``diff`` and ``work`` are an overlay's upper and work directory, ``index`` is
    the name for the entry index. What is not added to the store goes away with the ``with`` block.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.diff = os.path.join(path, "diff")
        self.work = os.path.join(path, "work")
        self.index = os.path.join(path, "index")
        os.mkdir(path, 0o700)
        os.mkdir(self.diff, 0o755)
        os.chmod(self.diff, 0o755)  # noqa: S103  # whatever the umask: it is the root directory of a tree
        os.mkdir(self.work, 0o700)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def discard(self) -> None:
        """Remove what is left of it."""
        remove_tree(self.path)


class Session:
    """The working directory of one open store, made when it is first needed.

    Its lock file is locked before the directory is there, so a directory whose lock is free (or missing)
    belongs to a dead process.
    """

    def __init__(self, parent: str) -> None:
        self._parent = parent
        self._guard = threading.Lock()
        self._numbers = itertools.count(1)
        self._path: str | None = None
        self._lock = -1

    @property
    def path(self) -> str:
        """The directory. Raises ``OSError``."""
        with self._guard:
            if self._path is None:
                self._path = self._create()
            return self._path

    def new_name(self, prefix: str) -> str:
        """A path in it that nothing has."""
        return os.path.join(self.path, f"{prefix}{next(self._numbers)}")

    def close(self) -> None:
        """Remove it with all that is in it."""
        with self._guard:
            if self._path is not None:
                remove_tree(self._path)
                os.unlink(f"{self._path}.lock")
                os.close(self._lock)
                self._path = None

    def _create(self) -> str:
        # Who begins to work clears away what killed processes have left.
        remove_dead(self._parent)
        while True:
            path = os.path.join(self._parent, f"{os.getpid()}-{os.urandom(4).hex()}")
            descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            # One who cleans up may come between the two calls, lock the file and remove it: then once more.
            if try_flock(descriptor) and os.fstat(descriptor).st_nlink:
                os.mkdir(path, 0o700)
                self._lock = descriptor
                return path
            os.close(descriptor)


def remove_dead(parent: str) -> None:
    """Remove the working directories of dead processes. What can not be removed now stays for later."""
    names = set(os.listdir(parent))
    for name in names:
        with contextlib.suppress(OSError):
            if not name.endswith(".lock") and f"{name}.lock" not in names:
                _remove_unlocked(parent, name)
            elif name.endswith(".lock"):
                _remove_if_free(parent, name.removesuffix(".lock"))


def _remove_unlocked(parent: str, name: str) -> None:
    # The listing may be older than the lock file: look again before believing that there is none.
    path = os.path.join(parent, name)
    if not os.path.exists(f"{path}.lock"):
        _remove_unmounted(path)


def _remove_unmounted(path: str) -> None:
    """Remove a directory, but never through a mount that a dead process has left in it."""
    for target in reversed(mounts_below(path)):
        unmount(target)
    if not mounts_below(path):
        remove_tree(path)


def _remove_if_free(parent: str, name: str) -> None:
    path = os.path.join(parent, name)
    with _opened(f"{path}.lock") as descriptor:
        if descriptor is not None and try_flock(descriptor):
            _remove_unmounted(path)
            if os.path.lexists(path):
                return
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{path}.lock")


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int | None]:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)
