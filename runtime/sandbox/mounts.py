"""The mounts of one step, in the OCI form, and the files in memory that some of them show."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ..errors import InputError
from .agent import AgentProxy
from .hostfiles import hosts, resolver
from .process import Process, ResolvedMount
from .spec import Config, Machine, bind_options

__all__ = ["StepMounts"]

_EXECUTABLE = 0o111


class StepMounts:
    """Makes what mounts show in ``directory`` (in memory, removed by its owner); ``held`` ends what has to be
    ended.
    """

    def __init__(self, directory: str, machine: Machine, held: ExitStack) -> None:
        self._directory = directory
        self._machine = machine
        self._held = held
        self._files = 0

    def system(self, process: Process) -> list[Config]:
        """``/etc/resolv.conf`` and ``/etc/hosts``."""
        contents = {
            "/etc/resolv.conf": resolver(_host_resolver(), host_network=process.network != "none"),
            "/etc/hosts": hosts(process.extra_hosts, process.hostname),
        }
        return [
            self._bind(target, self._write(content, 0o644), ["nosuid", "noexec", "nodev", "ro"])
            for target, content in contents.items()
        ]

    def prepare(self, wanted: ResolvedMount) -> Config:
        """The OCI form of ``wanted``. Raises :class:`InputError`."""
        match wanted.kind:
            case "bind" | "cache":
                if not os.path.lexists(wanted.source):
                    raise InputError(f"mount on {wanted.target}: there is no {wanted.source}")
                return self._bind(wanted.target, wanted.source, ["ro"] if wanted.read_only else [])
            case "tmpfs":
                options = ["nosuid", *(["ro"] if wanted.read_only else [])]
                options += [f"size={wanted.size}"] if wanted.size else []
                return {"destination": wanted.target, "type": "tmpfs", "source": "tmpfs", "options": options}
            case "file" | "secret":
                options = ["nosuid", "nodev", "ro"]
                if not wanted.mode & _EXECUTABLE:
                    options.append("noexec")
                with _owner_errors(wanted):
                    path = self._write(wanted.content, wanted.mode, wanted.uid, wanted.gid)
                return self._bind(wanted.target, path, options)
            case "ssh":
                with _owner_errors(wanted):
                    path = self._forward(wanted)
                return self._bind(wanted.target, path, ["nosuid", "nodev"])
            case kind:
                raise InputError(f"mount on {wanted.target}: unknown kind {kind!r}")

    @staticmethod
    def is_directory(wanted: ResolvedMount) -> bool:
        """Whether the mount point has to be a directory."""
        return wanted.kind == "tmpfs" or (wanted.kind in ("bind", "cache") and os.path.isdir(wanted.source))

    def _bind(self, target: str, source: str, options: list[str]) -> Config:
        every = bind_options(source, options, self._machine)
        return {"destination": target, "type": "bind", "source": source, "options": every}

    def _forward(self, wanted: ResolvedMount) -> str:
        path = self._new_path()
        proxy = AgentProxy(path, wanted.source, mode=wanted.mode, uid=wanted.uid, gid=wanted.gid)
        self._held.callback(proxy.close)
        return path

    def _write(self, content: bytes, mode: int, uid: int = 0, gid: int = 0) -> str:
        path = self._new_path()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(content)
            if uid or gid:
                os.fchown(descriptor, uid, gid)
            os.fchmod(descriptor, mode & 0o777)
        return path

    def _new_path(self) -> str:
        self._files += 1
        return os.path.join(self._directory, f"file{self._files}")


def _host_resolver() -> str:
    try:
        with open("/etc/resolv.conf", encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return ""


@contextmanager
def _owner_errors(wanted: ResolvedMount) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"mount on {wanted.target}, uid {wanted.uid}, gid {wanted.gid}: {error.strerror}",
            help="a build without root has only the ids that /etc/subuid and /etc/subgid give to the user",
        ) from error
