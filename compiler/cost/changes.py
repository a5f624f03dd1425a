"""Kinds of change: which files change together, and how often.

They come from the history of the build context; a change counts half as much for every :data:`HALF_LIFE` days by
which the newest one is younger. Without a history the files themselves are taken: nine changes in ten edit one
source file, the tenth what tools install by.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ..optimize.facts import Commit, ContextFile, Facts

__all__ = ["HALF_LIFE", "Change", "changes_of", "group_of", "has_history", "kinds_of"]

HALF_LIFE = 180.0  # days
_DAY = 86400.0
_SOURCES, _MANIFESTS = 0.9, 0.1  # of all changes, where there is no history
_MOST = 400  # files of which one is changed at a time
_NO_SOURCES = frozenset((".git", "node_modules", ".venv", "__pycache__", "Dockerfile", ".dockerignore"))


class Change(NamedTuple):
    """Files of the context that change together; ``moved`` are those that come or go, and directories that do. Its
    share of all changes is ``weight``: the weights of all changes have the sum 1. ``id`` is that of a commit, or
    empty.
    """

    paths: frozenset[str]
    moved: frozenset[str] = frozenset()
    weight: float = 1.0
    id: str = ""


def has_history(facts: Facts) -> bool:
    """Whether it is known what changes together."""
    return bool(facts.commits)


def changes_of(facts: Facts) -> tuple[Change, ...]:
    """One change for each commit, newest first; else what is assumed. None where no file is known."""
    files = facts.contexts.get("", ())
    if facts.commits:
        return tuple(_from_commits(facts.commits, frozenset(file.path for file in files)))
    return tuple(_assumed(files, frozenset(facts.manifests)))


def _from_commits(commits: tuple[Commit, ...], known: frozenset[str]) -> Iterator[Change]:
    newest = max(commit.time for commit in commits)
    weights = [0.5 ** ((newest - commit.time) / _DAY / HALF_LIFE) for commit in commits]
    total = sum(weights)
    for commit, weight in zip(commits, weights, strict=True):
        # A directory that is not there today came or went with its files.
        folders = frozenset(_missing_above(commit.moved, known)) if known else frozenset[str]()
        yield Change(frozenset(commit.paths), commit.moved | folders, weight / total, commit.id)


def _missing_above(paths: Iterable[str], known: frozenset[str]) -> Iterator[str]:
    for path in paths:
        above = path.rpartition("/")[0]
        while above and above not in known:
            yield above
            above = above.rpartition("/")[0]


def _assumed(files: tuple[ContextFile, ...], manifests: frozenset[str]) -> Iterator[Change]:
    sources = [
        file.path
        for file in files
        if file.kind == "file" and file.path not in manifests and _NO_SOURCES.isdisjoint(file.path.split("/"))
    ]
    chosen = sources[:: -(-len(sources) // _MOST) or 1]
    total = _SOURCES * bool(chosen) + _MANIFESTS * bool(manifests)
    for path in chosen:
        yield Change(frozenset((path,)), weight=_SOURCES / total / len(chosen))
    if manifests:
        yield Change(manifests, weight=_MANIFESTS / total)


def kinds_of(
    changes: Sequence[Change], manifests: Iterable[str] = ()
) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Changes (as indexes) by the parts of the context that they touch, the most frequent kind first. What tools
    install by is a part of its own, so is a file at the top; all else is known by its first directory.
    """
    own = frozenset(manifests)
    kinds: dict[tuple[str, ...], list[int]] = {}
    for index, change in enumerate(changes):
        parts = {group_of(path, own) for path in change.paths}
        kinds.setdefault(tuple(sorted(parts)), []).append(index)
    weights = {kind: sum(changes[index].weight for index in found) for kind, found in kinds.items()}
    return {kind: tuple(kinds[kind]) for kind in sorted(kinds, key=lambda kind: (-weights[kind], kind))}


def group_of(path: str, manifests: frozenset[str] = frozenset()) -> str:
    """The part of a context that a path belongs to.

    >>> group_of("src/a/b.c"), group_of("main.c"), group_of("web/package.json", frozenset({"web/package.json"}))
    ('src/', 'main.c', 'web/package.json')
    """
    first, slash, _ = path.partition("/")
    return path if path in manifests or not slash else f"{first}/"
