"""Bootstrap a Debian root file system in the way in which this machine's apt reaches Debian's archives.

Shared by the scripts beside it; only the standard library is used.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

__all__ = ["EPOCH", "LackError", "bootstrap", "unpack"]

EPOCH = 1_700_000_000  # every time stamp that a package did not bring


class LackError(Exception):
    """Something that the user has to know; printed without a traceback."""


def bootstrap(suite: str, target: Path, packages: tuple[str, ...] = (), hook: str = "") -> None:
    """Make a minimal ``suite`` with ``packages``: a tar archive if ``target`` ends in .tar, else a directory.

    ``hook`` is shell code that runs last, with the root directory as $1. Raises :class:`LackError`.
    """
    options = ["--variant=minbase"]
    options += [f"--include={','.join(packages)}"] if packages else []
    options += [f"--customize-hook={hook}"] if hook else []
    _mmdebstrap(options, suite, target, _mirror(suite))


def unpack(suite: str, package: str, architecture: str, target: Path) -> None:
    """The files of one package for ``architecture`` (Debian's name), which need not be this machine's, as a tar
    archive. Nothing of it is run. Raises :class:`LackError`.
    """
    options = ["--variant=extract", f"--architectures={architecture}", f"--include={package}"]
    # The release alone: it is small, and its lists change with point releases only.
    mirror = _mirror(suite) or [f"deb http://deb.debian.org/debian {suite} main"]
    _mmdebstrap(options, suite, target, mirror)


def _mmdebstrap(options: list[str], suite: str, target: Path, mirror: list[str]) -> None:
    if not shutil.which("mmdebstrap"):
        raise LackError("mmdebstrap is missing: run scripts/setup-system as root")
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as settings:
        settings.write(_apt_settings())
        settings.flush()
        command = ["mmdebstrap", f"--aptopt={settings.name}", *options, suite, str(target), *mirror]
        environment = os.environ | {"SOURCE_DATE_EPOCH": str(EPOCH)}
        done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        tail = "\n".join(done.stderr.splitlines()[-15:])
        raise LackError(f"mmdebstrap failed with {done.returncode}; its last words:\n{tail}")


def _apt_settings() -> str:
    """The machine's proxies, time-outs and checks; an old state of the archives is as good as any."""
    wanted = ("Acquire::http", "Acquire::https", "Acquire::Check-", "Acquire::Retries", "Acquire::Max-")
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False).stdout
    kept = [line for line in dump.splitlines() if line.startswith(wanted)]
    ours = ['Acquire::Check-Valid-Until "false";', 'APT::Install-Recommends "false";', ""]
    return "\n".join([*kept, *ours])


def _mirror(suite: str) -> list[str]:
    """This machine's own Debian mirror, where it is not the usual one (else what mmdebstrap takes).

    LAYERC_DEBIAN_MIRROR overrides it.
    """
    site = os.environ.get("LAYERC_DEBIAN_MIRROR", "")
    if not site:
        command = ["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE)", "Origin: Debian"]
        listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split("\n")
        sites = [line.split()[0] for line in listed if len(line.split()) == 2 and "security" not in line]
        site = sites[0] if sites else ""
    return [] if not site or "//deb.debian.org/" in f"{site}/" else [f"deb {site} {suite} main"]
