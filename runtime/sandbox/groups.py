"""A cgroup for the steps of this process: it keeps them from opening devices, and they can be ended at once.

OCI runtimes use cgroups, too, but making one for each step would double the time that a trivial step takes.
One for all steps is enough, for a step has no limits of its own.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import signal
import struct
import time
from collections.abc import Sequence
from contextlib import suppress

from .spec import ALLOWED_DEVICES

__all__ = ["StepGroup", "unified_hierarchy"]

_PREFIX = "layerc-steps-"  # unlike the names of containers, by which runc calls groups
_TRIES = 500
_BPF_CALL = {
    "x86_64": 321,
    "aarch64": 280,
    "riscv64": 280,
    "loongarch64": 280,
    "s390x": 351,
    "ppc64le": 361,
    "i686": 357,
    "armv7l": 386,
}


class StepGroup:
    """A cgroup (v2) with two in it: processes of ``guarded`` may open the devices of ``ALLOWED_DEVICES`` only,
    those of ``open`` every one.
    """

    def __init__(self, path: str, lock: int) -> None:
        self.path = path
        self.guarded = os.path.join(path, "guarded")
        self.open = os.path.join(path, "open")
        self._lock = lock  # whoever can take it knows that the owner is dead

    @classmethod
    def create(cls) -> StepGroup | None:
        """Make one below this process's own. None where that can not be done: no cgroup v2, no permission."""
        parent = _own_group()
        if parent is None:
            return None
        for _ in range(_TRIES):
            try:
                _remove_dead(parent)
                return cls._create(parent)
            except (BlockingIOError, FileNotFoundError):
                continue  # someone who cleans up came between making and locking it
            except OSError:
                return None
        return None

    @classmethod
    def _create(cls, parent: str) -> StepGroup:
        path = os.path.join(parent, f"{_PREFIX}{os.getpid()}-{os.urandom(4).hex()}")
        os.mkdir(path, 0o755)
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        group = cls(path, lock)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.mkdir(group.open, 0o755)
            os.mkdir(group.guarded, 0o755)
            _guard_devices(group.guarded)
        except OSError:
            group.close()
            raise
        return group

    def close(self) -> None:
        """Kill what is still in it and remove it."""
        _remove(self.path)
        os.close(self._lock)


def unified_hierarchy() -> tuple[str, str] | None:
    """Where cgroup v2 is mounted, and which of its groups is there."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            mount, _, kind = line.partition(" - ")
            root, place = mount.split()[3:5]
            # A file of v2 alone: another mount may lie over this one.
            if kind.startswith("cgroup2 ") and os.path.exists(os.path.join(place, "cgroup.controllers")):
                return place, root
    return None


def _own_group() -> str | None:
    found = unified_hierarchy()
    with open("/proc/self/cgroup", encoding="utf-8", errors="surrogateescape") as file:
        own = next((line[3:].rstrip("\n") for line in file if line.startswith("0::")), None)
    if found is None or own is None:
        return None
    place, root = found
    relative = os.path.relpath(own, root)
    return place if relative.startswith("..") else os.path.normpath(os.path.join(place, relative))


def _remove_dead(parent: str) -> None:
    """Remove groups whose owners were killed together with those who should have cleaned up for them."""
    for name in os.listdir(parent):
        if not name.startswith(_PREFIX):
            continue
        path = os.path.join(parent, name)
        try:
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(path)
        except OSError:
            pass  # in use, or someone else removes it
        finally:
            os.close(lock)


def _remove(path: str) -> None:
    for _ in range(_TRIES):
        try:
            for child in _groups_in(path):
                os.rmdir(child)
            os.rmdir(path)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            _kill(path)
            time.sleep(0.002)
        else:
            return


def _groups_in(path: str) -> list[str]:
    # Not by scandir: it stays open where a group goes away while it is read.
    names = (os.path.join(path, name) for name in os.listdir(path))
    return [name for name in names if os.path.isdir(name)]


def _kill(path: str) -> None:
    try:
        with open(os.path.join(path, "cgroup.kill"), "w", encoding="ascii") as file:
            file.write("1")
    except FileNotFoundError:  # before Linux 5.14
        for directory in [path, *_groups_in(path)]:
            with open(os.path.join(directory, "cgroup.procs"), encoding="ascii") as file, suppress(OSError):
                for line in file:
                    os.kill(int(line), signal.SIGKILL)


# --- devices -----------------------------------------------------------------------------------------

_PROG_LOAD, _PROG_ATTACH = 5, 8
_CGROUP_DEVICE_PROGRAM, _CGROUP_DEVICE_ATTACH = 15, 6
_KINDS = {"b": 1, "c": 2}
_MAKE_NODE = 1


def _guard_devices(group: str) -> None:
    """Attach a program that decides about device access. Raises ``OSError``."""
    number = _BPF_CALL.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    code = ctypes.create_string_buffer(_device_program())
    licence = ctypes.create_string_buffer(b"Apache-2.0")
    program = _bpf(
        number,
        _PROG_LOAD,
        struct.pack(
            "=IIQQIIQII",
            _CGROUP_DEVICE_PROGRAM,
            (len(code) - 1) // 8,
            ctypes.addressof(code),
            ctypes.addressof(licence),
            *(0, 0, 0, 0, 0),
        ),
    )
    directory = os.open(group, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _bpf(number, _PROG_ATTACH, struct.pack("=IIII", directory, program, _CGROUP_DEVICE_ATTACH, 0))
    finally:
        os.close(directory)
        os.close(program)


def _bpf(number: int, command: int, attributes: bytes) -> int:
    size = 128  # the kernel takes more than it knows, if it is zero
    library = ctypes.CDLL(None, use_errno=True)
    result = library.syscall(number, command, attributes.ljust(size, b"\0"), size)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"bpf: {os.strerror(code)}")
    return int(result)


def _device_program() -> bytes:
    """1 for making any node, and for other access to an allowed device; else 0.

    The kernel hands in (access << 16 | kind, major, minor), 32 bits each.
    """
    load, move, both, right, differs, set_, leave = 0x61, 0xBF, 0x57, 0x77, 0x55, 0xB7, 0x95
    allow = [_code(set_, 0, 0, 0, 1), _code(leave)]
    program = [
        _code(load, 2, 1, 0),
        _code(move, 3, 2),
        _code(both, 2, 0, 0, 0xFFFF),
        _code(right, 3, 0, 0, 16),
        _code(load, 4, 1, 4),
        _code(load, 5, 1, 8),
        _code(differs, 3, 0, len(allow), _MAKE_NODE),
        *allow,
    ]
    for kind, major, minor in ALLOWED_DEVICES:
        tests = [(2, _KINDS[kind]), (4, major), *([] if minor is None else [(5, minor)])]
        program += _all_equal(tests, differs, allow)
    return b"".join([*program, _code(set_), _code(leave)])


def _all_equal(tests: Sequence[tuple[int, int]], differs: int, then: Sequence[bytes]) -> list[bytes]:
    size = len(tests) + len(then)
    return [
        *(
            _code(differs, register, 0, size - place - 1, value)
            for place, (register, value) in enumerate(tests)
        ),
        *then,
    ]


def _code(operation: int, target: int = 0, source: int = 0, offset: int = 0, value: int = 0) -> bytes:
    """One eBPF instruction."""
    # Registers are bit fields: their order follows the machine's.
    registers = target | source << 4 if struct.pack("=H", 1)[0] else target << 4 | source
    return struct.pack("=BBhi", operation, registers, offset, value)
