"""Programs that a script calls: how they are found, what they read of the system, which rule knows them."""

from __future__ import annotations

from .call import Call
from .files import FILE_TOOLS
from .lookup import start_program
from .profiles import PROFILES
from .rules import PACKAGES, run_profile
from .wrappers import WRAPPERS

__all__ = ["run_program"]

#: What a program that is not simple may read of the system: other programs, libraries, settings.
_SYSTEM_TREES = (
    *(path for path in PACKAGES if not path.startswith("/var/")),
    *("/usr/x86_64-linux-gnu", "/usr/aarch64-linux-gnu", "/usr/arm-linux-gnueabihf", "/usr/gnu"),
)
_TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108  # directories in the image


def run_program(call: Call) -> None:
    """What a program reads and writes, the program itself included."""
    collector = call.collector
    start_program(call, call.name)
    base = call.base
    usual = "/" not in call.name or call.name.startswith(_PLACES)
    if usual and base in FILE_TOOLS:
        FILE_TOOLS[base](call)
        return
    if usual and base in WRAPPERS:
        WRAPPERS[base](call)
        return
    profile = PROFILES.get(base)
    if profile is None or not (profile.local or _is_installed(call.name)):
        collector.fail(f"what `{call.name}` reads and writes is not known")
        return
    if not profile.simple:
        collector.read_paths((*_SYSTEM_TREES, *_prefixes(call)), tree=True)
        collector.read_paths(_TEMPORARY)
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
