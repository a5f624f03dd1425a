"""Programs that a script calls: how they are found, what they read of the system, which rule knows them."""

from __future__ import annotations

from .call import Call
from .files import FILE_TOOLS
from .profiles import PROFILES
from .rules import PACKAGES, run_profile
from .wrappers import WRAPPERS

__all__ = ["look_up", "run_program"]

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
#: What a program that is not simple may read of the system: other programs, libraries, settings.
_SYSTEM_TREES = tuple(path for path in PACKAGES if not path.startswith("/var/"))


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


def run_program(call: Call) -> None:
    """What a program reads and writes, the program itself included."""
    collector = call.collector
    look_up(call, call.name)
    collector.read_paths((*_LOADER_FILES, *_MUSL))
    collector.read_paths(_LOADER_TREES, tree=True)
    for name in ("LD_PRELOAD", "LD_LIBRARY_PATH"):
        if call.state.get(name) != "":
            collector.fail(f"{name} is set: which libraries a program reads is not known")
    base = call.base
    if base in FILE_TOOLS:
        FILE_TOOLS[base](call)
        return
    if base in WRAPPERS:
        WRAPPERS[base](call)
        return
    profile = PROFILES.get(base)
    if profile is None or not (profile.local or _is_installed(call.name)):
        collector.fail(
            f"what `{call.name}` reads and writes is not known: build once with layerc, to have it observed"
        )
        return
    if not profile.simple:
        collector.read_paths((*_SYSTEM_TREES, *_prefixes(call)), tree=True)
    prefix = call.name.rpartition("/bin/")[0]
    if prefix and prefix not in {"/usr", "/usr/local"}:  # of a virtual environment
        call = call._replace(state=call.state.set("VIRTUAL_ENV", prefix))
    run_profile(call, profile)


def _is_installed(name: str) -> bool:
    """Whether it is not a file of the project that happens to have the name."""
    return "/" not in name or name.startswith(_PLACES) or "/bin/" in name


def _prefixes(call: Call) -> list[str]:
    """Where else programs of PATH are installed: ``/venv`` for ``/venv/bin``."""
    directories = [item for item in (call.state.get("PATH") or "").split(":") if item.startswith("/")]
    outside = [item for item in directories if not item.startswith(("/usr/", "/bin", "/sbin"))]
    return [item.rpartition("/bin")[0] or item for item in outside]


_PLACES = ("/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/usr/local/sbin/")
