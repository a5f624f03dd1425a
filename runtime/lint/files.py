"""Which files are meant: those that are named, and in directories those that are called as Dockerfiles are."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from ...grammar.source import SourceFile
from ..errors import InputError
from .config import Configs

__all__ = ["STANDARD_INPUT", "find_files", "is_dockerfile", "read_file"]

STANDARD_INPUT = "-"
# Bytes of one file. More is not a Dockerfile but a device without end, or a mistake.
_LARGEST = 16 << 20
_NAME = re.compile(r"(?:.+\.)?(?:dockerfile|containerfile)|(?:dockerfile|containerfile)[.-].+", re.IGNORECASE)
_NO_NAME = (".dockerignore", ".containerignore", ".md", ".swp", ".orig", ".rej", "~")
#: Directories that hold what others wrote.
_SKIPPED = frozenset((".git", ".hg", ".svn", "node_modules", ".venv", "__pycache__", ".tox", ".terraform"))


def is_dockerfile(name: str) -> bool:
    """Whether a file of this name is one.

    >>> [is_dockerfile(name) for name in ("Dockerfile", "api.Dockerfile", "Dockerfile.dev", "Dockerfile.md")]
    [True, True, True, False]
    """
    return _NAME.fullmatch(name) is not None and not name.endswith(_NO_NAME)


def find_files(names: Sequence[str], configs: Configs) -> tuple[str, ...]:
    """The files that ``names`` mean, each once: files as they are, of directories all Dockerfiles in and below them
    but for those that a config excludes, in the order of their names. Links to directories are not followed.

    Raises :class:`InputError` for what is not there.
    """
    found: dict[str, None] = {}
    for name in names:
        if name == STANDARD_INPUT or not os.path.isdir(name):
            if name != STANDARD_INPUT and not os.path.lexists(name):
                raise InputError(f"there is no file {name!r}")
            found[name] = None
        else:
            found.update(dict.fromkeys(_walk(name, configs)))
    return tuple(found)


def _walk(top: str, configs: Configs) -> Iterator[str]:
    for root, directories, files in os.walk(top):
        directories[:] = sorted(name for name in directories if name not in _SKIPPED)
        for name in sorted(files):
            path = os.path.join(root, name)
            path = path.removeprefix("./") if top == "." else path
            if is_dockerfile(name) and os.path.isfile(path) and not _is_excluded(path, configs):
                yield path


def _is_excluded(path: str, configs: Configs) -> bool:
    config = configs.of(path)
    if not config.exclude:
        return False
    inside = os.path.relpath(os.path.abspath(path), config.root).replace(os.sep, "/")
    parents = [inside]
    while "/" in parents[-1]:
        parents.append(parents[-1].rpartition("/")[0])
    return any(fnmatchcase(part, pattern.rstrip("/")) for pattern in config.exclude for part in parents)


def read_file(name: str, shown: str = "") -> SourceFile:
    """The text of a file, or of standard input for ``-``. Raises :class:`InputError`."""
    import sys

    shown = shown or ("<stdin>" if name == STANDARD_INPUT else name)
    try:
        if name == STANDARD_INPUT:
            data = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with open(name, "rb") as file:
                data = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a name that holds a NUL
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"can not read {shown}: {reason}") from error
    if len(data) > _LARGEST:
        raise InputError(f"{shown} is larger than {_LARGEST >> 20} MiB", help="that is no Dockerfile")
    return SourceFile.from_bytes(shown, data)
