"""How programs are found and started: what that reads of the tree."""

from __future__ import annotations

from .call import Call

__all__ = ["look_up", "start_program"]

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LOADER_FILES = (
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/group",
    "/etc/localtime",
    "/etc/selinux/config",
    "/etc/busybox.conf",
)
_LOADER_TREES = (
    "/lib64",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib/arm-linux-gnueabihf",
    "/usr/lib/i386-linux-gnu",
    "/usr/lib/locale",
    "/usr/share/locale",
    "/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/lib/arm-linux-gnueabihf",
    "/lib/i386-linux-gnu",
    "/usr/share/zoneinfo",
    "/etc/terminfo",
)
_MUSL = tuple(
    f"/lib/{name}-{machine}.{ending}"
    for machine in ("x86_64", "aarch64", "armhf", "i386")
    for name, ending in (("ld-musl", "so.1"), ("libc.musl", "so.1"))
)


def look_up(call: Call, name: str) -> None:
    """Read where a program may be found: each directory of PATH is asked for it."""
    collector = call.collector
    if "/" in name:
        collector.read_paths([name if name.startswith("/") else f"{cwd}/{name}" for cwd in call.cwds])
        return
    path = call.state.get("PATH")
    if path is None:
        collector.fail("PATH is not known")
        return
    for directory in (path or _PATH).split(":"):
        if directory.startswith("/"):
            collector.read_paths([f"{directory}/{name}"])
        else:
            collector.read_paths([f"{cwd}/{directory}/{name}" for cwd in call.cwds])


def start_program(call: Call, name: str) -> None:
    """What any program reads before it does anything: itself and its libraries."""
    collector = call.collector
    look_up(call, name)
    collector.read_paths((*_LOADER_FILES, *_MUSL))
    collector.read_paths(_LOADER_TREES, tree=True)
    if call.state.get("LD_PRELOAD") != "":
        collector.fail("LD_PRELOAD is set: what programs do is not known")
    libraries = call.state.get("LD_LIBRARY_PATH")
    if libraries is None:
        collector.fail("LD_LIBRARY_PATH is set: which libraries a program reads is not known")
        return
    for directory in libraries.split(":"):
        if directory.startswith("/"):
            collector.read_paths([directory], tree=True)
