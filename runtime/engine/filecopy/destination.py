"""Where files are copied to: a root that neither links nor ``..`` lead out of."""

from __future__ import annotations

import errno
import os
import stat

from ....compiler.globs import rooted
from ...errors import StepError

__all__ = ["Destination"]

_MAX_LINKS = 255


class Destination:
    """A directory on this machine as the root of a tree that nobody else changes now.

    Paths are relative to it, "/"-separated, without a leading slash; the root is the empty string. With
    ``strict``, a ``..`` that would leave the root is an error; else it stays there, as in ``/..``.
    """

    def __init__(self, root: str, *, strict: bool = False) -> None:
        self.root = root
        self._strict = strict

    def host(self, path: str) -> str:
        """The machine's path of ``path``, whose links have been followed."""
        return f"{self.root}/{path}" if path else self.root

    def lstat(self, path: str) -> os.stat_result | None:
        """Its status; none if nothing is there."""
        try:
            return os.lstat(self.host(path))
        except FileNotFoundError:
            return None
        except NotADirectoryError as error:
            raise self.blocked(path) from error

    def follow(self, path: str) -> str:
        """``path`` with all links followed inside the root. What does not exist is kept as it is."""
        resolved = ""
        todo = [part for part in reversed(path.split("/")) if part not in {"", "."}]
        links = 0
        while todo:
            part = todo.pop()
            if part == "..":
                if self._strict and not resolved:
                    raise StepError(f"{path} leads out of where it should be", status=1)
                resolved = resolved.rpartition("/")[0]
                continue
            here = f"{resolved}/{part}" if resolved else part
            status = self.lstat(here)
            if status is None or not stat.S_ISLNK(status.st_mode):
                resolved = here
                continue
            links += 1
            if links > _MAX_LINKS:
                raise StepError(f"/{rooted(path)}: its links lead in a circle", status=1)
            target = os.readlink(self.host(here))
            if target.startswith("/"):
                resolved = ""
            todo += [step for step in reversed(target.split("/")) if step not in {"", "."}]
        return resolved

    def make_directories(
        self, path: str, mode: int, owner: tuple[int, int] | None, created: int | None = None
    ) -> None:
        """Make directory ``path`` and what is missing above it; ``path`` has its links followed. ``created`` is
        the Unix time that new ones get. Raises :class:`StepError` if something else is in the way.
        """
        status = self.lstat(path)
        if status is not None:
            if not stat.S_ISDIR(status.st_mode):
                raise self.blocked(path)
            return
        above = path.rpartition("/")[0]
        is_new_above = created is not None and self.lstat(above) is None
        self.make_directories(above, mode, owner, created)
        host = self.host(path)
        os.mkdir(host, 0o700)
        if owner is not None:
            os.lchown(host, *owner)
        os.chmod(host, mode)
        if created is not None:
            os.utime(host, (created, created))
            if is_new_above:  # which this one has just touched
                os.utime(self.host(above), (created, created))

    def blocked(self, path: str) -> StepError:
        """The error for a path of which a part is not a directory."""
        parts = path.split("/")
        for count in range(1, len(parts) + 1):
            part = "/".join(parts[:count])
            try:
                status = os.lstat(self.host(part))
            except OSError as error:
                if error.errno in {errno.ENOENT, errno.ENOTDIR}:
                    break
                raise
            if not stat.S_ISDIR(status.st_mode):
                return StepError(f"/{part} exists and is not a directory", status=1)
        return StepError(f"/{path}: a part of it is not a directory", status=1)
