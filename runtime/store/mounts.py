"""Mounts that dead processes have left in the store."""

from __future__ import annotations

import os
import re

__all__ = ["mounts_below", "unmount"]

_MNT_DETACH = 2
_ESCAPED = re.compile(rb"\\([0-7]{3})")


def mounts_below(path: str) -> list[str]:
    """Mount points at ``path`` and below, in the order in which they were mounted."""
    prefix = os.fsencode(os.path.realpath(path))
    found: list[str] = []
    with open("/proc/self/mountinfo", "rb") as file:
        for line in file:
            target = _ESCAPED.sub(lambda match: bytes([int(match[1], 8)]), line.split(b" ")[4])
            if target == prefix or target.startswith(prefix + b"/"):
                found.append(os.fsdecode(target))
    return found


def unmount(target: str) -> None:
    """Take a mount away, at once for names and later for those who still use it. Raises ``OSError``."""
    import ctypes  # rarely is anything left behind

    if ctypes.CDLL(None, use_errno=True).umount2(os.fsencode(target), _MNT_DETACH) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), target)
