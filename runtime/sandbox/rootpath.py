"""Paths inside a root file system that nobody vouches for."""

from __future__ import annotations

import errno
import os

__all__ = ["open_in_root", "path_in_root"]

_MOST_LINKS = 255


def path_in_root(root: str, path: str) -> str:
    """Where ``path`` leads in the tree at ``root``, as a path of the host.

    Links are followed as for a process whose root directory is ``root``: none leads out. What does not exist
    is taken as it is written. The tree must be at rest. Raises ``OSError`` (``ELOOP``).
    """
    todo = [part for part in reversed(path.split("/")) if part not in ("", ".")]
    done: list[str] = []
    links = 0
    while todo:
        part = todo.pop()
        if part == "..":
            del done[-1:]
            continue
        try:
            target = os.readlink(os.path.join(root, *done, part))
        except OSError:  # no link, or nothing there
            done.append(part)
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        if target.startswith("/"):
            done.clear()
        todo += [name for name in reversed(target.split("/")) if name not in ("", ".")]
    return os.path.join(root, *done)


def open_in_root(root: str, path: str) -> int:
    """A descriptor to read a regular file of the tree at ``root``. Raises ``OSError``."""
    descriptor = os.open(
        path_in_root(root, path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    )
    if not os.path.isfile(f"/proc/self/fd/{descriptor}"):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return descriptor
