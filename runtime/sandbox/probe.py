"""What this machine has and lacks for building: tried out, not guessed."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..errors import EnvironmentLackError, StoreError
from ..oci.platforms import host_platform
from ..snapshot.mount import enter_mount_namespace, mount
from ..store import Store, default_root
from . import capabilities
from .emulators import register_found, registered
from .foreign import ARCHITECTURES, EMULATOR_HELP, RunProgram, can_run
from .groups import StepGroup
from .ids import in_user_namespace
from .memory import MemoryDirectory
from .process import Process, ResolvedMount
from .runtime import INSTALL_HINT, find_runtime
from .sandbox import Sandbox
from .seccomp import compile_filter, select_rules
from .userns import enter, id_ranges, is_needed

__all__ = ["Finding", "State", "probe"]

State = Literal["ok", "missing", "degraded"]
_LEAST_FREE = 2 << 30
_UIDMAP_HINT = (
    "'apt-get install uidmap' (Debian, Ubuntu), 'dnf install shadow-utils' (Fedora), "
    "'apk add shadow-uidmap' (Alpine)"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. A ``missing`` one that is ``required`` means that nothing can be built
    with RUN; ``purpose`` is what it is needed for, ``help`` how to get it.
    """

    name: str
    state: State
    detail: str
    purpose: str
    help: str = ""
    required: bool = False


def probe(store_root: str | None = None) -> list[Finding]:
    """Look at everything. Call it as the first thing of a command, which should do nothing else afterwards: the
    process may be replaced by a child (see :func:`.userns.enter`), and gets mounts of its own.
    """
    findings = [_kernel(), *_subordinate_ids(), *_privileges(), _runtime(), _memory(), _store(store_root)]
    if all(finding.state != "missing" for finding in findings if finding.required):
        findings += _trial(store_root)
    return [*findings, _device_guard(), _seccomp(), _git()]


# --- one thing each ----------------------------------------------------------------------------------


def _kernel() -> Finding:
    release = platform.release()
    system = platform.system()
    numbers = [int(part) for part in release.replace("-", ".").split(".")[:2] if part.isdecimal()]
    purpose = "overlay mounts (in a user namespace since Linux 5.11)"
    if system != "Linux":
        return Finding("kernel", "missing", system, purpose, "layerc builds on Linux", required=True)
    if numbers < [5, 11] and os.geteuid() != 0:
        return Finding("kernel", "missing", release, purpose, "build as root, or update Linux", required=True)
    return Finding("kernel", "ok", f"Linux {release} {platform.machine()}", purpose, required=True)


def _privileges() -> Iterator[Finding]:
    """Enters a user namespace where one is needed."""
    purpose = "mounts, owners of files, containers"
    root = os.geteuid() == 0
    needed = is_needed()
    forbidden = [path for path, wrong in _NAMESPACE_SWITCHES.items() if needed and _read(path) == wrong[0]]
    hint = ", ".join(_NAMESPACE_SWITCHES[path][1] for path in forbidden)
    try:
        notices = enter()
    except EnvironmentLackError as error:
        help = f"as root: sysctl -w {hint}; or build as root" if hint else error.help or ""  # noqa: A001
        yield Finding("privileges", "missing", error.message, purpose, help, required=True)
        return
    yield Finding("privileges", "ok", _privilege_name(root=root, needed=needed), purpose, required=True)
    for notice in notices:
        detail, _, help = notice.partition(": ")  # noqa: A001
        yield Finding("owners of files", "degraded", detail, "files of other users than root in images", help)


def _privilege_name(*, root: bool, needed: bool) -> str:
    if needed:
        return "a user namespace, tried" + (" (root, but without CAP_SYS_ADMIN)" if root else "")
    return "root" if root else "CAP_SYS_ADMIN"


