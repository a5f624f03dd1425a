"""Fixed texts: as a diff, or back into their files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from ..errors import InputError

__all__ = ["unified_diff", "write_back"]


def unified_diff(name: str, before: str, after: str) -> Iterator[str]:
    """Lines of a patch that ``patch`` and ``git apply`` take, each with its line end."""
    from difflib import unified_diff as lines

    old, new = _lines(before), _lines(after)
    for line in lines(old, new, f"a/{name}", f"b/{name}"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(text: str) -> list[str]:
    """Lines end at line feeds alone."""
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def write_back(path: str, before: bytes, after: bytes) -> None:
    """Put ``after`` into the file ``path``, which holds ``before``. A link stays one; mode and, where that is
    allowed, owner are kept.

    Raises :class:`InputError`, also where the file was changed meanwhile.
    """
    real = os.path.realpath(path)
    temporary = f"{real}.layerc-{os.getpid()}"
    try:
        with open(real, "rb") as file:
            old = os.fstat(file.fileno())
            if file.read() != before:
                raise InputError(f"{path} was changed meanwhile", help="run it again")
        with open(temporary, "xb") as file:
            _keep_owner(file.fileno(), old)
            os.fchmod(file.fileno(), old.st_mode & 0o7777)
            file.write(after)
        os.replace(temporary, real)
    except OSError as error:
        with suppress(OSError):
            os.unlink(temporary)
        raise InputError(f"can not write {path}: {error.strerror}") from error


def _keep_owner(descriptor: int, old: os.stat_result) -> None:
    new = os.fstat(descriptor)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        with suppress(PermissionError):
            os.fchown(descriptor, old.st_uid, old.st_gid)
