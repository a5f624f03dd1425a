"""The OCI runtime of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass

from ..errors import EnvironmentLackError

__all__ = ["INSTALL_HINT", "OciRuntime", "find_runtime"]

_CANDIDATES = ("crun", "runc")
_PLACES = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
INSTALL_HINT = (
    "install crun: 'apt-get install crun' (Debian, Ubuntu), 'dnf install crun' (Fedora), "
    "'apk add crun' (Alpine); or set LAYERC_RUNTIME to the path of an OCI runtime"
)


@dataclass(frozen=True, slots=True)
class OciRuntime:
    """A program with the command line of runc. ``kind`` is crun, runc or other."""

    path: str
    kind: str

    def run_command(self, state: str, bundle: str, log: str, container: str) -> list[str]:
        """Arguments that run a bundle and wait for its end."""
        # The last words of crun, when a program can not be executed, reach the step's own output in this form.
        form = "text" if self.kind == "crun" else "json"
        options = [f"--root={state}", f"--log={log}", f"--log-format={form}"]
        if self.kind == "crun":
            # No cgroups: they would cost as much as all the rest, and a step has no limits.
            options.append("--cgroup-manager=disabled")
        return [self.path, *options, "run", f"--bundle={bundle}", container]

    def forget(self, state: str, container: str) -> None:
        """Remove what is left of a container whose runtime was killed."""
        if os.path.isdir(os.path.join(state, container)):
            command = [self.path, f"--root={state}", "delete", "--force", container]
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)

    def version(self) -> str:
        """The first line of ``--version``, without the program's name. Raises ``OSError``."""
        done = subprocess.run([self.path, "--version"], capture_output=True, check=False, text=True)
        first = (done.stdout.splitlines() or [""])[0]
        return first.split("version")[-1].strip()


def find_runtime() -> OciRuntime:
    """``$LAYERC_RUNTIME`` (a name or a path), else crun, else runc. Raises :class:`EnvironmentLackError`."""
    wanted = os.environ.get("LAYERC_RUNTIME")
    for name in (wanted,) if wanted else _CANDIDATES:
        path = shutil.which(name, path=_search_path())
        if path is not None:
            return OciRuntime(path, _kind(path))
    if wanted:
        raise EnvironmentLackError(f"LAYERC_RUNTIME: there is no program {wanted!r}", help=INSTALL_HINT)
    raise EnvironmentLackError(
        "there is no OCI runtime on this machine, which RUN needs (crun or runc)", help=INSTALL_HINT
    )


def _search_path() -> str:
    """Users who are not root often lack the sbin directories, where runc lies."""
    own = [place for place in os.environ.get("PATH", "").split(os.pathsep) if place]
    return os.pathsep.join([*own, *(place for place in _PLACES if place not in own)])


def _kind(path: str) -> str:
    name = os.path.basename(os.path.realpath(path))
    return next((kind for kind in _CANDIDATES if kind in name), "other")
