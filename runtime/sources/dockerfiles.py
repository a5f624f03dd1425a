"""Dockerfiles and layer definitions in trees of files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from ..errors import InputError

__all__ = ["find_files", "is_compose_name", "is_dockerfile_name"]

_PLAIN = ("dockerfile", "containerfile")
_DEFINITIONS = ("layers.toml", "layers.json")
_COMPOSE = re.compile(r"(?:docker-)?compose(?:\.[\w.-]+)?\.ya?ml")
#: Directories that hold what others made: never the fleet's own files.
_SKIPPED = frozenset(
    (
        *(".git", ".hg", ".svn", ".jj", "node_modules", "bower_components", "site-packages"),
        *(".venv", "venv", "__pycache__", ".tox", ".nox", ".cache", ".terraform", ".gradle", ".direnv"),
    )
)


def is_dockerfile_name(name: str) -> bool:
    """Whether a file of this name is one: ``Dockerfile``, ``Containerfile``, ``api.Dockerfile``,
    ``Dockerfile.api``, ``layers.toml``, ``api.layers.json``.

    >>> [is_dockerfile_name(name) for name in ("x.Containerfile", "Dockerfile.dockerignore", "a.toml")]
    [True, False, False]
    """
    lower = name.lower()
    if lower.endswith(".dockerignore"):
        return False
    first, last = lower.partition(".")[0], lower.rpartition(".")[2]
    return (
        first in _PLAIN
        or last in _PLAIN
        or lower in _DEFINITIONS
        or lower.endswith(tuple(map(".{}".format, _DEFINITIONS)))
    )


def is_compose_name(name: str) -> bool:
    """Whether a file of this name is one of compose."""
    return _COMPOSE.fullmatch(name) is not None


def find_files(root: str) -> Iterator[str]:
    """Paths of Dockerfiles and compose files below the directory ``root``, in order, links not followed. Raises
    :class:`InputError`.
    """
    if not os.path.isdir(root):
        raise InputError(f"there is no directory {root!r}", help="name directories that hold Dockerfiles")
    for directory, folders, files in os.walk(root):
        folders[:] = sorted(folder for folder in folders if folder not in _SKIPPED)
        for name in sorted(files):
            path = os.path.join(directory, name)
            if (
                (is_dockerfile_name(name) or is_compose_name(name))
                and os.path.isfile(path)
                and not os.path.islink(path)
            ):
                yield path
