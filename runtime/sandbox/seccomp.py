"""Docker's default seccomp profile: which system calls a sandboxed program may make.

The rules are data (``seccomp.json``). OCI runtimes translate a profile into a BPF program for each container,
which costs crun twice the time of all the rest; here it is done once, with the same library (libseccomp), and
crun is handed the program.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import struct
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

__all__ = ["Rule", "compile_filter", "oci_profile", "select_rules"]

# What ``uname -m`` says: the name in the rules, and libseccomp's.
_MACHINES = {
    "x86_64": ("amd64", "X86_64"),
    "aarch64": ("arm64", "AARCH64"),
    "armv7l": ("arm", "ARM"),
    "i686": ("x86", "X86"),
    "ppc64le": ("ppc64le", "PPC64LE"),
    "riscv64": ("riscv64", "RISCV64"),
    "s390x": ("s390x", "S390X"),
    "loongarch64": ("loongarch64", "LOONGARCH64"),
}
_OPERATORS = {"NE": 1, "LT": 2, "LE": 3, "EQ": 4, "GE": 5, "GT": 6, "MASKED_EQ": 7, "MASKED_SET": 7}
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_OPTIMIZE, _BY_BINARY_TREE = 8, 2  # of struct scmp_filter_attr
_X32_BIT = 0x40000000
_AUDIT_X32 = 0x4000003E  # libseccomp's name for it; the kernel says x86-64 and sets the bit in the number
_AUDIT_X86_64 = 0xC000003E


@dataclass(frozen=True, slots=True)
class Rule:
    """Calls that are allowed (``error`` is 0) or fail with ``error``, if all ``tests`` hold: (argument,
    operator, value), where the value of ``MASKED_EQ`` is the mask of bits that must be 0, that of ``MASKED_SET``
    of bits that must be 1.
    """

    names: tuple[str, ...]
    error: int = 0
    tests: tuple[tuple[int, str, int], ...] = ()


_STATX_DONT_SYNC = 0x4000
_STATX_BITS = tuple(1 << bit for bit in range(11))  # STATX_BASIC_STATS, one by one


def _statx() -> list[Rule]:
    """``statx`` as if the kernel did not have it where it would tell what it happens to know, without asking the
    tracer: a size of which nobody learns that it was looked at (docs/caching.md). C libraries ask otherwise then.
    """
    asks = (2, "MASKED_EQ", _STATX_DONT_SYNC)
    return [
        Rule(("statx",), errno.ENOSYS, ((2, "MASKED_SET", _STATX_DONT_SYNC),)),
        Rule(("statx",), errno.ENOSYS, ((3, "MASKED_EQ", sum(_STATX_BITS)),)),
        *(Rule(("statx",), 0, (asks, (3, "MASKED_SET", bit))) for bit in _STATX_BITS),
    ]


@cache
def _profile() -> dict[str, Any]:
    with open(os.path.join(os.path.dirname(__file__), "seccomp.json"), encoding="utf-8") as file:
        profile: dict[str, Any] = json.load(file)
    return profile


def select_rules(capabilities: Collection[str], machine: str) -> list[Rule]:
    """The rules that hold on ``machine`` for a program that may get ``capabilities``."""
    architecture = _MACHINES.get(machine, (machine, ""))[0]
    docker = [
        Rule(
            tuple(name for name in " ".join(rule["names"]).split() if name != "statx"),
            rule.get("errno", 0),
            tuple((index, operator, value) for index, operator, value in rule.get("args", ())),
        )
        for rule in _profile()["rules"]
        if (architecture in rule.get("on", (architecture,)))
        and architecture not in rule.get("not_on", ())
        and all(name in capabilities for name in rule.get("with", ()))
        and not any(name in capabilities for name in rule.get("without", ()))
    ]
    return [*docker, *_statx()]


def _architectures(machine: str) -> list[str]:
    native = _MACHINES.get(machine, ("", ""))[1]
    return [native, *_profile()["architectures"].get(native, ())] if native else []


def oci_profile(rules: Iterable[Rule], machine: str) -> dict[str, object]:
    """The rules as ``linux.seccomp`` of an OCI runtime configuration."""
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": _profile()["default_errno"],
        "architectures": [f"SCMP_ARCH_{name}" for name in _architectures(machine)],
        "syscalls": [_oci_rule(rule) for rule in rules],
    }


def _oci_rule(rule: Rule) -> dict[str, object]:
    result: dict[str, object] = {"names": list(rule.names)}
    result["action"] = "SCMP_ACT_ERRNO" if rule.error else "SCMP_ACT_ALLOW"
    if rule.error:
        result["errnoRet"] = rule.error
    if rule.tests:
        result["args"] = [
            {
                "index": index,
                "op": f"SCMP_CMP_{operator.replace('SET', 'EQ')}",
                "value": value,
                "valueTwo": value if operator == "MASKED_SET" else 0,
            }
            for index, operator, value in rule.tests
        ]
    return result


# --- BPF ---------------------------------------------------------------------------------------------


class _ArgumentTest(ctypes.Structure):
    """``struct scmp_arg_cmp``."""

    _fields_ = (
        ("index", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    )


def compile_filter(rules: Sequence[Rule], machine: str) -> bytes | None:
    """The rules as a BPF program for seccomp(2); none without libseccomp, or where it does not know enough.

    Calls that are newer than all that the profile knows fail with ``ENOSYS`` instead of ``EPERM``, as runc
    does it: programs then use an older call.
    """
    library = _library()
    names = _architectures(machine)
    if library is None or not names:
        return None
    tokens = [library.seccomp_arch_resolve_name(name.lower().encode()) for name in names]
    context = library.seccomp_init(_ERRNO | _profile()["default_errno"])
    if not context or not all(tokens):
        return None
    try:
        library.seccomp_attr_set(
            context, _OPTIMIZE, _BY_BINARY_TREE
        )  # before version 2.5 it can not, no matter
        for token in tokens:
            if library.seccomp_arch_add(context, token) not in (0, -errno.EEXIST):
                return None
        if not all(_add(library, context, rule) for rule in rules):
            return None
        program = _export(library, context)
    finally:
        library.seccomp_release(context)
    return None if program is None else _newer_calls(_newest(library, tokens, rules)) + program


@cache
def _library() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    except OSError:
        return None
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_release.argtypes = [ctypes.c_void_p]
    library.seccomp_release.restype = None
    library.seccomp_arch_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
    library.seccomp_arch_resolve_name.argtypes = [ctypes.c_char_p]
    library.seccomp_arch_resolve_name.restype = ctypes.c_uint32
    library.seccomp_attr_set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32]
    library.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
    library.seccomp_syscall_resolve_name_arch.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    library.seccomp_rule_add_array.argtypes = [
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_void_p,
    ]
    library.seccomp_export_bpf.argtypes = [ctypes.c_void_p, ctypes.c_int]
    return library


def _add(library: ctypes.CDLL, context: int, rule: Rule) -> bool:
    tests = (_ArgumentTest * len(rule.tests))(
        *(
            _ArgumentTest(index, _OPERATORS[operator], value, value if operator == "MASKED_SET" else 0)
            for index, operator, value in rule.tests
        )
    )
    action = _ERRNO | rule.error if rule.error else _ALLOW
    for name in rule.names:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number == -1:  # newer than the library
            continue
        if library.seccomp_rule_add_array(context, action, number, len(rule.tests), tests) != 0:
            return False
    return True


def _export(library: ctypes.CDLL, context: int) -> bytes | None:
    descriptor = os.memfd_create("seccomp", os.MFD_CLOEXEC)
    with open(descriptor, "rb") as file:
        if library.seccomp_export_bpf(context, descriptor) != 0:
            return None
        file.seek(0)
        return file.read()


def _newest(library: ctypes.CDLL, tokens: Iterable[int], rules: Sequence[Rule]) -> dict[int, int]:
    """For each architecture the highest number of a call that a rule names."""
    names = [name.encode() for rule in rules for name in rule.names]
    return {
        token: max(library.seccomp_syscall_resolve_name_arch(token, name) for name in names)
        for token in tokens
    }


def _newer_calls(newest: dict[int, int]) -> bytes:
    """Instructions to put before a program: ``ENOSYS`` for calls with a higher number than ``newest``."""
    x32 = newest.get(_AUDIT_X32)
    blocks = b"".join(
        _block(architecture, most, x32 if architecture == _AUDIT_X86_64 else None)
        for architecture, most in newest.items()
        if architecture != _AUDIT_X32
    )
    return _LOAD_ARCHITECTURE + blocks


def _instruction(code: int, yes: int, no: int, value: int) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


_LD, _JEQ, _JGT, _JGE, _RET = 0x20, 0x15, 0x25, 0x35, 0x06
_LOAD_NUMBER = _instruction(_LD, 0, 0, 0)
_LOAD_ARCHITECTURE = _instruction(_LD, 0, 0, 4)
_NO_SUCH_CALL = _instruction(_RET, 0, 0, _ERRNO | errno.ENOSYS)


def _block(architecture: int, most: int, most_x32: int | None) -> bytes:
    """Ends with the architecture loaded again, for the blocks that follow."""
    if most_x32 is None:
        tests = [_instruction(_JGT, 0, 1, most)]
    else:
        tests = [
            _instruction(_JGE, 1, 0, _X32_BIT),
            _instruction(_JGT, 1, 2, most),
            _instruction(_JGT, 0, 1, most_x32),
        ]
    body = [_LOAD_NUMBER, *tests, _NO_SUCH_CALL, _LOAD_ARCHITECTURE]
    return _instruction(_JEQ, 0, len(body), architecture) + b"".join(body)
