"""Fixed texts: as a diff, or back into their files."""

from __future__ import annotations

import os
from collections.abc import Iterator

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
    """Put ``after`` into the file ``path``, which holds ``before``; a link stays one, and so does the mode.

    Raises :class:`InputError`, also where the file was changed meanwhile.
    """
    real = os.path.realpath(path)
    temporary = f"{real}.layerc-{os.getpid()}"
    try:
        with open(real, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if file.read() != before:
                raise InputError(f"{path} was changed meanwhile", help="run it again")
        with open(temporary, "xb") as file:
            os.fchmod(file.fileno(), mode & 0o7777)
            file.write(after)
        os.replace(temporary, real)
    except OSError as error:
        raise InputError(f"can not write {path}: {error.strerror}") from error
