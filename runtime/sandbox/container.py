"""One container from start to end: output as it comes, and an end that leaves nothing behind."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from ..snapshot import syscalls
from .process import OnOutput

__all__ = ["run_command"]

_CHUNK = 1 << 16
_CANCEL_INTERVAL = 0.05


def run_command(
    command: Sequence[str],
    on_output: OnOutput,
    cancel: threading.Event | None = None,
    *,
    group: str | None = None,
    adjust: Callable[[], None] | None = None,
) -> int:
    """Run an OCI runtime until its container has ended; its exit status, 137 if ``cancel`` was set.

    ``group`` is a cgroup for it. ``adjust`` changes the mounts that the runtime sees, and no others'. When
    this returns or raises, no process of the container is left.
    """
    process = _start(command, group, adjust)
    try:
        _stream(process, on_output, cancel)
        status = process.wait()
    except BaseException:
        _kill(process)
        raise
    finally:
        _close(process)
    return status if status >= 0 else 128 - status


def _start(
    command: Sequence[str], group: str | None, adjust: Callable[[], None] | None
) -> subprocess.Popen[bytes]:
    descriptor = None
    if group is not None:
        descriptor = os.open(os.path.join(group, "cgroup.procs"), os.O_WRONLY | os.O_CLOEXEC)
    try:
        return _spawn(command, descriptor) if adjust is None else _spawn_apart(command, descriptor, adjust)
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _spawn_apart(
    command: Sequence[str], group: int | None, adjust: Callable[[], None]
) -> subprocess.Popen[bytes]:
    """Mounts belong to threads: one that is thrown away can change its own."""
    results: list[subprocess.Popen[bytes] | BaseException] = []

    def spawn() -> None:
        try:
            syscalls.unshare(syscalls.CLONE_NEWNS)
            syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
            adjust()
            results.append(_spawn(command, group))
        except BaseException as error:  # noqa: BLE001  # raised again in the thread that waits
            results.append(error)

    thread = threading.Thread(target=spawn)
    thread.start()
    thread.join()
    result = results[0]
    if isinstance(result, BaseException):
        raise result
    return result


def _spawn(command: Sequence[str], group: int | None) -> subprocess.Popen[bytes]:
    # The process has to be in the group before the runtime starts others, so it moves itself.
    enter = [] if group is None else ["/bin/sh", "-c", 'echo 0 > "$0" && exec "$@"', f"/proc/self/fd/{group}"]
    return subprocess.Popen(
        [*enter, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", os.defpath)},
        pass_fds=() if group is None else (group,),
        process_group=0,  # control-C at the terminal is ours to handle
    )


def _stream(process: subprocess.Popen[bytes], on_output: OnOutput, cancel: threading.Event | None) -> None:
    """Hand on output until the runtime ends. Someone else may still hold the pipes' other ends then."""
    assert process.stdout is not None
    assert process.stderr is not None
    ended = os.pidfd_open(process.pid)
    try:
        with selectors.PollSelector() as selector:
            for stream, pipe in ((1, process.stdout), (2, process.stderr)):
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe.fileno(), selectors.EVENT_READ, stream)
            selector.register(ended, selectors.EVENT_READ, 0)
            _copy(process, selector, on_output, cancel)
    finally:
        os.close(ended)


def _copy(
    process: subprocess.Popen[bytes],
    selector: selectors.BaseSelector,
    on_output: OnOutput,
    cancel: threading.Event | None,
) -> None:
    timeout = None if cancel is None else _CANCEL_INTERVAL
    running = True
    while running and len(selector.get_map()) > 1:
        if cancel is not None and cancel.is_set():
            _kill(process)
            return
        for key, _ in selector.select(timeout):
            if key.data == 0:
                running = False
            elif not _hand_on(key.fd, key.data, on_output):
                selector.unregister(key.fd)
    for key in [key for key in selector.get_map().values() if key.data]:
        while _hand_on(key.fd, key.data, on_output):
            pass


def _hand_on(pipe: int, stream: int, on_output: OnOutput) -> bool:
    """Whether there may be more."""
    try:
        data = os.read(pipe, _CHUNK)
    except BlockingIOError:
        return False
    if data:
        on_output(stream, data)
    return bool(data)


# --- ending early ------------------------------------------------------------------------------------


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the runtime and its container. The runtime is stopped first, so that it starts nothing more."""
    if process.poll() is not None:
        return
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGSTOP)
    while children := _descendants(process.pid):
        # The container's first process takes all others of its pid namespace along.
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        time.sleep(0.001)
    process.kill()
    process.wait()


def _descendants(pid: int) -> list[int]:
    """Processes below ``pid`` that have not ended."""
    found: list[int] = []
    todo = [pid]
    while todo:
        for child in _children(todo.pop()):
            todo.append(child)
            if _state(child) not in ("Z", "X"):
                found.append(child)
    return found


def _children(pid: int) -> list[int]:
    """Children of all threads of ``pid``."""
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            found += _children_of_thread(f"/proc/{pid}/task/{thread}/children")
    return found


def _children_of_thread(path: str) -> list[int]:
    try:
        with open(path, encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _state(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return chr(file.read().rpartition(b")")[2].split()[0][0])
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return "X"


def _close(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdout, process.stderr):
        assert pipe is not None
        pipe.close()
