"""Run a command in a user namespace with registrations of emulators of its own: those of the named architectures
(by QEMU's names), and no other that this machine has.

    python tests/tools/own_emulators.py [ARCHITECTURE ...] -- COMMAND ...

Ids stay the same. Needs root and Linux 6.7; nothing is left behind.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys

__all__ = ["own_emulators"]

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
REGISTRATIONS = "/proc/sys/fs/binfmt_misc"
# Bits of the header's class and order of bytes, and its machine.
HEADERS = {"aarch64": (2, 183), "arm": (1, 40)}


def own_emulators(*architectures: str) -> list[str]:
    """Words to put before a command."""
    return [sys.executable, __file__, *architectures, "--"]


def main(words: list[str]) -> int:
    """Make the namespace, write its maps from outside, and run the command in it."""
    border = words.index("--")
    made, written = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        _inside(words[:border], words[border + 1 :], made[1], written[0])
    os.read(made[0], 1)
    for name in ("uid_map", "gid_map"):
        # Not all ids there are: an OCI runtime would take that for no user namespace.
        with open(f"/proc/{child}/{name}", "w") as file:
            file.write("0 0 65536\n")
    os.write(written[1], b"x")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _inside(architectures: list[str], command: list[str], made: int, written: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS))
    os.write(made, b"x")
    os.read(written, 1)
    os.setgid(0)
    os.setuid(0)
    _check(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))
    _check(libc.mount(b"binfmt_misc", REGISTRATIONS.encode(), b"binfmt_misc", 0, None))
    for name in architectures:
        with open(f"{REGISTRATIONS}/register", "w") as file:
            file.write(_registration(name))
    os.execvp(command[0], command)


def _check(status: int) -> None:
    if status:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _registration(name: str) -> str:
    bits, machine = HEADERS[name]
    magic = b"\x7fELF" + bytes((bits, 1, 1)) + bytes(9) + b"\x02\x00" + machine.to_bytes(2, "little")
    mask = b"\xff" * 7 + b"\x00" + b"\xff" * 8 + b"\xfe\xff\xff\xff"
    emulator = shutil.which(f"qemu-{name}-static")
    escaped = ["".join(f"\\x{byte:02x}" for byte in data) for data in (magic, mask)]
    return f":qemu-{name}:M::{escaped[0]}:{escaped[1]}:{emulator}:POCF"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
