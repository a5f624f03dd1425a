"""``.dockerignore`` files. The rules are those of moby/patternmatcher and of Docker's reference."""

from __future__ import annotations

import os
from collections.abc import Callable

from ...compiler.globs import clean
from ...compiler.path_patterns import WHITE, PatternError, PatternMatcher
from ...grammar.source import Location
from ..errors import SourceError

__all__ = ["excluded_paths", "load_ignore_file", "parse_ignore"]

NAME = ".dockerignore"
MAX_SIZE = 10 << 20
_ROOT = (".", "/")
_TAKE_ALL = ("*", "**", "**/*")
_BOM = b"\xef\xbb\xbf"


def parse_ignore(data: bytes) -> tuple[str, ...]:
    r"""The patterns of an ignore file, cleaned.

    >>> parse_ignore(b"# comment\n/a/../b/ \n! /c\n")
    ('b', '!c')
    """
    patterns: list[str] = []
    for line in data.removeprefix(_BOM).split(b"\n"):
        text = line.removesuffix(b"\r").decode("utf-8", "surrogateescape")
        if text.startswith("#"):
            continue
        text = text.strip(WHITE)
        if not text:
            continue
        mark = "!" if text.startswith("!") else ""
        text = text.removeprefix(mark).strip(WHITE) if mark else text
        if text:
            text = clean(text)
            text = text[1:] if len(text) > 1 and text.startswith("/") else text
        patterns.append(mark + text)
    return tuple(patterns)


def load_ignore_file(context: str, dockerfile: str | None = None) -> PatternMatcher:
    """What is ignored in directory ``context``: as told by ``<dockerfile>.dockerignore`` if that is there,
    else by the context's ``.dockerignore``. Raises :class:`SourceError`.
    """
    if dockerfile is not None:
        path = f"{dockerfile}{NAME}"
        if os.path.isfile(path):
            return _load(path)
    path = os.path.join(context, NAME)
    root = os.path.realpath(context)
    real = os.path.realpath(path)
    if not os.path.isfile(real):
        return PatternMatcher(())
    if os.path.commonpath([root, real]) != root:
        raise SourceError(f"{path} is a link that leads out of the build context")
    return _load(path)


def _load(path: str) -> PatternMatcher:
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise SourceError(f"can not read {path}: {error.strerror}") from error
    if len(data) > MAX_SIZE:
        raise SourceError(f"{path} is larger than {MAX_SIZE >> 20} MiB")
    try:
        return PatternMatcher(parse_ignore(data))
    except PatternError as error:
        raise SourceError(
            str(error),
            where=_place(path, data),
            help="a backslash takes the meaning from * ? [ and \\",
        ) from error


def _place(path: str, data: bytes) -> Location | None:
    """The line whose pattern is none."""
    for number, line in enumerate(data.split(b"\n"), 1):
        try:
            PatternMatcher(parse_ignore(line))
        except PatternError:
            text = line.removesuffix(b"\r").decode("utf-8", "surrogateescape")
            return Location(os.path.normpath(path), number, 1, len(text) + 1, text)
    return None


def excluded_paths(matcher: PatternMatcher) -> Callable[[str], bool] | None:
    """Whether a path that COPY names is surely excluded, for the build check of that; none if nothing can be.

    As in BuildKit: where something is taken back with ``!`` nobody can tell, and the context's root is excluded
    only by a pattern that takes all.
    """
    if not matcher or matcher.has_exclusions:
        return None
    takes_all = any(pattern.text in _TAKE_ALL for pattern in matcher.patterns)
    return lambda path: (path not in _ROOT or takes_all) and matcher.matches(path)