# The value that forbids, and what allows.
_NAMESPACE_SWITCHES = {
    "/proc/sys/kernel/unprivileged_userns_clone": ("0", "kernel.unprivileged_userns_clone=1"),
    "/proc/sys/user/max_user_namespaces": ("0", "user.max_user_namespaces=15000"),
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": (
        "1",
        "kernel.apparmor_restrict_unprivileged_userns=0",
    ),
}


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _subordinate_ids() -> Iterator[Finding]:
    if not is_needed():
        return
    purpose = "files of other users than root in images"
    missing = [name for name in ("newuidmap", "newgidmap") if shutil.which(name) is None]
    if missing:
        yield Finding("subordinate ids", "degraded", f"no {' and no '.join(missing)}", purpose, _UIDMAP_HINT)
        return
    import pwd

    user = pwd.getpwuid(os.geteuid()).pw_name
    lacking = [path for path in ("/etc/subuid", "/etc/subgid") if not id_ranges(path, user, os.geteuid())]
    if lacking:
        hint = f"as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}"
        detail = f"no range for {user} in {' and '.join(lacking)}"
        yield Finding("subordinate ids", "degraded", detail, purpose, hint)
        return
    yield Finding("subordinate ids", "ok", f"a range for {user}", purpose)


def _runtime() -> Finding:
    purpose = "RUN"
    try:
        runtime = find_runtime()
        return Finding("OCI runtime", "ok", f"{runtime.path} {runtime.version()}", purpose, required=True)
    except (EnvironmentLackError, OSError) as error:
        return Finding("OCI runtime", "missing", str(error), purpose, INSTALL_HINT, required=True)


def _store(store_root: str | None) -> Finding:
    root = store_root or default_root()
    purpose = "layers, cache, images"
    try:
        with Store.open(store_root) as store:
            free = shutil.disk_usage(store.root).free
            with store.draft():
                pass
    except StoreError as error:
        help = error.help or "set LAYERC_HOME to a directory that you can write to"  # noqa: A001
        return Finding("store", "missing", error.message, purpose, help, required=True)
    detail = f"{root} ({_file_system(root)}), {free / (1 << 30):.1f} GiB free"
    if free < _LEAST_FREE:
        hint = "free some space, or set LAYERC_HOME to a larger disk"
        return Finding("store", "degraded", detail, purpose, hint, required=True)
    return Finding("store", "ok", detail, purpose, required=True)


def _file_system(path: str) -> str:
    """Its type, such as ext4."""
    device = os.stat(path).st_dev
    name = f"{os.major(device)}:{os.minor(device)}"
    for line in _read("/proc/self/mountinfo").splitlines():
        if line.split()[2] == name:
            return line.partition(" - ")[2].split()[0]
    return "unknown file system"


def _trial(store_root: str | None) -> Iterator[Finding]:
    """Mount an overlay in the store, and run a program on it."""
    with Store.open(store_root) as store, store.draft() as draft:
        try:
            enter_mount_namespace()
            with mount(store, (), draft) as root:
                yield Finding("overlay mount", "ok", "tried in the store", "every step", required=True)
                container = _container(root)
                yield container
                if container.state == "ok":
                    with Sandbox() as sandbox:
                        yield _foreign_platforms(root, sandbox.run)
        except EnvironmentLackError as error:
            hint = error.help or ""
            yield Finding("overlay mount", "missing", error.message, "every step", hint, required=True)


def _container(root: str) -> Finding:
    """Run this machine's own `true` in a container whose system directories are this machine's."""
    directories = [path for path in ("/usr", "/bin", "/lib", "/lib64") if os.path.isdir(path)]
    mounts = [ResolvedMount("bind", path, os.path.realpath(path), read_only=True) for path in directories]
    output: list[bytes] = []
    process = Process((shutil.which("true") or "/bin/true",), network="none")
    try:
        with Sandbox() as sandbox:
            status = sandbox.run(root, process, mounts, lambda _, data: output.append(data))
    except Exception as error:  # noqa: BLE001  # whatever it is, it is what this command is there to tell
        return Finding("container", "missing", str(error), "RUN", INSTALL_HINT, required=True)
    if status != 0:
        text = b"".join(output).decode("utf-8", "replace").strip()
        detail = f"a trial ended with status {status}: {text}"
        return Finding("container", "missing", detail, "RUN", INSTALL_HINT, required=True)
    return Finding("container", "ok", "tried", "RUN", required=True)


