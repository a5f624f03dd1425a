"""Steps that are ended early leave no process, no mount and no file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from layerc.runtime.sandbox import Process, Sandbox
from layerc.runtime.sandbox.groups import unified_hierarchy

from .conftest import LONG, Box, processes, wait_for, wait_for_process

pytestmark = pytest.mark.root

TREE = "sleep {0} & (sleep {0}; true) & trap '' TERM INT HUP; echo ready; sleep {0}; sleep {0}"


def leftovers(pid: int) -> list[str]:
    """What process ``pid`` keeps outside of root file systems: a directory in memory, a cgroup."""
    hierarchy = unified_hierarchy()
    assert hierarchy is not None
    names = os.listdir("/dev/shm") + os.listdir(hierarchy[0])
    return [name for name in names if name.startswith((f"layerc-{pid}-", f"layerc-steps-{pid}-"))]


@pytest.mark.parametrize("runtime", ["crun", "runc"])
def test_cancel(box: Box, runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAYERC_RUNTIME", runtime)
    cancel = threading.Event()
    statuses: list[int] = []

    def run() -> None:
        process = Process(("sh", "-c", TREE.format(LONG + 2)))
        statuses.append(box.sandbox.run(box.root, process, [], lambda *_: None, cancel))

    thread = threading.Thread(target=run)
    thread.start()
    wait_for(lambda: len(processes(f"sleep {LONG + 2}")) == 3)
    started = time.monotonic()
    cancel.set()
    thread.join()
    assert time.monotonic() - started < 5
    assert statuses == [137]
    assert processes(f"sleep {LONG + 2}") == []
    assert sorted(os.listdir(Path(box.root, "etc"))) == ["group", "passwd"]
    assert not [
        name
        for _, names, _ in os.walk("/sys/fs/cgroup")
        for name in names
        if name.startswith(f"layerc-{os.getpid()}-") and name.endswith("-1")
    ]
    # the sandbox goes on to work
    assert box.shell("exit 4").status == 4


def test_cancel_at_every_moment(box: Box) -> None:
    """Also while the runtime sets up the container."""
    for milliseconds in (0, 1, 2, 3, 4, 5, 6, 8):
        cancel = threading.Event()
        timer = threading.Timer(milliseconds / 1000, cancel.set)
        timer.start()
        status = box.sandbox.run(box.root, Process(("sleep", str(LONG + 3))), [], lambda *_: None, cancel)
        timer.join()
        assert status == 137
        assert processes(f"sleep {LONG + 3}") == []


def test_cancel_before_the_start(box: Box) -> None:
    cancel = threading.Event()
    cancel.set()
    assert box.sandbox.run(box.root, Process(("sleep", str(LONG + 4))), [], lambda *_: None, cancel) == 137


def test_nothing_is_left_after_close(box: Box) -> None:
    assert leftovers(os.getpid()) == []
    with Sandbox() as sandbox:
        sandbox.run(box.root, Process(("true",)), [], lambda *_: None)
        assert len(leftovers(os.getpid())) == 2
    assert leftovers(os.getpid()) == []


def test_files_of_the_dead_are_removed(box: Box) -> None:
    """Where nobody could clean up: the machine's last resort is the next build."""
    dead = Path("/dev/shm/layerc-0-dead")
    dead.mkdir()
    (dead / "secret").touch()
    with Sandbox() as one, Sandbox() as other:
        for sandbox in (one, other):
            assert sandbox.run(box.root, Process(("true",)), [], lambda *_: None) == 0
        assert one.run(box.root, Process(("true",)), [], lambda *_: None) == 0
    assert not dead.exists()


CHILD = """
import sys
from layerc.runtime.sandbox import *
sandbox = Sandbox()
mounts = [ResolvedMount("secret", "/s", content=b"x"), ResolvedMount("cache", "/c", sys.argv[2])]
sandbox.run(sys.argv[1], Process(("sh", "-c", sys.argv[3])), mounts, lambda stream, data: print(data, flush=True))
"""


@contextmanager
def start_child(root: str, cache: Path, script: str) -> Iterator[subprocess.Popen[bytes]]:
    cache.mkdir(exist_ok=True)
    command = [sys.executable, "-c", CHILD, root, str(cache), script]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("runtime", ["crun", "runc"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_killed_from_outside(
    box: Box, tmp_path: Path, runtime: str, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAYERC_RUNTIME", runtime)
    with start_child(box.root, tmp_path / "cache", TREE.format(LONG + 5)) as child:
        wait_for(lambda: len(processes(f"sleep {LONG + 5}")) == 3)
        child.send_signal(number)
        child.wait()
        wait_for(lambda: not processes(f"sleep {LONG + 5}"))
        wait_for(lambda: not leftovers(child.pid))
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            assert str(tmp_path / "cache") not in Path("/proc", pid, "mountinfo").read_text()


@pytest.mark.parametrize("runtime", ["crun", "runc"])
def test_others_leave_the_files_of_the_dead_to_the_keeper(
    box: Box, tmp_path: Path, runtime: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """runc moves a container to a cgroup of its own: only the files tell the keeper what to end."""
    monkeypatch.setenv("LAYERC_RUNTIME", runtime)
    with start_child(box.root, tmp_path / "cache", f"sleep {LONG + 7}") as child:
        wait_for_process(f"sleep {LONG + 7}")
        children = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
        keeper = next(
            int(pid) for pid in children if b"layerc-keeper" in Path(f"/proc/{pid}/cmdline").read_bytes()
        )
        os.kill(keeper, signal.SIGSTOP)
        child.kill()
        child.wait()
        with Sandbox() as other:
            assert other.run(box.root, Process(("true",)), [], lambda *_: None) == 0
        os.kill(keeper, signal.SIGCONT)
        wait_for(lambda: not processes(f"sleep {LONG + 7}"))
        wait_for(lambda: not leftovers(child.pid))


def test_killed_at_every_moment(box: Box, tmp_path: Path) -> None:
    for tenths in range(1, 7):
        with start_child(box.root, tmp_path / "cache", f"sleep {LONG + 6}") as child:
            wait_for(lambda: leftovers(child.pid))
            time.sleep(tenths / 500)
            child.kill()
        wait_for(lambda: not processes(f"sleep {LONG + 6}"))
        if leftovers(child.pid):
            time.sleep(0.2)
        if leftovers(child.pid):  # killed before somebody was there to clean up: the next one does it
            with Sandbox() as other:
                assert other.run(box.root, Process(("true",)), [], lambda *_: None) == 0
            assert not leftovers(child.pid)
        assert processes(f"sleep {LONG + 6}") == []


def test_the_runtime_being_killed_is_a_failure(box: Box) -> None:
    statuses: list[int] = []
    thread = threading.Thread(target=lambda: statuses.append(box.run("sleep", str(LONG + 7)).status))
    thread.start()
    container = wait_for_process(f"sleep {LONG + 7}")
    with open(f"/proc/{container}/stat", encoding="ascii") as file:
        runtime = int(file.read().rpartition(")")[2].split()[1])
    os.kill(runtime, signal.SIGKILL)
    thread.join()
    assert statuses == [137]
    box.sandbox.close()
    assert processes(f"sleep {LONG + 7}") == []
