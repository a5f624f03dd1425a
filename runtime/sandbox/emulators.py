"""Emulators of this machine: those that the kernel calls, and those that lie there unregistered.

Since Linux 6.7 a user namespace can have registrations of its own. A build without root runs in a namespace that
it made itself (see :mod:`.userns`), so it registers what it finds there: nobody else sees it, and it is gone with
the build.
"""

from __future__ import annotations

import os
import shutil

from ..snapshot import syscalls
from .foreign import ARCHITECTURES, tiny_program
from .userns import is_own

__all__ = ["register_found", "registered"]

_PLACE = "/proc/sys/fs/binfmt_misc"
# By QEMU's names of architectures where those differ from Go's.
_NAMES = {
    "386": "i386",
    "amd64": "x86_64",
    "arm64": "aarch64",
    "loong64": "loongarch64",
    "mips64le": "mips64el",
}
# The header up to the machine; the byte of the operating system is free, and the type is a program of either kind.
_MASK = b"\xff" * 7 + b"\x00" + b"\xff" * 8 + b"\xfe\xff\xff\xff"
_BIG_MASK = b"\xff" * 7 + b"\x00" + b"\xff" * 8 + b"\xff\xfe\xff\xff"


def registered(architecture: str) -> str:
    """The interpreter that the kernel calls for programs of ``architecture``; empty where none can be seen."""
    head = tiny_program(architecture)
    try:
        names = sorted(os.listdir(_PLACE))
    except OSError:
        return ""
    for name in names:
        fields = _fields(os.path.join(_PLACE, name))
        if "enabled" in fields and "magic" in fields:
            offset = int(fields.get("offset", "0"))
            magic = bytes.fromhex(fields["magic"])
            mask = bytes.fromhex(fields.get("mask", "")) or b"\xff" * len(magic)
            seen = head[offset : offset + len(magic)]
            if len(seen) == len(magic) and all(
                (a ^ b) & m == 0 for a, b, m in zip(seen, magic, mask, strict=True)
            ):
                return fields.get("interpreter", name)
    return ""


def _fields(path: str) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return dict(line.rstrip("\n").partition(" ")[::2] for line in file)
    except OSError:
        return {}


def register_found() -> bool:
    """Register the emulators on ``PATH`` in this build's own user namespace; whether that gave any."""
    if not is_own():
        return False
    try:
        syscalls.mount("binfmt_misc", _PLACE, "binfmt_misc", syscalls.MS_NOSUID | syscalls.MS_NODEV)
    except OSError:  # an older kernel
        return False
    return sum(map(_register, ARCHITECTURES)) > 0


def _register(architecture: str) -> bool:
    name = _NAMES.get(architecture, architecture)
    path = shutil.which(f"qemu-{name}-static") or shutil.which(f"qemu-{name}")
    if path is None or _is_own(name):
        return False
    magic = tiny_program(architecture)[:20]
    mask = _MASK if ARCHITECTURES[architecture].little else _BIG_MASK
    # P, O, C: the program gets its own name, is opened by the kernel, and set-user bits count. F: the emulator is
    # opened now, as a step does not see it.
    line = f":layerc-{name}:M::{_escaped(magic)}:{_escaped(mask)}:{path}:POCF"
    try:
        with open(os.path.join(_PLACE, "register"), "w", encoding="utf-8") as file:
            file.write(line)
    except OSError:
        return False
    return True


def _is_own(name: str) -> bool:
    machine = os.uname().machine
    return name == machine or (name == "i386" and machine == "x86_64")


def _escaped(data: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in data)
