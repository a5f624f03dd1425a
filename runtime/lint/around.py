"""What surrounds a Dockerfile on disk: ``.dockerignore`` and the files of its build context."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

from ...compiler.lint.settings import Settings
from ...compiler.lint.subject import Surroundings
from ..sources.ignore import excluded_paths, load_ignore_file

__all__ = ["Around", "around"]


class Around(NamedTuple):
    """``key`` tells all that was looked at: equal keys, equal surroundings."""

    key: str
    make: Callable[[Settings], Surroundings]


def around(path: str | None, context: str | None) -> Around:
    """What surrounds the file ``path`` (none: a text) whose build context is the directory ``context`` (none: the
    file's own, if it has one). Raises ``SourceError`` for a ``.dockerignore`` that can not be read.
    """
    directory = context if context is not None else None if path is None else os.path.dirname(path) or "."
    if directory is None:
        return Around("", lambda settings: Surroundings(settings=settings))
    matcher = load_ignore_file(directory, path)
    patterns = tuple(str(pattern) for pattern in _patterns(directory, path))
    ignored = excluded_paths(matcher) if patterns else None
    return Around("\n".join(patterns), lambda settings: Surroundings(settings=settings, ignored=ignored))


def _patterns(directory: str, path: str | None) -> tuple[bytes, ...]:
    for name in ([f"{path}.dockerignore"] if path is not None else []) + [
        os.path.join(directory, ".dockerignore")
    ]:
        if os.path.isfile(name):
            with open(name, "rb") as file:
                return (file.read(),)
    return ()
