"""From a COPY or ADD and the trees that it reads to a :class:`CopyPlan`: wildcards, links, ``--parents``,
``--exclude``, and good words for what is missing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ....compiler.globs import PatternError, compile_glob, has_wildcards, rooted
from ....compiler.graph.operations import (
    Add,
    ContextPath,
    Copy,
    GitTree,
    HttpFile,
    InlineFile,
    SourceItem,
)
from ....compiler.path_patterns import Matched, PatternMatcher
from ...errors import InputError, SourceError
from ...sources.context import ContextTree
from ...sources.tree import MemoryTree, SourceTree, TooManyLinksError, follow, join
from .modes import Mode, parse_mode
from .plan import CopyAction, CopyPlan, Item

__all__ = ["resolve_copy"]

_NOTHING = MemoryTree({})


def resolve_copy(
    operation: Copy | Add,
    tree: SourceTree | None,
    *,
    title: str = "the build context",
    fetched: Mapping[SourceItem, SourceTree] | None = None,
    now_ns: int | None = None,
) -> CopyPlan:
    """What ``operation`` copies from ``tree`` (none: the empty tree), which ``title`` names in messages.

    ``fetched`` holds a tree for each of the operation's URLs (one file at the top) and git remotes. Files
    written in the Dockerfile get the modification time ``now_ns`` (the clock's if none). Raises
    :class:`SourceError` for a source that is not there, :class:`InputError` for a malformed flag.
    """
    resolver = _Resolver(operation, _NOTHING if tree is None else tree, title)
    actions: list[CopyAction] = []
    inline: list[CopyAction] = []
    unmatched: list[str] = []
    for source in operation.sources:
        if isinstance(source, ContextPath):
            found = list(resolver.context_path(source.path))
            if not found:
                unmatched.append(source.path)
            actions += found
        elif isinstance(source, InlineFile):
            inline.append(_inline(source, time.time_ns() if now_ns is None else now_ns))
        else:
            actions.append(resolver.fetched(source, (fetched or {})[source]))
    # Files that are in the Dockerfile come last, wherever they are named, as in BuildKit.
    mode = _mode(operation.chmod)
    return CopyPlan((*actions, *inline), operation.dest, operation.chown, mode, tuple(unmatched))


def _mode(chmod: str) -> Mode | None:
    try:
        return parse_mode(chmod) if chmod else None
    except ValueError as error:
        raise InputError(str(error)) from error


def _inline(source: InlineFile, now_ns: int) -> CopyAction:
    name = rooted(source.name)
    if not name or "/" in name:
        raise InputError(f"{source.name!r} can not be the name of a file", help="a name without slashes")
    tree = MemoryTree({name: source.content.encode("utf-8", "surrogateescape")}, mode=0o644, mtime_ns=now_ns)
    entry = tree.lstat(name)
    assert entry is not None  # it was put there
    return CopyAction(tree, name, (Item("", entry),))


class _Selection(NamedTuple):
    """Patterns of ``--parents`` and ``--exclude``, relative to the directory that is copied."""

    include: PatternMatcher | None
    exclude: PatternMatcher | None


class _Resolver:
    def __init__(self, operation: Copy | Add, tree: SourceTree, title: str) -> None:
        self._operation = operation
        self._tree = tree
        self._title = title
        self._unpack = operation.unpack if isinstance(operation, Add) else False
        self._exclude = _matcher(operation.exclude, "--exclude") if operation.exclude else None

    def context_path(self, source: str) -> Iterator[CopyAction]:
        """The actions for one path or pattern."""
        if not self._operation.parents:
            yield from self._actions(source, _Selection(None, self._exclude))
            return
        top, pivot, pattern = source.partition("/./")
        if not pivot:
            top, pattern = "/", source
        pattern = rooted(pattern)
        if not pattern:
            raise SourceError(
                f"--parents: {source!r} names no path whose parents could be kept",
                help="name what is to be copied, such as ./*/package.json",
            )
        selection = _Selection(_matcher([pattern], "source path"), self._exclude)
        actions = list(self._actions(top, selection))
        if not has_wildcards(top) and not has_wildcards(pattern):
            wanted = any(item.path.startswith(pattern) for action in actions for item in action.items)
            if not wanted:
                raise self._missing(rooted(f"{top}/{pattern}"))
        yield from actions

    def fetched(self, source: HttpFile | GitTree, tree: SourceTree) -> CopyAction:
        """The action for a downloaded file or a git checkout. A file is unpacked only if asked for."""
        root = tree.listdir("")[0] if isinstance(source, HttpFile) else ""
        items = _select(tree, root, _Selection(None, self._exclude))
        return CopyAction(tree, root or "/", items, unpack=bool(root and self._unpack))

    def _actions(self, source: str, selection: _Selection) -> Iterator[CopyAction]:
        unpack = self._unpack is not False
        path = rooted(source)
        matches = self._matches(path) if has_wildcards(path) else [path]
        for match in matches:
            real = self._follow(match)
            entry = self._tree.lstat(real)
            if entry is None:
                raise self._missing(match)
            name = match.rpartition("/")[2] or "/"
            items = _select(self._tree, real, selection)
            yield CopyAction(self._tree, name, items, True, unpack and entry.kind == "file")

    def _matches(self, pattern: str) -> list[str]:
        """Paths that match ``pattern``. Links before the first wildcard are followed, later ones are not."""
        parts = pattern.split("/")
        fixed = next(index for index, part in enumerate(parts) if has_wildcards(part))
        base = self._follow("/".join(parts[:fixed]))
        rest = "/".join(parts[fixed:])
        try:
            compile_glob(rest)
            steps = [rest] if "[" in rest else parts[fixed:]
            glob = [compile_glob(step).fullmatch for step in steps]
        except PatternError as error:
            raise InputError(f"source path {pattern!r}: {error}") from error
        entry = self._tree.lstat(base)
        if entry is None:
            raise self._missing("/".join(parts[:fixed]))
        if entry.kind != "directory":
            return []
        if "[" in rest:  # a class may match a slash, so components can not be taken one by one
            return list(self._deep_matches(base, "", glob[0]))
        found = [base]
        for depth, match in enumerate(glob):
            last = depth == len(glob) - 1
            found = [
                join(directory, name)
                for directory in found
                for name in self._tree.listdir(directory)
                if match(name) and (last or self._is_directory(join(directory, name)))
            ]
        return found

    def _deep_matches(self, base: str, below: str, match: object) -> Iterator[str]:
        for name in self._tree.listdir(join(base, below) if below else base):
            path = join(below, name)
            if match(path):  # type: ignore[operator]  # a bound Pattern.fullmatch
                yield join(base, path)
            elif self._is_directory(join(base, path)):
                yield from self._deep_matches(base, path, match)

    def _is_directory(self, path: str) -> bool:
        entry = self._tree.lstat(path)
        return entry is not None and entry.kind == "directory"

    def _follow(self, path: str) -> str:
        try:
            return follow(self._tree, path)
        except TooManyLinksError as error:
            raise SourceError(f"/{path} in {self._title}: its links lead in a circle") from error

    # --- words for what is missing -------------------------------------------------------------------

    def _missing(self, path: str) -> SourceError:
        real = self._follow(path)
        shown = f"/{path}" if real == path else f"/{path} (a link to /{real})"
        return SourceError(f"{shown} was not found in {self._title}", help=self._advice(real) or None)

    def _advice(self, path: str) -> str:
        if isinstance(self._tree, ContextTree):
            reason = self._tree.explain_missing(path)
            if reason:
                return reason
        from difflib import get_close_matches  # only needed to word an error

        directory = ""
        parts = path.split("/")
        for index, part in enumerate(parts):
            if not self._is_directory(directory):
                return f"/{directory} is not a directory"
            names = self._tree.listdir(directory)
            if part in names:
                directory = join(directory, part)
                continue
            folded = {name.casefold(): name for name in names}
            close = get_close_matches(part.casefold(), folded, 1)
            if close:
                rest = parts[index + 1 :]
                return f"did you mean /{'/'.join([*parts[:index], folded[close[0]], *rest])}?"
            if not names:
                return f"/{directory} is empty" if directory else f"{self._title} is empty"
            return ""
        return ""


def _matcher(patterns: tuple[str, ...] | list[str], what: str) -> PatternMatcher:
    try:
        return PatternMatcher(patterns)
    except PatternError as error:
        raise InputError(f"{what}: {error}") from error


def _select(tree: SourceTree, root: str, selection: _Selection) -> tuple[Item, ...]:
    """The entry at ``root`` and what is selected below it: directories before what is in them."""
    entry = tree.lstat(root)
    assert entry is not None  # the callers have looked
    items = [Item("", entry)]
    if entry.kind == "directory":
        if selection.include is None and selection.exclude is None:
            _take_all(tree, root, items)
        else:
            _Selector(tree, selection, items).visit(root, "", (), (), [])
    return tuple(items)


def _take_all(tree: SourceTree, root: str, items: list[Item]) -> None:
    todo = [("", root, iter(tree.listdir(root)))]
    while todo:
        relative, real, names = todo[-1]
        for name in names:
            path = f"{real}/{name}" if real else name
            entry = tree.lstat(path)
            if entry is None:
                continue
            below = f"{relative}/{name}" if relative else name
            items.append(Item(below, entry))
            if entry.kind == "directory":
                todo.append((below, path, iter(tree.listdir(path))))
                break
        else:
            todo.pop()


class _Selector:
    """Walks a directory with patterns to include and to exclude."""

    def __init__(self, tree: SourceTree, selection: _Selection, items: list[Item]) -> None:
        self._tree = tree
        self._include = selection.include
        self._exclude = selection.exclude
        self._items = items

    def visit(
        self, real: str, relative: str, included: Matched, excluded: Matched, passages: list[Item]
    ) -> None:
        """Take what is selected in directory ``real``. ``passages`` are the directories on the way to it
        that have not been taken yet.
        """
        for name in self._tree.listdir(real):
            below = join(relative, name)
            take, into, skip, out_of = True, included, False, excluded
            if self._include is not None:
                take, into = self._include.match(below, included)
            if self._exclude is not None:
                skip, out_of = self._exclude.match(below, excluded)
            entry = self._tree.lstat(join(real, name))
            if entry is None or (entry.kind != "directory" and (skip or not take)):
                continue
            item = Item(below, entry, skip or not take)
            if not item.passage:
                self._items += [*passages, item]
                passages.clear()
            if entry.kind == "directory" and self._may_select_below(below, take, skip):
                inner = [*passages, item] if item.passage else passages
                self.visit(join(real, name), below, into, out_of, inner)
                if item.passage and not inner:
                    passages.clear()

    def _may_select_below(self, directory: str, take: bool, skip: bool) -> bool:
        if skip and (self._exclude is None or not self._exclude.reaches_into(directory)):
            return False
        return take or self._include is None or self._include.leads_into(directory)
