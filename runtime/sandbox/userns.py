"""Builds without root: in a user namespace, where the user is root and owns the mounts that it makes.

The user's id becomes 0 there. The ids that ``/etc/subuid`` and ``/etc/subgid`` give to the user become 1, 2, …;
without them there is only 0, and files of an image can have no other owner.
"""

from __future__ import annotations

import ctypes
import errno
import os
import pwd
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

from ..errors import EnvironmentLackError
from ..snapshot import syscalls
from . import capabilities

__all__ = ["enter", "id_ranges", "is_needed", "is_own"]

CLONE_NEWUSER, CLONE_NEWPID = 0x10000000, 0x20000000
_PR_SET_PDEATHSIG = 1
_FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_HELP = (
    "run as root, or allow user namespaces: sysctl user.max_user_namespaces must not be 0, and on Ubuntu "
    "kernel.apparmor_restrict_unprivileged_userns must be 0 (or a profile must allow them); "
    "'layerc doctor' tells more"
)
_RANGES_HELP = (
    "only files owned by root can be made; install uidmap ('apt-get install uidmap', 'dnf install "
    "shadow-utils', 'apk add shadow-uidmap') and give the user ids: 'usermod --add-subuids 100000-165535 "
    "--add-subgids 100000-165535 USER'"
)


_made: list[int] = []


def is_needed() -> bool:
    """Whether this process may not mount: it is not root, or root without that right."""
    return "CAP_SYS_ADMIN" not in capabilities.effective()


def enter() -> tuple[str, ...]:
    """Go on in a child process that is root of its own user, mount and pid namespace, if that is needed.

    The first thing that a command does: no thread may be running, no file of the store be open. The parent
    stays to hand on signals and the exit status; when it dies, all in the namespace dies with it. Returns (in
    the child) notices for the user. Raises :class:`EnvironmentLackError`.
    """
    if not is_needed():
        return ()
    notices = _become_root()
    sys.stdout.flush()
    sys.stderr.flush()
    ours, theirs = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child:
        os.close(ours)
        _stand_by(child)
    os.close(theirs)
    _die_with_parent(ours)
    _end_on_signals()
    _make_mounts()
    _made.append(os.getpid())
    return notices


def is_own() -> bool:
    """Whether :func:`enter` made the user namespace of this process: then all in it is ours."""
    return bool(_made)


def id_ranges(path: str, user: str, uid: int) -> list[tuple[int, int]]:
    """Ranges (first, count) that a file such as ``/etc/subuid`` gives to ``user``."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            fields = [line.strip().split(":") for line in file]
    except OSError:
        return []
    return [
        (int(first), int(count))
        for name, first, count in (items for items in fields if len(items) == 3)
        if name in (user, str(uid)) and first.isdecimal() and count.isdecimal() and int(count)
    ]


# --- the user namespace ------------------------------------------------------------------------------


def _become_root() -> tuple[str, ...]:
    uid, gid = os.geteuid(), os.getegid()
    maps = _maps(uid, gid)
    helper = _start_helper(maps) if maps else None
    try:
        syscalls.unshare(CLONE_NEWUSER | syscalls.CLONE_NEWNS | CLONE_NEWPID)
    except OSError as error:
        if helper is not None:
            helper.communicate()
        reason = "their number is limited" if error.errno == errno.ENOSPC else error.strerror
        raise EnvironmentLackError(f"no user namespace can be made: {reason}", help=_HELP) from error
    reason = (
        "no ids are given to the user in /etc/subuid and /etc/subgid" if helper is None else _mapped(helper)
    )
    if reason:
        _map_single(uid, gid)
    # Groups stay, so that sockets of other programs can be reached as before; a step's process gets its own.
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    return (f"{reason}: {_RANGES_HELP}",) if reason else ()


def _maps(uid: int, gid: int) -> tuple[list[str], list[str]] | None:
    """Arguments for newuidmap and newgidmap."""
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = str(uid)
    uids, gids = id_ranges("/etc/subuid", user, uid), id_ranges("/etc/subgid", user, uid)
    if not uids or not gids:
        return None
    return list(_map(uid, uids)), list(_map(gid, gids))


def _map(own: int, ranges: list[tuple[int, int]]) -> Iterator[str]:
    yield from ("0", str(own), "1")
    inside = 1
    for first, count in ranges:
        yield from (str(inside), str(first), str(count))
        inside += count


def _start_helper(maps: tuple[list[str], list[str]]) -> subprocess.Popen[str]:
    """The maps are written from outside of the namespace, by programs that are set-uid root."""
    script = "read -r _ && newuidmap $1 $2 && newgidmap $1 $3"
    return subprocess.Popen(
        ["/bin/sh", "-c", script, "layerc-maps", str(os.getpid()), *map(" ".join, maps)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _mapped(helper: subprocess.Popen[str]) -> str:
    """Let the maps be written; the reason if that fails, else nothing. Raises :class:`EnvironmentLackError`."""
    _, errors = helper.communicate("go\n")
    if helper.returncode == 0:
        return ""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        if file.read().strip():
            raise EnvironmentLackError(
                f"the ids of the user can not be used: {errors.strip()}", help=_RANGES_HELP
            )
    return f"the ids of the user can not be used ({errors.strip()})"


def _map_single(uid: int, gid: int) -> None:
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        try:
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
        except OSError as error:
            raise EnvironmentLackError(
                f"this machine does not let a user namespace have a root user: {error.strerror}", help=_HELP
            ) from error


# --- the two processes -------------------------------------------------------------------------------


def _stand_by(child: int) -> NoReturn:
    """The parent: hand on signals, end as the child ends."""

    def hand_on(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # the shape is given
        os.kill(child, number)

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # the shape is given
        # The first process of a pid namespace does not stop by itself.
        os.kill(child, signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)
        os.kill(child, signal.SIGCONT)

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to both
    signal.signal(signal.SIGTSTP, stop)
    for number in _FORWARDED:
        signal.signal(number, hand_on)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def _die_with_parent(parent: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    readable, _, _ = select.select([parent], [], [], 0)
    os.close(parent)
    if readable:  # it died before
        os._exit(128 + signal.SIGKILL)


def _end_on_signals() -> None:
    """The kernel keeps signals from the first process of a pid namespace, unless it handles them."""

    def end(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001  # the shape is given
        os._exit(128 + number)

    for number in _FORWARDED:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)


def _make_mounts() -> None:
    """Own mounts, a /proc that shows the own processes, and memory for files that vanishes with them."""
    try:
        syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
        syscalls.mount("proc", "/proc", "proc", syscalls.MS_NOSUID | syscalls.MS_NODEV)
        syscalls.mount("tmpfs", "/dev/shm", "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV)  # noqa: S108
    except OSError as error:
        raise EnvironmentLackError(
            f"no permission to mount in a user namespace: {error.strerror}",
            help="inside of a container /proc must not be masked (docker run --security-opt "
            f"systempaths=unconfined --security-opt seccomp=unconfined); else {_HELP}",
        ) from error
