"""``Sandbox``: run programs on prepared root file systems."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self

from ..errors import StepError, UsageError
from .container import OnOutput, run_command
from .failure import NOT_STARTED, explain
from .mounts import StepMounts
from .process import Process, ResolvedMount
from .rootpath import path_in_root
from .runtime import OciRuntime, find_runtime
from .spec import Config, environment, runtime_config
from .stubs import mount_points
from .users import User, resolve_user
from .workshop import Workshop

__all__ = ["Sandbox"]

_NETWORKS = ("default", "host", "none")
_SECURITY = ("sandbox", "insecure")
_LONE = re.compile("[\ud800-\udfff]")


class Sandbox:
    """Runs steps, any number at once (threads may share it). What it needs is made at the first step."""

    def __init__(self, runtime: OciRuntime | None = None) -> None:
        self._runtime = runtime
        self._guard = threading.Lock()
        self._made: Workshop | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End what runs and remove what was made outside of root file systems."""
        with self._guard:
            if self._made is not None:
                self._made.close()
                self._made = None

    def run(
        self,
        rootfs: str,
        process: Process,
        mounts: Sequence[ResolvedMount],
        on_output: OnOutput,
        cancel: threading.Event | None = None,
    ) -> int:
        """Run ``process`` with ``rootfs`` (a writable tree at rest) as its root directory.

        ``on_output(stream, data)`` gets what it prints to 1 or 2. The result is its exit status: 128 + n if
        signal n killed it (137 after ``cancel`` is set), 127 for a program that is not there, 126 for one
        that can not be executed.

        Raises :class:`InputError` (unknown user, missing mount source), :class:`UsageError` (a bad limit,
        network or security mode), :class:`StepError` with status 125 if the container can not be made,
        :class:`EnvironmentLackError` if this machine can not run containers.
        """
        _check(process)
        workshop = self._workshop()
        secrets = [(item.target, os.fsdecode(item.content)) for item in mounts if item.kind == "env"]
        wanted = sorted((item for item in mounts if item.kind != "env"), key=lambda item: item.target)
        with _bundle(workshop) as bundle, ExitStack() as held:
            files = StepMounts(bundle, workshop.machine, held)
            system = files.system(process)
            shown = [*system, *map(files.prepare, wanted)]
            points = [(str(item["destination"]), False) for item in system]
            points += [(item.target, files.is_directory(item)) for item in wanted]
            with _filesystem_errors():
                held.enter_context(mount_points(rootfs, points))
                user = resolve_user(rootfs, process.user)
                _make_directory(rootfs, process.cwd, user)
            env = environment(process, user, secrets)
            guard = workshop.seccomp() if process.security == "sandbox" else {}
            config = runtime_config(rootfs, process, user, env, shown, workshop.machine, guard)
            return _execute(workshop, bundle, config, process, on_output, cancel)

    def _workshop(self) -> Workshop:
        with self._guard:
            if self._made is None:
                self._made = Workshop(self._runtime or find_runtime())
            return self._made


def _check(process: Process) -> None:
    if process.network not in _NETWORKS:
        raise UsageError(f"--network={process.network}: unknown", help=f"there are {', '.join(_NETWORKS)}")
    if process.security not in _SECURITY:
        raise UsageError(f"--security={process.security}: unknown", help=f"there are {', '.join(_SECURITY)}")


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
