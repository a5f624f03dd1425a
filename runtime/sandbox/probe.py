"""What this machine has and lacks for building: tried out, not guessed."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..errors import EnvironmentLackError, StoreError
from ..snapshot.mount import enter_mount_namespace, mount
from ..store import Store, default_root
from .process import Process, ResolvedMount
from .runtime import INSTALL_HINT, find_runtime
from .sandbox import Sandbox

__all__ = ["Finding", "State", "probe"]

State = Literal["ok", "missing", "degraded"]
_LEAST_FREE = 2 << 30
_HANDLERS = "/proc/sys/fs/binfmt_misc"
_UIDMAP_HINT = (
    "'apt-get install uidmap' (Debian, Ubuntu), 'dnf install shadow-utils' (Fedora), "
    "'apk add shadow-subids' (Alpine)"
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
    """Look at everything. The process gets mounts of its own; it should do nothing else afterwards."""
    findings = [_kernel(), _privileges(), *_subordinate_ids(), _runtime(), _store(store_root)]
    if all(finding.state != "missing" for finding in findings if finding.required):
        findings += _trial(store_root)
    return [*findings, _seccomp(), _foreign_platforms(), _git()]


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


def _privileges() -> Finding:
    purpose = "mounts, owners of files, containers"
    if os.geteuid() == 0:
        return Finding("privileges", "ok", "root", purpose, required=True)
    forbidden = [path for path in _NAMESPACE_SWITCHES if _forbids(path)]
    if forbidden:
        return Finding(
            "privileges",
            "missing",
            f"user namespaces are not allowed ({', '.join(forbidden)})",
            purpose,
            f"as root: sysctl -w {' '.join(_NAMESPACE_SWITCHES[path] for path in forbidden)}; or build as root",
            required=True,
        )
    return Finding("privileges", "ok", "a user namespace", purpose, required=True)


_NAMESPACE_SWITCHES = {
    "/proc/sys/kernel/unprivileged_userns_clone": "kernel.unprivileged_userns_clone=1",
    "/proc/sys/user/max_user_namespaces": "user.max_user_namespaces=15000",
}


def _forbids(path: str) -> bool:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip() == "0"
    except OSError:
        return False


def _subordinate_ids() -> Iterator[Finding]:
    if os.geteuid() == 0:
        return
    purpose = "files of other users than root in images"
    missing = [name for name in ("newuidmap", "newgidmap") if shutil.which(name) is None]
    if missing:
        yield Finding("subordinate ids", "degraded", f"no {' and no '.join(missing)}", purpose, _UIDMAP_HINT)
        return
    import pwd

    user = pwd.getpwuid(os.geteuid()).pw_name
    lacking = [path for path in ("/etc/subuid", "/etc/subgid") if not _has_range(path, user)]
    if lacking:
        hint = f"as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}"
        detail = f"no range for {user} in {' and '.join(lacking)}"
        yield Finding("subordinate ids", "degraded", detail, purpose, hint)
        return
    yield Finding("subordinate ids", "ok", f"a range for {user}", purpose)


def _has_range(path: str, user: str) -> bool:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return any(line.split(":", 1)[0] in (user, str(os.geteuid())) for line in file)
    except OSError:
        return False


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
    detail = f"{root}, {free / (1 << 30):.1f} GiB free"
    if free < _LEAST_FREE:
        hint = "free some space, or set LAYERC_HOME to a larger disk"
        return Finding("store", "degraded", detail, purpose, hint, required=True)
    return Finding("store", "ok", detail, purpose, required=True)


def _trial(store_root: str | None) -> Iterator[Finding]:
    """Mount an overlay in the store, and run a program on it."""
    with Store.open(store_root) as store, store.draft() as draft:
        try:
            enter_mount_namespace()
            with mount(store, (), draft) as root:
                yield Finding("overlay mount", "ok", "tried in the store", "every step", required=True)
                yield _container(root)
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


def _seccomp() -> Finding:
    purpose = "steps can not make dangerous system calls"
    if os.path.exists("/proc/sys/kernel/seccomp/actions_avail"):
        return Finding("seccomp", "ok", "filters are available", purpose)
    return Finding(
        "seccomp", "degraded", "not in this kernel", purpose, "a kernel with CONFIG_SECCOMP_FILTER"
    )


def _foreign_platforms() -> Finding:
    purpose = "steps of other platforms (--platform)"
    try:
        handlers = sorted(name for name in os.listdir(_HANDLERS) if name.startswith("qemu-"))
    except OSError:
        handlers = []
    if handlers:
        return Finding("foreign platforms", "ok", ", ".join(handlers), purpose)
    hint = "'apt-get install qemu-user-static binfmt-support' (Debian, Ubuntu)"
    return Finding("foreign platforms", "degraded", "no emulators are registered", purpose, hint)


def _git() -> Finding:
    path = shutil.which("git")
    if path is not None:
        return Finding("git", "ok", path, "ADD of git repositories")
    return Finding("git", "degraded", "not found", "ADD of git repositories", "'apt-get install git'")
