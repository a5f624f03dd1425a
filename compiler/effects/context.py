"""Which entries of a build context one source of a COPY or ADD names.

The rules are those of ``runtime/engine/filecopy/resolve.py``, which has contents too; here are only names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from ..globs import compile_glob, has_wildcards, rooted
from ..graph.operations import Add, Copy
from ..optimize.facts import ContextFile
from ..path_patterns import Matched, PatternMatcher

__all__ = ["Selected", "Selection", "selections"]

_MOST_LINKS = 255


class Selected(NamedTuple):
    """``below``: where it lies below the source, empty for the source itself. ``passage``: a directory that is
    there only because something below it was selected.
    """

    below: str
    entry: ContextFile
    passage: bool = False


class Selection(NamedTuple):
    """One source: ``items[0]`` is what it names, ``name`` is what it is called."""

    name: str
    items: tuple[Selected, ...]


class _Tree(NamedTuple):
    entries: Mapping[str, ContextFile]
    names: Mapping[str, Sequence[str]]

    def follow(self, path: str) -> str | None:
        resolved = ""
        todo = [part for part in reversed(path.split("/")) if part]
        links = 0
        while todo:
            part = todo.pop()
            if part in {".", ".."}:
                resolved = resolved if part == "." else resolved.rpartition("/")[0]
                continue
            here = f"{resolved}/{part}" if resolved else part
            entry = self.entries.get(here)
            if entry is None or entry.kind != "symlink":
                resolved = here
                continue
            links += 1
            if links > _MOST_LINKS:
                return None
            if entry.target.startswith("/"):
                resolved = ""
            todo += [step for step in reversed(entry.target.split("/")) if step]
        return resolved


@lru_cache(maxsize=8)
def _tree(files: tuple[ContextFile, ...]) -> _Tree:
    entries = {"": ContextFile("", "directory")}
    for file in files:
        above = file.path.rpartition("/")[0]
        while above not in entries:
            entries[above] = ContextFile(above, "directory")
            above = above.rpartition("/")[0]
        entries[file.path] = file
    names: dict[str, list[str]] = {}
    for path in sorted(entries):
        if path:
            above, _, name = path.rpartition("/")
            names.setdefault(above, []).append(name)
    return _Tree(entries, names)


def selections(operation: Copy | Add, source: str, files: tuple[ContextFile, ...]) -> list[Selection]:
    """What ``source``, a path or pattern, names among ``files``: nothing where the build would say so.

    Raises :class:`PatternError` for a malformed pattern.
    """
    tree = _tree(files)
    exclude = PatternMatcher(operation.exclude) if operation.exclude else None
    if not operation.parents:
        return list(_selections(tree, source, None, exclude))
    top, pivot, pattern = source.partition("/./")
    if not pivot:
        top, pattern = "/", source
    include = PatternMatcher([rooted(pattern)])
    return list(_selections(tree, top, include, exclude))


def _selections(
    tree: _Tree, source: str, include: PatternMatcher | None, exclude: PatternMatcher | None
) -> Iterator[Selection]:
    path = rooted(source)
    for match in _matches(tree, path) if has_wildcards(path) else [path]:
        real = tree.follow(match)
        entry = None if real is None else tree.entries.get(real)
        if real is None or entry is None:
            continue
        items = [Selected("", entry)]
        if entry.kind == "directory":
            _select(tree, real, "", (include, (), exclude, ()), items, [])
        yield Selection(match.rpartition("/")[2] or "/", tuple(items))


def _matches(tree: _Tree, pattern: str) -> list[str]:
    """Paths that match ``pattern``. Links before the first wildcard are followed, later ones are not."""
    parts = pattern.split("/")
    fixed = next(index for index, part in enumerate(parts) if has_wildcards(part))
    base = tree.follow("/".join(parts[:fixed]))
    if base is None or base not in tree.entries:
        return []
    rest = "/".join(parts[fixed:])
    if "[" in rest:  # a class may match a slash, so components can not be taken one by one
        match = compile_glob(rest).fullmatch
        below = f"{base}/" if base else ""
        return _deep_matches(tree, base, below, match)
    found = [base]
    for depth, part in enumerate(parts[fixed:]):
        fits = compile_glob(part).fullmatch
        last = depth == len(parts) - fixed - 1
        found = [
            path
            for directory in found
            for name in tree.names.get(directory, ())
            for path in (f"{directory}/{name}" if directory else name,)
            if fits(name) and (last or tree.entries[path].kind == "directory")
        ]
    return found


def _deep_matches(tree: _Tree, base: str, prefix: str, match: object) -> list[str]:
    found: list[str] = []
    todo = [base]
    while todo:
        directory = todo.pop()
        for name in tree.names.get(directory, ()):
            path = f"{directory}/{name}" if directory else name
            if match(path.removeprefix(prefix)):  # type: ignore[operator]  # a bound Pattern.fullmatch
                found.append(path)
            elif tree.entries[path].kind == "directory":
                todo.append(path)
    return sorted(found)


_Rules = tuple[PatternMatcher | None, Matched, PatternMatcher | None, Matched]


def _select(
    tree: _Tree, real: str, relative: str, rules: _Rules, items: list[Selected], passages: list[Selected]
) -> None:
    include, included, exclude, excluded = rules
    for name in tree.names.get(real, ()):
        below = f"{relative}/{name}" if relative else name
        path = f"{real}/{name}" if real else name
        entry = tree.entries[path]
        take, into = (True, included) if include is None else include.match(below, included)
        skip, out_of = (False, excluded) if exclude is None else exclude.match(below, excluded)
        if entry.kind != "directory" and (skip or not take):
            continue
        item = Selected(below, entry, skip or not take)
        if not item.passage:
            items += [*passages, item]
            passages.clear()
        if entry.kind != "directory":
            continue
        if skip and (exclude is None or not exclude.reaches_into(below)):
            continue
        if take or include is None or include.leads_into(below):
            inner = [*passages, item] if item.passage else passages
            _select(tree, path, below, (include, into, exclude, out_of), items, inner)
            if item.passage and not inner:
                passages.clear()
