"""The tracer is a small C program. It is compiled once for each store, by whatever C compiler there is."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

from ..errors import EnvironmentLackError
from ..store import Store

__all__ = ["tracer_program"]

_SOURCE = Path(__file__).with_name("server.c")
_FLAGS = ("-std=gnu11", "-O2", "-Wall")
_COMPILERS = ("cc", "gcc", "clang")
_COMPILE_SECONDS = 60
_TOUCHED = 24 * 3600.0


@functools.lru_cache(maxsize=8)
def tracer_program(store: Store) -> str:
    """Path of the program. Raises :class:`EnvironmentLackError` where it can not be made."""
    source = _SOURCE.read_bytes()
    machine = f"{os.uname().machine} {' '.join(_FLAGS)}".encode()
    name = hashlib.sha256(machine + b"\0" + source).hexdigest()[:16]
    path = os.path.join(store.root, "tools", f"layerc-tracer-{name}")
    if not os.access(path, os.X_OK):
        _compile(store, path)
    elif time.time() - os.stat(path).st_mtime > _TOUCHED:
        os.utime(path)  # what is not used for long is collected
    return path


def _compile(store: Store, path: str) -> None:
    compiler = next(filter(None, map(shutil.which, (os.environ.get("CC", ""), *_COMPILERS))), None)
    if compiler is None:
        raise EnvironmentLackError(
            "there is no C compiler", help="install gcc or clang, with the headers of libc"
        )
    made = store.temporary("tracer")
    command = [compiler, *_FLAGS, "-o", made, str(_SOURCE)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_COMPILE_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        output = getattr(error, "stderr", "") or str(error)
        lines = output.strip().splitlines()
        raise EnvironmentLackError(
            f"{compiler} can not compile the tracer: {lines[0] if lines else error}",
            help="install the headers of libc and of the kernel (Debian: libc6-dev)",
        ) from error
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.rename(made, path)
