"""What all steps of one process share: a directory in memory, a cgroup, a keeper, the seccomp filter."""

from __future__ import annotations

import base64
import itertools
import os
import platform
import threading
from collections.abc import Callable
from functools import cache

from ..snapshot import syscalls
from . import capabilities, seccomp
from .groups import StepGroup, unified_hierarchy
from .ids import in_user_namespace
from .keeper import Keeper
from .memory import MemoryDirectory
from .runtime import OciRuntime
from .spec import Config, Machine

__all__ = ["Workshop"]

_HYBRID = "/sys/fs/cgroup/unified"


class Workshop:
    """Made once; :meth:`close` ends steps that still run. Threads may share it.

    Raises :class:`EnvironmentLackError`.
    """

    def __init__(self, runtime: OciRuntime) -> None:
        self.runtime = runtime
        in_namespace = in_user_namespace()
        self._memory = MemoryDirectory()
        self.directory = self._memory.path
        # Nodes that are made in a user namespace can not be opened anyway.
        self._group = None if in_namespace else StepGroup.create()
        self._keeper = Keeper(
            self.directory, self._memory.lock, runtime.path, self._group.path if self._group else None
        )
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
        self._memory.close()

    def group(self, *, guarded: bool) -> str | None:
        """A cgroup for a step, one that may open few devices or all."""
        if self._group is None:
            return None
        return self._group.guarded if guarded else self._group.open

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

    def mount_changes(self) -> Callable[[], None] | None:
        """What to change of the mounts that a runtime sees; it raises ``OSError``."""
        return _hide_hybrid if self._hybrid else None


def _hide_hybrid() -> None:
    """crun refuses to work with cgroup v2 beside v1, even if it is told to leave cgroups alone."""
    syscalls.mount("none", _HYBRID, "tmpfs", syscalls.MS_RDONLY)


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
