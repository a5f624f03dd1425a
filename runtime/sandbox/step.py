"""One step from its description to its exit status."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from ..errors import InputError, StepError, UsageError
from .container import run_command
from .failure import NOT_STARTED, explain
from .ids import is_mapped
from .mounts import StepMounts
from .process import OnOutput, Process, ResolvedMount
from .rootpath import path_in_root
from .spec import Config, environment, runtime_config
from .stubs import mount_points
from .users import User, resolve_user
from .workshop import Workshop

__all__ = ["check", "run_step"]

_NETWORKS = ("default", "host", "none")
_SECURITY = ("sandbox", "insecure")
_LONE = re.compile("[\ud800-\udfff]")


def run_step(
    workshop: Workshop,
    rootfs: str,
    process: Process,
    mounts: Sequence[ResolvedMount],
    on_output: OnOutput,
    cancel: threading.Event | None,
) -> int:
    """As :meth:`Sandbox.run`."""
    secrets = _secrets(mounts)
    wanted = sorted((item for item in mounts if item.kind != "env"), key=lambda item: item.target)
    with _bundle(workshop) as bundle, ExitStack() as held:
        files = StepMounts(bundle, workshop.machine, held)
        system = files.system(process)
        shown = [*system, *map(files.prepare, wanted)]
        points = [(str(item["destination"]), False) for item in system]
        points += [(item.target, files.is_directory(item)) for item in wanted]
        with _filesystem_errors():
            held.enter_context(mount_points(rootfs, points))
            user = _possible_user(rootfs, process)
            _make_directory(rootfs, process.cwd, user)
            _make_system_directories(rootfs)
        env = environment(process, user, secrets)
        guard = workshop.seccomp() if process.security == "sandbox" else {}
        config = runtime_config(rootfs, process, user, env, shown, workshop.machine, guard)
        return _execute(workshop, bundle, config, process, on_output, cancel)


def check(process: Process) -> None:
    """Raises :class:`UsageError` for a mode that there is not."""
    if process.network not in _NETWORKS:
        raise UsageError(f"--network={process.network}: unknown", help=f"there are {', '.join(_NETWORKS)}")
    if process.security not in _SECURITY:
        raise UsageError(f"--security={process.security}: unknown", help=f"there are {', '.join(_SECURITY)}")


def _secrets(mounts: Sequence[ResolvedMount]) -> list[tuple[str, str]]:
    wanted = [item for item in mounts if item.kind == "env"]
    for item in wanted:
        if b"\0" in item.content:
            raise InputError(f"the secret for ${item.target} holds a zero byte, which no variable can")
    return [(item.target, os.fsdecode(item.content)) for item in wanted]


def _possible_user(rootfs: str, process: Process) -> User:
    user = resolve_user(rootfs, process.user)
    if not is_mapped("uid", user.uid) or not is_mapped("gid", user.gid):
        raise InputError(
            f"a step can not run as user {process.user} (uid {user.uid}, gid {user.gid}) here",
            help="a build without root has only the ids that /etc/subuid and /etc/subgid give to the user",
        )
    return user


@contextmanager
def _bundle(workshop: Workshop) -> Iterator[str]:
    path = workshop.new_directory()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _filesystem_errors() -> Iterator[None]:
    """Trees may hold anything where a directory should be."""
    try:
        yield
    except OSError as error:
        raise StepError(
            f"the step's root file system can not be prepared: {error.filename}: {error.strerror}",
            status=NOT_STARTED,
        ) from error


def _make_directory(rootfs: str, cwd: str, user: User) -> None:
    """The working directory, made for the step's user where it is missing."""
    path = path_in_root(rootfs, cwd)
    missing = []
    while not os.path.lexists(path):
        missing.append(path)
        path = os.path.dirname(path)
    for item in reversed(missing):
        os.mkdir(item)
        os.chmod(item, 0o755)  # noqa: S103  # whatever the umask
        os.chown(item, user.uid, user.gid)


def _make_system_directories(rootfs: str) -> None:
    """What the runtime mounts itself, with the mode that runc gives it (crun adds a sticky bit)."""
    for name in ("dev", "proc", "sys"):
        path = os.path.join(rootfs, name)
        if not os.path.lexists(path):
            os.mkdir(path)
            os.chmod(path, 0o755)  # noqa: S103  # whatever the umask


def _execute(
    workshop: Workshop,
    bundle: str,
    config: Config,
    process: Process,
    on_output: OnOutput,
    cancel: threading.Event | None,
) -> int:
    # JSON holds no other bytes than UTF-8; U+FFFD stands for them, as everywhere in Docker.
    with open(os.path.join(bundle, "config.json"), "w", encoding="utf-8") as file:
        file.write(_LONE.sub("\N{REPLACEMENT CHARACTER}", json.dumps(config, ensure_ascii=False)))
    log = os.path.join(bundle, "log")
    open(log, "x").close()  # so that it can be read whatever the runtime does
    # runc calls a cgroup by the container's name: no other process may use the same.
    name = f"{os.path.basename(workshop.directory)}-{os.path.basename(bundle)}"
    command = workshop.runtime.run_command(workshop.state, bundle, log, name)
    group = workshop.group(guarded=process.security == "sandbox")
    try:
        status = run_command(command, on_output, cancel, group=group, adjust=workshop.mount_changes())
    finally:
        workshop.runtime.forget(workshop.state, name)
    if status == 0 or (cancel is not None and cancel.is_set()):
        return status
    with open(log, encoding="utf-8", errors="replace") as file:
        logged = file.read()
    if not logged:
        return status
    status, line = explain(logged, process.argv)
    on_output(2, line.encode())
    return status
