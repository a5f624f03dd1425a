"""A directory in memory for the files of steps: no disk may see secrets."""

from __future__ import annotations

import fcntl
import os
import shutil

from ..errors import EnvironmentLackError

__all__ = ["MemoryDirectory"]

_PLACES = ("/dev/shm", "/run")  # noqa: S108  # a directory with a random name is made in it
_PREFIX = "layerc-"


class MemoryDirectory:
    """Removed by :meth:`close`, else by the next process that makes one while nobody holds ``lock``.

    Raises :class:`EnvironmentLackError`.
    """

    def __init__(self) -> None:
        place = _place()
        _remove_dead(place)
        while True:
            self.path = os.path.join(place, f"{_PREFIX}{os.getpid()}-{os.urandom(4).hex()}")
            os.mkdir(self.path, 0o700)
            lock = _try_lock(self.path)
            # Someone who cleans up may come between the two calls: then once more.
            if lock is not None and os.path.isdir(self.path):
                self.lock = lock
                return

    def close(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self.lock)


def _place() -> str:
    for place in (*_PLACES, os.environ.get("XDG_RUNTIME_DIR", "")):
        if os.access(place, os.W_OK | os.X_OK) and _is_in_memory(place):
            return place
    raise EnvironmentLackError(
        "there is no file system in memory to keep the steps' secrets in",
        help="mount a tmpfs on /dev/shm, or set XDG_RUNTIME_DIR to a directory on one",
    )


def _is_in_memory(path: str) -> bool:
    device = os.stat(path).st_dev
    name = f"{os.major(device)}:{os.minor(device)}"
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        return any(line.split()[2] == name and " - tmpfs " in line for line in file)


def _remove_dead(place: str) -> None:
    for entry in os.scandir(place):
        if entry.name.startswith(_PREFIX) and entry.is_dir(follow_symlinks=False):
            lock = _try_lock(entry.path)
            if lock is not None:
                shutil.rmtree(entry.path, ignore_errors=True)
                os.close(lock)


def _try_lock(path: str) -> int | None:
    """A descriptor that holds the lock, which nobody else has as long as it is open."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:  # gone, or someone else's
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
