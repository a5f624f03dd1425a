"""Locks that the kernel releases when their holder dies: named ones, and leases on numbers."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .files import store_errors

__all__ = ["Leases", "named_lock", "remove_free_locks", "try_flock"]

_FIRST_WAIT, _LONGEST_WAIT = 0.001, 0.05


@contextmanager
def named_lock(directory: str, name: str, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the lock ``name`` alone, among threads and processes.

    While it waits, ``on_wait`` is called every 50 ms at least; what it raises ends the waiting. The lock's
    file is removed on release, so none is left over but those of killed processes.
    """
    path = os.path.join(directory, hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest())
    descriptor = _acquire(path, on_wait)
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        os.close(descriptor)


def remove_free_locks(directory: str) -> None:
    """Remove the files of named locks that nobody holds: killed processes have left them."""
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            if try_flock(descriptor) and _is_file(path, descriptor):
                os.unlink(path)
        finally:
            os.close(descriptor)


def _acquire(path: str, on_wait: Callable[[], None] | None) -> int:
    while True:
        with store_errors(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _flock(descriptor, on_wait)
            # The holder before us has unlinked the file that we waited for, unless it died.
            if _is_file(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _flock(descriptor: int, on_wait: Callable[[], None] | None) -> None:
    if on_wait is None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return
    wait = _FIRST_WAIT
    while not try_flock(descriptor):
        on_wait()
        time.sleep(wait)
        wait = min(wait * 2, _LONGEST_WAIT)


def try_flock(descriptor: int) -> bool:
    """Lock the open file now, if nobody has."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_file(path: str, descriptor: int) -> bool:
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(descriptor))


class Leases:
    """Shared holds on numbers, as locks on the bytes of one empty file.

    Nothing is written to take one, and the kernel drops them with the process. They belong to the open file,
    so all threads of a :class:`Leases` share them, and two of them exclude each other even in one process.
    """

    def __init__(self, path: str, *, writable: bool = False) -> None:
        self._descriptor = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC)

    def hold(self, number: int) -> None:
        """Share ``number`` until :meth:`close`. Waits while someone holds it alone (a moment)."""
        self._lock(fcntl.F_OFD_SETLKW, fcntl.F_RDLCK, number)

    def try_alone(self, number: int) -> bool:
        """Hold ``number`` alone, if nobody has it; then :meth:`release` it."""
        try:
            self._lock(fcntl.F_OFD_SETLK, fcntl.F_WRLCK, number)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise
        return True

    def release(self, number: int) -> None:
        """Let ``number`` go."""
        self._lock(fcntl.F_OFD_SETLK, fcntl.F_UNLCK, number)

    def close(self) -> None:
        """Let all go."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _lock(self, command: int, kind: int, number: int) -> None:
        # struct flock: type, whence, start, length, pid (0 for locks of open files)
        fcntl.fcntl(self._descriptor, command, struct.pack("hhqqii", kind, os.SEEK_SET, number, 1, 0, 0))
