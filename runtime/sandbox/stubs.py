"""Mount points: made in the root file system for a step, and taken away again where the step left them empty.

BuildKit does so too. Here the mount points are made before the container starts, so that the time stamps of
the directories that hold them can be put back as if nothing had happened.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator

from .rootpath import path_in_root

__all__ = ["mount_points"]

# The container's own mounts lie here: nothing has to be made below them, but what was missing is noted.
_MOUNTED = ("proc", "dev", "sys")


@contextlib.contextmanager
def mount_points(root: str, targets: Iterable[tuple[str, bool]]) -> Iterator[None]:
    """Have mount points in ``root`` for ``targets``: (path, whether it is a directory). Raises ``OSError``.

    The root file system must be at rest before and after the block.
    """
    stubs: list[list[str]] = []
    try:
        for target, is_directory in targets:
            missing, existing = _missing(root, target)
            stubs.append(missing)
            if missing and os.path.relpath(missing[0], root).split("/")[0] not in _MOUNTED:
                _make(missing, existing, is_directory=is_directory)
        yield
    finally:
        # What was made last may lie below what was made before.
        for missing in reversed(stubs):
            for stub in missing:
                _take_away(root, stub)


def _missing(root: str, target: str) -> tuple[list[str], str]:
    """What of a target's path is not there, the deepest first, and the directory that is."""
    path = path_in_root(root, target)
    missing = []
    while path != root and not os.path.lexists(path):
        missing.append(path)
        path = os.path.dirname(path)
    return (missing, path) if os.path.isdir(path) else ([], path)


def _make(missing: list[str], existing: str, *, is_directory: bool) -> None:
    status = os.stat(existing)
    for path in reversed(missing if is_directory else missing[1:]):
        os.mkdir(path)
        os.chmod(path, 0o755)  # noqa: S103  # whatever the umask
    if not is_directory:
        os.close(os.open(missing[0], os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))
    os.utime(existing, ns=(status.st_atime_ns, status.st_mtime_ns))


def _take_away(root: str, stub: str) -> None:
    """Remove a stub that is empty. The step may have put anything in place of its directory."""
    parent = os.path.dirname(stub)
    with contextlib.suppress(OSError):
        if path_in_root(root, parent[len(root) :]) != parent:
            return
        status = os.stat(parent)
        if os.path.isdir(stub) and not os.path.islink(stub):
            os.rmdir(stub)
        elif os.lstat(stub).st_size == 0:
            os.unlink(stub)
        else:
            return
        os.utime(parent, ns=(status.st_atime_ns, status.st_mtime_ns))
