"""A root file system of one static program, overlays on it, and a sandbox to run steps in."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from layerc.runtime.sandbox import Process, ResolvedMount, Sandbox
from layerc.runtime.snapshot import syscalls

from .accounts import COUNT, FIRST, Account, make_account, remove_account
from .trees import OLD, make_rootfs

# Seconds that no other program of this machine sleeps, another run of these tests included.
LONG = 10**9 + os.getpid() * 1000


def processes(command: str) -> list[int]:
    """Processes of this machine, in containers or not, that were called so."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            words = Path("/proc", name, "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
            if b" ".join(words).decode(errors="replace") == command:
                found.append(int(name))
    return found


def wait_for(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def wait_for_process(command: str) -> int:
    wait_for(lambda: processes(command))
    return processes(command)[0]


@dataclass
class Outcome:
    status: int
    chunks: list[tuple[int, bytes]]

    @property
    def out(self) -> str:
        return self.stream(1).decode()

    @property
    def err(self) -> str:
        return self.stream(2).decode()

    def stream(self, number: int) -> bytes:
        return b"".join(data for stream, data in self.chunks if stream == number)


@dataclass
class Box:
    """A sandbox and a writable overlay on the root file system; ``upper`` shows what a step changed."""

    sandbox: Sandbox
    root: str
    upper: Path

    def run(self, *argv: str, mounts: tuple[ResolvedMount, ...] = (), **process: object) -> Outcome:
        chunks: list[tuple[int, bytes]] = []
        status = self.sandbox.run(
            self.root,
            Process(argv, **process),  # type: ignore[arg-type]
            mounts,
            lambda stream, data: chunks.append((stream, data)),
        )
        return Outcome(status, chunks)

    def shell(self, script: str, *mounts: ResolvedMount, **process: object) -> Outcome:
        return self.run("sh", "-c", script, mounts=mounts, **process)

    def changes(self) -> list[str]:
        """What a step left in the upper directory, but for directories that look as they did before."""
        return sorted(
            str(path.relative_to(self.upper))
            for path in self.upper.rglob("*")
            if not (path.is_dir() and path.stat().st_mtime_ns == OLD)
        )


@pytest.fixture(scope="session")
def plain() -> Iterator[Account]:
    account = make_account(f"lc{os.getpid()}a")
    yield account
    remove_account(account)


@pytest.fixture(scope="session")
def ranged() -> Iterator[Account]:
    span = f"{FIRST}-{FIRST + COUNT - 1}"
    account = make_account(f"lc{os.getpid()}b", "--add-subuids", span, "--add-subgids", span)
    yield account
    remove_account(account)


@pytest.fixture(scope="session")
def rootfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_rootfs(tmp_path_factory.mktemp("sandbox") / "rootfs")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def overlay(tmp_path: Path) -> Iterator[Callable[[Path], tuple[Path, Path]]]:
    """``overlay(lower)`` gives a merged directory and its upper one."""
    mounted: list[Path] = []

    def make(lower: Path) -> tuple[Path, Path]:
        base = tmp_path / f"overlay{len(mounted)}"
        upper, work, merged = base / "upper", base / "work", base / "merged"
        for path in (upper, work, merged):
            path.mkdir(parents=True)
        syscalls.mount(
            "overlay", str(merged), "overlay", 0, f"lowerdir={lower},upperdir={upper},workdir={work}"
        )
        mounted.append(merged)
        return merged, upper

    yield make
    for path in mounted:
        syscalls.unmount(str(path), syscalls.MNT_DETACH)


@pytest.fixture
def box(sandbox: Sandbox, rootfs: Path, overlay: Callable[[Path], tuple[Path, Path]]) -> Box:
    merged, upper = overlay(rootfs)
    return Box(sandbox, str(merged), upper)
