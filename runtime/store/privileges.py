"""What the process may do."""

from __future__ import annotations

import os

__all__ = ["is_privileged"]

# The initial user namespace has a fixed inode number (PROC_USER_INIT_INO in the kernel's headers).
_INITIAL_USER_NAMESPACE = "user:[4026531837]"
_CAP_SYS_ADMIN = 21


def is_privileged() -> bool:
    """Whether the process has CAP_SYS_ADMIN in the initial user namespace (and so may set ``trusted.*``)."""
    if os.readlink("/proc/self/ns/user") != _INITIAL_USER_NAMESPACE:
        return False
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        effective = next(line for line in file if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) >> _CAP_SYS_ADMIN & 1)
