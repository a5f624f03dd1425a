"""What all steps of one process share: a directory in memory, a cgroup, a keeper, the seccomp filter."""

from __future__ import annotations

import base64
import itertools
import os
import platform
import shutil
import tempfile
import threading
from collections.abc import Callable
from functools import cache

from ..errors import EnvironmentLackError
from ..snapshot import syscalls
from . import capabilities, seccomp
from .groups import StepGroup, unified_hierarchy
from .keeper import Keeper
from .runtime import OciRuntime
from .spec import Config, Machine

__all__ = ["Workshop"]

_MEMORY_PLACES = ("/dev/shm", "/run")  # noqa: S108  # a directory with a random name is made in it
_INITIAL_USER_NAMESPACE = "user:[4026531837]"
_HYBRID = "/sys/fs/cgroup/unified"


class Workshop:
    """Made once; :meth:`close` ends steps that still run. Threads may share it.

    Raises :class:`EnvironmentLackError`.
    """

    def __init__(self, runtime: OciRuntime) -> None:
        self.runtime = runtime
        in_namespace = os.readlink("/proc/self/ns/user") != _INITIAL_USER_NAMESPACE
        self.directory = _memory_directory()
        # Nodes that are made in a user namespace can not be opened anyway.
        self._group = None if in_namespace else StepGroup.create()
        self._keeper = Keeper(self.directory, runtime.path, self.group)
        hierarchy = unified_hierarchy()
        self.machine = Machine(
            user_namespace=in_namespace,
            cgroups=hierarchy is not None and hierarchy[0] == "/sys/fs/cgroup",
            devices_guarded=in_namespace or self._group is not None,
        )
        self.state = os.path.join(self.directory, "state")
        os.mkdir(self.state, 0o700)
        self._hybrid = runtime.kind == "crun" and hierarchy is not None and hierarchy[0] == _HYBRID
        self._numbers = itertools.count(1)
        self._guard = threading.Lock()
        self._seccomp: dict[str, Config] | None = None

    def close(self) -> None:
        """Remove all of it."""
        if self._group is not None:
            self._group.close()
        self._keeper.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def group(self) -> str | None:
        """The cgroup for steps."""
        return None if self._group is None else self._group.path

    def new_directory(self) -> str:
        """A new directory for one step."""
        path = os.path.join(self.directory, str(next(self._numbers)))
        os.mkdir(path, 0o700)
        return path

    def seccomp(self) -> dict[str, Config]:
        """Parts of a configuration that make a step subject to the profile; nothing if the kernel can not."""
        with self._guard:
            if self._seccomp is None:
                self._seccomp = _seccomp(self.runtime) if _kernel_filters() else {}
            return self._seccomp

    def mount_changes(self, rootfs: str) -> Callable[[], None] | None:
        """What to change of the mounts that a runtime sees; it raises ``OSError``."""
        if not self._hybrid and self.machine.devices_guarded:
            return None

        def change() -> None:
            if self._hybrid:
                # crun refuses to work with cgroup v2 beside v1, even if it is told to leave cgroups alone.
                syscalls.mount("none", _HYBRID, "tmpfs", syscalls.MS_RDONLY)
            if not self.machine.devices_guarded:
                syscalls.mount(rootfs, rootfs, None, syscalls.MS_BIND)
                flags = syscalls.MS_BIND | syscalls.MS_REMOUNT | syscalls.MS_NODEV
                syscalls.mount("none", rootfs, None, flags)

        return change


def _memory_directory() -> str:
    """Secrets lie in it: no disk may see them."""
    own = os.environ.get("XDG_RUNTIME_DIR")
    for place in (*_MEMORY_PLACES, *((own,) if own else ())):
        if os.access(place, os.W_OK | os.X_OK) and _is_in_memory(place):
            return tempfile.mkdtemp(prefix="layerc-", dir=place)
    raise EnvironmentLackError(
        "there is no file system in memory to keep the steps' secrets in",
        help="mount a tmpfs on /dev/shm, or set XDG_RUNTIME_DIR to a directory on one",
    )


def _is_in_memory(path: str) -> bool:
    device = os.stat(path).st_dev
    name = f"{os.major(device)}:{os.minor(device)}"
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        return any(line.split()[2] == name and " - tmpfs " in line for line in file)


@cache
def _kernel_filters() -> bool:
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        return any(line.startswith("Seccomp:") for line in file)


def _seccomp(runtime: OciRuntime) -> dict[str, Config]:
    machine = platform.machine()
    rules = seccomp.select_rules(capabilities.DEFAULT, machine)
    parts: dict[str, Config] = {"seccomp": seccomp.oci_profile(rules, machine)}
    program = seccomp.compile_filter(rules, machine) if runtime.kind == "crun" else None
    if program is not None:
        # crun takes this in place of the profile since version 1.0; before, it takes the profile.
        parts["annotations"] = {"run.oci.seccomp_bpf_data": base64.b64encode(program).decode()}
    return parts
