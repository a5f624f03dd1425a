"""The OCI runtime configuration of a step: what Docker and BuildKit give a RUN.

References: the OCI runtime specification 1.0; BuildKit's ``executor/oci``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import UsageError
from . import capabilities
from .hostfiles import HOSTNAME
from .ids import is_mapped
from .process import Process
from .users import User

__all__ = ["ALLOWED_DEVICES", "DEFAULT_PATH", "Machine", "bind_options", "environment", "runtime_config"]

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DEFAULT_SHM = 64 << 20
_PRIVATE_GROUP = 5  # "tty" everywhere

Config = dict[str, object]

_MASKED = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
)
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_RESOURCE_NAMES = """
AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NICE NOFILE NPROC RSS RTPRIO RTTIME SIGPENDING STACK
"""
_RESOURCES = tuple(_RESOURCE_NAMES.split())

# Devices of the host that security=insecure shows: path, kind, major, minor.
_MORE_DEVICES = (
    ("/dev/kmsg", "c", 1, 11),
    ("/dev/cuse", "c", 10, 203),
    ("/dev/fuse", "c", 10, 229),
    ("/dev/kvm", "c", 10, 232),
    ("/dev/net/tun", "c", 10, 200),
    ("/dev/loop-control", "c", 10, 237),
    *((f"/dev/loop{number}", "b", 7, number) for number in range(8)),
)

# What a sandboxed program may open: kind, major, minor (none: all). It may make every node, as in Docker.
ALLOWED_DEVICES = (
    ("c", 1, 3),  # null
    ("c", 1, 5),  # zero
    ("c", 1, 7),  # full
    ("c", 1, 8),  # random
    ("c", 1, 9),  # urandom
    ("c", 5, 0),  # tty
    ("c", 5, 1),  # console
    ("c", 5, 2),  # ptmx
    ("c", 136, None),  # pts
)


@dataclass(frozen=True, slots=True)
class Machine:
    """What of this machine decides about a configuration.

    ``user_namespace``: it runs in one that is not the initial one. ``cgroups``: /sys/fs/cgroup is a cgroup v2
    mount. ``devices_guarded``: something keeps a step from opening devices that it makes.
    """

    user_namespace: bool
    cgroups: bool
    devices_guarded: bool


def environment(process: Process, user: User, secrets: Sequence[tuple[str, str]] = ()) -> list[str]:
    """``NAME=value`` of the process, with ``PATH`` and ``HOME`` where they are not given."""
    names = dict(process.env)
    names.setdefault("PATH", DEFAULT_PATH)
    names.update(secrets)
    if not names.get("HOME"):
        names["HOME"] = user.home
    return [f"{name}={value}" for name, value in names.items()]


def runtime_config(
    rootfs: str,
    process: Process,
    user: User,
    env: Sequence[str],
    mounts: Sequence[Config],
    machine: Machine,
    guard: Mapping[str, Config],
) -> Config:
    """``config.json`` for a step.

    ``mounts`` are in the OCI form; one at a standard target takes its place. ``guard`` holds ``seccomp`` and
    ``annotations``, as far as there are any. Raises :class:`UsageError` for limits that do not exist.
    """
    insecure = process.security == "insecure"
    granted = _capabilities(insecure=insecure, machine=machine)
    inherited = granted if insecure else []
    linux: Config = {
        "namespaces": _namespaces(process, machine),
        "maskedPaths": [] if insecure else list(_MASKED),
        "readonlyPaths": [] if insecure else list(_READ_ONLY),
    }
    if "seccomp" in guard:
        linux["seccomp"] = guard["seccomp"]
    if insecure and not machine.user_namespace:
        linux["devices"] = [
            {"path": path, "type": kind, "major": major, "minor": minor, "fileMode": 0o666}
            for path, kind, major, minor in _MORE_DEVICES
        ]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": user.uid, "gid": user.gid, "additionalGids": list(user.groups)},
            "args": list(process.argv),
            "env": list(env),
            "cwd": process.cwd,
            "capabilities": {
                "bounding": granted,
                "effective": granted,
                "permitted": granted,
                "inheritable": inherited,
                "ambient": inherited,
            },
            "noNewPrivileges": False,
            "rlimits": [_limit(text) for text in process.ulimits],
        },
        "root": {"path": rootfs, "readonly": False},
        "hostname": process.hostname or HOSTNAME,
        "mounts": _merged([*_default_mounts(process, machine), *mounts]),
        "linux": linux,
        "annotations": guard.get("annotations", {}),
    }


def _capabilities(*, insecure: bool, machine: Machine) -> list[str]:
    if insecure:
        return sorted(capabilities.effective())
    if machine.devices_guarded:
        return list(capabilities.DEFAULT)
    return [name for name in capabilities.DEFAULT if name != "CAP_MKNOD"]


def _namespaces(process: Process, machine: Machine) -> list[Config]:
    kinds = ["pid", "ipc", "uts", "mount"]
    if machine.cgroups:
        kinds.append("cgroup")
    if process.network == "none":
        kinds.append("network")
    return [{"type": kind} for kind in kinds]


def _default_mounts(process: Process, machine: Machine) -> list[Config]:
    writable = process.security == "insecure"
    strict = ["nosuid", "noexec", "nodev"]
    terminals = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
    if not machine.user_namespace or is_mapped("gid", _PRIVATE_GROUP):
        terminals.append(f"gid={_PRIVATE_GROUP}")
    shm = f"size={process.shm_size or _DEFAULT_SHM}"
    mounts = [
        _mount("/proc", "proc", strict),
        _mount("/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        _mount("/dev/pts", "devpts", terminals),
        _mount("/dev/shm", "tmpfs", [*strict, "mode=1777", shm], source="shm"),  # noqa: S108
        _mount("/dev/mqueue", "mqueue", strict),
    ]
    access = [] if writable else ["ro"]
    if machine.user_namespace and process.network != "none":
        # A sysfs of its own needs a network namespace of its own.
        return [
            *mounts,
            _mount("/sys", "bind", [*strict, "rbind", *(["rro"] if access else [])], source="/sys"),
        ]
    mounts.append(_mount("/sys", "sysfs", [*strict, *access]))
    if machine.cgroups:
        mounts.append(_mount("/sys/fs/cgroup", "cgroup", [*strict, *access]))
    return mounts


def _mount(target: str, kind: str, options: list[str], source: str = "") -> Config:
    return {"destination": target, "type": kind, "source": source or kind, "options": options}


def _merged(mounts: Sequence[Config]) -> list[Config]:
    """A later mount at the same target takes the place of the earlier."""
    by_target: dict[object, Config] = {}
    for mount in mounts:
        by_target[mount["destination"]] = mount
    return list(by_target.values())


def _limit(text: str) -> Config:
    """``nofile=1024:4096``, ``core=0``; -1 is no limit."""
    name, _, values = text.partition("=")
    soft, _, hard = values.partition(":")
    if name.upper() not in _RESOURCES:
        raise UsageError(
            f"--ulimit {text}: there is no limit {name!r}", help=f"there are {', '.join(_RESOURCES).lower()}"
        )
    try:
        low, high = int(soft), int(hard or soft)
    except ValueError as error:
        raise UsageError(f"--ulimit {text}: not a number", help="--ulimit NAME=SOFT[:HARD]") from error
    unlimited = (1 << 64) - 1
    return {
        "type": f"RLIMIT_{name.upper()}",
        "soft": unlimited if low < 0 else low,
        "hard": unlimited if high < 0 else high,
    }


def bind_options(source: str, options: Sequence[str], machine: Machine) -> list[str]:
    """``options`` of a bind mount with those that it must have here."""
    every = ["rbind", *options]
    if not machine.devices_guarded:
        every.append("nodev")
    if machine.user_namespace:
        # Flags of the source's mount can not be taken away in a user namespace.
        flags = os.statvfs(source).f_flag
        every += [name for bit, name in _LOCKED.items() if flags & bit]
    return list(dict.fromkeys(every))


_LOCKED = {
    os.ST_RDONLY: "ro",
    os.ST_NOSUID: "nosuid",
    os.ST_NODEV: "nodev",
    os.ST_NOEXEC: "noexec",
    os.ST_NOATIME: "noatime",
    os.ST_NODIRATIME: "nodiratime",
    os.ST_RELATIME: "relatime",
}