def _memory() -> Finding:
    purpose = "secrets, which must be on no disk"
    try:
        directory = MemoryDirectory()
    except EnvironmentLackError as error:
        return Finding("memory", "missing", error.message, purpose, error.help or "", required=True)
    place = os.path.dirname(directory.path)
    directory.close()
    return Finding("memory", "ok", place, purpose, required=True)


def _device_guard() -> Finding:
    """Only root can open devices that it makes."""
    name, purpose = "device guard", "steps of root can make devices, and open harmless ones only"
    if in_user_namespace():
        return Finding(name, "ok", "not needed in a user namespace", purpose)
    group = StepGroup.create()
    if group is None:
        detail = "no cgroup v2 with device programs: steps can make no devices"
        hint = "mount cgroup2 (it is there with systemd); a kernel with CONFIG_CGROUP_BPF"
        return Finding(name, "degraded", detail, purpose, hint)
    group.close()
    return Finding(name, "ok", "cgroup v2, tried", purpose)


def _seccomp() -> Finding:
    purpose = "steps can not make dangerous system calls"
    if not os.path.exists("/proc/sys/kernel/seccomp/actions_avail"):
        hint = "a kernel with CONFIG_SECCOMP_FILTER"
        return Finding("seccomp", "degraded", "not in this kernel", purpose, hint)
    machine = platform.machine()
    if compile_filter(select_rules(capabilities.DEFAULT, machine), machine) is None:
        hint = (
            "'apt-get install libseccomp2' (Debian, Ubuntu), 'dnf install libseccomp' (Fedora), "
            "'apk add libseccomp' (Alpine)"
        )
        return Finding("seccomp", "degraded", "without libseccomp steps start more slowly", purpose, hint)
    return Finding("seccomp", "ok", "filters are available", purpose)


def _foreign_platforms(root: str, run: RunProgram) -> Finding:
    """Try a tiny program of each architecture; with emulators that only lie there, where they can be registered."""
    name, purpose = "foreign platforms", "steps of other platforms (--platform)"
    others = [item for item in ARCHITECTURES if item != host_platform().architecture]
    usable = [item for item in others if can_run(item, root, run)]
    if register_found():
        usable = [item for item in others if can_run(item, root, run)]
    emulators = {item: registered(item) for item in others}
    detail = ", ".join(_told(item, emulators[item]) for item in usable) or "none"
    unusable = {emulators[item] for item in others if emulators[item] and item not in usable}
    if unusable:
        detail += f"; not usable in containers, for lack of flag F: {', '.join(sorted(unusable))}"
    if any(item not in _COMPATIBLE for item in usable):
        return Finding(name, "ok", detail, purpose)
    return Finding(name, "degraded", f"{detail}; no emulator is registered", purpose, EMULATOR_HELP)


# What processors with 64 bit of the same family may run themselves.
_COMPATIBLE = ("386", "arm")


def _told(architecture: str, emulator: str) -> str:
    return f"linux/{architecture}" + (f" ({os.path.basename(emulator)})" if emulator else "")


def _git() -> Finding:
    path = shutil.which("git")
    if path is not None:
        return Finding("git", "ok", path, "ADD of git repositories")
    return Finding("git", "degraded", "not found", "ADD of git repositories", _GIT_HINT)


_GIT_HINT = "'apt-get install git' (Debian, Ubuntu), 'dnf install git' (Fedora), 'apk add git' (Alpine)"
