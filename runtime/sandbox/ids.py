"""Which ids there are in this process's user namespace."""

from __future__ import annotations

import os
from typing import Literal

__all__ = ["in_user_namespace", "is_mapped"]

# It has a fixed inode number (PROC_USER_INIT_INO in the kernel's headers).
_INITIAL_USER_NAMESPACE = "user:[4026531837]"


def in_user_namespace() -> bool:
    """Whether this process is in another one than the initial."""
    return os.readlink("/proc/self/ns/user") != _INITIAL_USER_NAMESPACE


def is_mapped(kind: Literal["uid", "gid"], number: int) -> bool:
    """Whether files and processes can have this id."""
    with open(f"/proc/self/{kind}_map", encoding="ascii") as file:
        ranges = [tuple(map(int, line.split())) for line in file]
    return any(first <= number < first + count for first, _, count in ranges)
