"""Programs of other platforms: told by their header, and tried out by running a tiny one."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .process import OnOutput, Process, ResolvedMount

__all__ = [
    "ARCHITECTURES",
    "EMULATOR_HELP",
    "RunProgram",
    "amd64_level",
    "can_run",
    "program_architecture",
    "tiny_program",
]

EMULATOR_HELP = (
    "register an emulator, as root: 'apt-get install qemu-user-static binfmt-support' (Debian, Ubuntu), "
    "'dnf install qemu-user-static' (Fedora), 'apk add qemu-openrc qemu-aarch64' (Alpine), or "
    "'docker run --privileged --rm tonistiigi/binfmt --install all'"
)

RunProgram = Callable[[str, Process, Sequence[ResolvedMount], OnOutput], int]
"""Runs a process with a directory as its root; gives its exit status. See :meth:`.Sandbox.run`."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What an ELF header says (class 1 = 32 bit; little-endian or not; machine) and code that exits with 0."""

    bits: int
    little: bool
    machine: int
    code: str
    flags: int = 0


# By Go's names of architectures. Each program is the system call exit(0) and nothing else.
ARCHITECTURES = {
    "386": _Kind(1, True, 3, "b801000000 31db cd80"),
    "amd64": _Kind(2, True, 62, "b83c000000 31ff 0f05"),
    "arm": _Kind(1, True, 40, "0000a0e3 0170a0e3 000000ef", 0x05000000),
    "arm64": _Kind(2, True, 183, "000080d2 a80b80d2 010000d4"),
    "loong64": _Kind(2, True, 258, "0400c002 0b74c102 00002b00", 0x43),
    "mips64le": _Kind(2, True, 8, "c2130224 00000424 0c000000", 0x80000000),
    "ppc64le": _Kind(2, True, 21, "01000038 00006038 02000044", 2),
    "riscv64": _Kind(2, True, 243, "13050000 9308d005 73000000"),
    "s390x": _Kind(2, False, 22, "a7290000 0a01"),
}

# What each level of the x86-64 psABI needs more, in the words of /proc/cpuinfo.
_AMD64_LEVELS = (
    frozenset(["cx16", "lahf_lm", "pni", "popcnt", "sse4_1", "sse4_2", "ssse3"]),
    frozenset(["abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"]),
    frozenset(["avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl"]),
)

_FIXED = 16
_ADDRESS = 0x10000
_NAME = "program"


def tiny_program(architecture: str) -> bytes:
    """A static program that ends at once with status 0. Raises ``KeyError`` for an unknown architecture."""
    kind = ARCHITECTURES[architecture]
    code = bytes.fromhex(kind.code)
    order = "<" if kind.little else ">"
    wide = kind.bits == 2
    head, segment = (64, 56) if wide else (52, 32)
    start = head + segment
    size = start + len(code)
    identity = b"\x7fELF" + bytes((kind.bits, 1 if kind.little else 2, 1)) + bytes(9)
    word = "Q" if wide else "I"
    header = struct.pack(
        f"{order}HHI{word}{word}{word}IHHHHHH",
        *(2, kind.machine, 1, _ADDRESS + start, head, 0, kind.flags, head, segment, 1, 0, 0, 0),
    )
    if wide:
        loaded = struct.pack(f"{order}IIQQQQQQ", 1, 5, 0, _ADDRESS, _ADDRESS, size, size, 0x10000)
    else:
        loaded = struct.pack(f"{order}IIIIIIII", 1, 0, _ADDRESS, _ADDRESS, size, size, 5, 0x10000)
    return identity + header + loaded + code


def program_architecture(head: bytes) -> str | None:
    """The architecture of a program that begins with ``head`` (20 bytes), or none if that is no ELF program."""
    if len(head) < _FIXED + 4 or head[:4] != b"\x7fELF":
        return None
    little = head[5] == 1
    (machine,) = struct.unpack("<H" if little else ">H", head[18:20])
    found = (head[4], little, machine)
    for name, kind in ARCHITECTURES.items():
        if found == (kind.bits, kind.little, kind.machine):
            return name
    return f"unknown (ELF machine {machine})"


def amd64_level(cpuinfo: str) -> int:
    """The level (1 to 4) of an amd64 processor of which /proc/cpuinfo holds ``cpuinfo``."""
    lines = (line.partition(":") for line in cpuinfo.splitlines())
    flags = set(next((value.split() for name, _, value in lines if name.strip() == "flags"), ()))
    level = 1
    for needed in _AMD64_LEVELS:
        if not needed <= flags:
            break
        level += 1
    return level


def can_run(architecture: str, root: str, run: RunProgram) -> bool:
    """Whether programs of ``architecture`` run in containers here, by the processor or by an emulator that the
    kernel knows. Tried out in the writable directory ``root``, with ``run``.
    """
    if architecture not in ARCHITECTURES:
        return False
    path = os.path.join(root, _NAME)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o755), "wb") as file:
        file.write(tiny_program(architecture))
    try:
        return run(root, Process((f"/{_NAME}",), network="none"), (), lambda *_: None) == 0
    finally:
        os.unlink(path)
