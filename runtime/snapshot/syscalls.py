"""System calls that Python does not have."""

from __future__ import annotations

import ctypes
import os

__all__ = [
    "add_lower",
    "bind_read_only",
    "create_and_attach",
    "mount",
    "open_file_system",
    "set_option",
    "unmount",
    "unshare",
]

CLONE_FS = 0x200
CLONE_NEWNS = 0x20000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND = 1, 2, 4, 32, 4096
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
MNT_DETACH = 2

# The new mount interface has the same numbers on all architectures.
_MOVE_MOUNT, _FSOPEN, _FSCONFIG, _FSMOUNT = 429, 430, 431, 432
_FSOPEN_CLOEXEC = _FSMOUNT_CLOEXEC = 1
_FSCONFIG_SET_FLAG, _FSCONFIG_SET_STRING, _FSCONFIG_CMD_CREATE = 0, 1, 6
_MOVE_MOUNT_F_EMPTY_PATH = 4
_AT_FDCWD = -100
_ATTR_RDONLY = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def unshare(flags: int) -> None:
    """Give the calling thread its own copies. Raises ``OSError``."""
    _check(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """mount(2). Raises ``OSError``."""
    result = _libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        None if kind is None else kind.encode(),
        ctypes.c_ulong(flags),
        None if options is None else os.fsencode(options),
    )
    _check(result, f"mount {target}")


def unmount(target: str, flags: int = 0) -> None:
    """umount2(2). Raises ``OSError``."""
    _check(_libc.umount2(os.fsencode(target), flags), f"unmount {target}")


def bind_read_only(source: str, target: str) -> None:
    """Show the directory ``source`` at ``target``, not to be written to. Raises ``OSError``."""
    mount(source, target, None, MS_BIND)
    try:
        mount("none", target, None, MS_BIND | MS_REMOUNT | MS_RDONLY)
    except OSError:
        unmount(target, MNT_DETACH)
        raise


def open_file_system(kind: str) -> int:
    """fsopen(2): a descriptor to configure a file system. Raises ``OSError``: ``ENOSYS`` before Linux 5.2."""
    return _check(_libc.syscall(_FSOPEN, kind.encode(), _FSOPEN_CLOEXEC), "fsopen")


def set_option(descriptor: int, key: str, value: str | None = None) -> None:
    """Set an option, or a flag without a value. Raises ``OSError`` (``EINVAL`` where it is not known)."""
    command = _FSCONFIG_SET_FLAG if value is None else _FSCONFIG_SET_STRING
    encoded = None if value is None else os.fsencode(value)
    _check(_libc.syscall(_FSCONFIG, descriptor, command, key.encode(), encoded, 0), f"option {key}")


def add_lower(descriptor: int, path: str) -> None:
    """Add a lower directory below those added so far. Raises ``OSError`` (``EINVAL`` before Linux 6.8)."""
    set_option(descriptor, "lowerdir+", path)


def create_and_attach(descriptor: int, target: str, *, read_only: bool) -> None:
    """Make the configured file system and mount it at ``target``. Raises ``OSError``."""
    _check(_libc.syscall(_FSCONFIG, descriptor, _FSCONFIG_CMD_CREATE, None, None, 0), "overlay")
    attributes = _ATTR_RDONLY if read_only else 0
    made = _check(_libc.syscall(_FSMOUNT, descriptor, _FSMOUNT_CLOEXEC, attributes), "fsmount")
    try:
        moved = _libc.syscall(
            _MOVE_MOUNT, made, b"", _AT_FDCWD, os.fsencode(target), _MOVE_MOUNT_F_EMPTY_PATH
        )
        _check(moved, f"mount {target}")
    finally:
        os.close(made)
