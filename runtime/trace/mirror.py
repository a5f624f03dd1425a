"""A mirror of a directory tree that observes who asks for what.

It is a FUSE file system, served by the program of ``server.c``. An overlay takes it as its lower directory: what a
step writes stays in the overlay's upper directory and never comes here, so what is asked here is exactly what the
step took from its parent.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator

from ..errors import EnvironmentLackError
from ..snapshot import syscalls
from ..store import Store
from .program import tracer_program
from .trace import Trace, parse_record

__all__ = ["Mirror", "check_observing", "mirrored"]

_END_SECONDS = 10.0
_MOST_READ = 1 << 20
_MOST_COMPLAINT = 4096
_NO_RECORD = 2  # the status of a tracer whose answers were right
_BUSY_TRIES, _BUSY_WAIT = 5, 0.01


class Mirror:
    """One mirror. ``path`` is where it is mounted; ``trace``, after its end, what was observed.

    ``trace`` is none where anything may have been missed, and ``complaint`` then says why. ``broken``: answers
    may have been wrong, so that nothing that was made of them may be kept.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.trace: Trace | None = None
        self.complaint = ""
        self.broken = False


def check_observing(store: Store) -> None:
    """Raise :class:`EnvironmentLackError` where nothing can be mirrored."""
    tracer_program(store)
    os.close(_open_channel())


@contextlib.contextmanager
def mirrored(store: Store, tree: str, *, xattrs: bool) -> Iterator[Mirror]:
    """Mirror the directory ``tree``, which does not change, until the block ends.

    ``xattrs``: whether anything in it has extended attributes. Raises :class:`EnvironmentLackError` where the
    machine has no FUSE, or the tracer can not be made.
    """
    program = tracer_program(store)
    mirror = Mirror(store.temporary("mirror"))
    os.mkdir(mirror.path)
    with contextlib.ExitStack() as held:
        record, complaint = (held.enter_context(_memory(name)) for name in ("record", "complaint"))
        server = held.enter_context(_serving(program, tree, mirror.path, record, complaint, xattrs=xattrs))
        try:
            yield mirror
        finally:
            if not _unmount(mirror.path):
                # Someone still holds it; what they ask from now on is not of this step.
                server.kill()
            os.rmdir(mirror.path)
            _finish(server, mirror, record, complaint)


def _open_channel() -> int:
    try:
        return os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise EnvironmentLackError(
            f"/dev/fuse can not be opened: {error.strerror}",
            help="load the kernel's module fuse, or hand /dev/fuse into the container",
        ) from error


@contextlib.contextmanager
def _memory(name: str) -> Iterator[int]:
    descriptor = os.memfd_create(f"layerc-{name}", os.MFD_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _serving(
    program: str, tree: str, target: str, record: int, complaint: int, *, xattrs: bool
) -> Iterator[subprocess.Popen[bytes]]:
    """Mount the file system, with a process behind it."""
    channel = _open_channel()
    root = os.open(tree, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # default_permissions: the kernel checks modes here too, and asks for a file's attributes to do so when it
        # is opened; so whoever could learn its size through a descriptor has been recorded.
        options = (
            f"fd={channel},rootmode=40755,user_id=0,group_id=0,allow_other,default_permissions,"
            f"max_read={_MOST_READ}"
        )
        try:
            syscalls.mount("layerc-tracer", target, "fuse", syscalls.MS_RDONLY, options)
        except OSError as error:
            raise EnvironmentLackError(f"the kernel refuses a FUSE mount: {error.strerror}") from error
        words = [program, *map(str, (channel, root, record, os.getpid())), *(["xattr"] if xattrs else [])]
        try:
            server = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=complaint,
                pass_fds=(channel, root, record),
                start_new_session=True,
            )
        except OSError as error:
            syscalls.unmount(target, syscalls.MNT_DETACH)
            raise EnvironmentLackError(f"the tracer can not be started: {error}") from error
    finally:
        os.close(channel)
        os.close(root)
    with server:
        yield server


def _unmount(target: str) -> bool:
    """Whether nobody used it any more."""
    for attempt in range(_BUSY_TRIES):
        try:
            syscalls.unmount(target)
        except OSError:
            time.sleep(_BUSY_WAIT * attempt)
        else:
            return True
    syscalls.unmount(target, syscalls.MNT_DETACH)
    return False


def _finish(server: subprocess.Popen[bytes], mirror: Mirror, record: int, complaint: int) -> None:
    try:
        status = server.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        status = server.wait()
    if status == 0:
        try:
            mirror.trace = parse_record(os.pread(record, os.fstat(record).st_size, 0))
        except ValueError as error:
            mirror.complaint = str(error)
        return
    mirror.broken = status != _NO_RECORD
    said = os.pread(complaint, _MOST_COMPLAINT, 0).decode("utf-8", "replace").strip()
    mirror.complaint = said.removeprefix("layerc-tracer: ") or _ended(status)


def _ended(status: int) -> str:
    if status < 0:
        return f"the tracer was killed by {signal.Signals(-status).name}"
    return f"the tracer ended with status {status}"
