"""Shows trees to a step, and observes what it takes from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from ..snapshot.mount import mount, mount_over
from ..snapshot.view import StackView
from ..store import Draft, Store
from ..trace.mirror import Mirror, mirrored
from ..trace.trace import ABSENT, LOOKED_UP, READ, STATED, Trace

__all__ = ["BrokenViewError", "Observer", "Trees", "View"]


class BrokenViewError(Exception):
    """What a step saw of a tree may have been wrong."""


class View(NamedTuple):
    """One tree that a step saw (diff IDs, bottom to top), and what it asked of it."""

    stack: tuple[str, ...]
    trace: Trace


class Trees(NamedTuple):
    """What a step will see: trees (diff IDs, bottom to top), and what identifies the rest of it."""

    stacks: tuple[tuple[str, ...], ...]
    sources: tuple[str, ...]


class Observer:
    """Mounts the trees of one step. With ``observes`` false it only mounts."""

    def __init__(self, store: Store, *, observes: bool) -> None:
        self._store = store
        self._observes = observes
        self._mirrors: list[tuple[tuple[str, ...], Mirror]] = []
        self._reads: tuple[str, ...] = ()
        self._written: tuple[str, ...] = ()

    @contextmanager
    def mount(self, stack: Sequence[str], draft: Draft | None = None) -> Iterator[str]:
        """As :func:`..snapshot.mount.mount`."""
        if not self._observes:
            with mount(self._store, stack, draft) as root:
                yield root
            return
        view = StackView(self._store, stack)
        with ExitStack() as held:
            tree = held.enter_context(mount(self._store, stack))
            mirror = held.enter_context(mirrored(self._store, tree, xattrs=view.has_xattrs))
            self._mirrors.append((view.stack, mirror))
            if draft is None:
                yield mirror.path
            else:
                yield held.enter_context(mount_over(self._store, mirror.path, view, draft))

    def views(self) -> tuple[View, ...] | None:
        """What was observed, tree by tree in the order of their mounting; none if anything may be missing.

        To be asked when nothing is mounted any more.
        """
        views = [View(stack, mirror.trace) for stack, mirror in self._mirrors if mirror.trace is not None]
        if not self._observes or len(views) < len(self._mirrors):
            return None
        events = dict.fromkeys(self._written, LOOKED_UP | STATED | READ)
        if self._reads:
            read = _reads(StackView(self._store, views[0].stack), self._reads)
            if read is None:
                return None
            events.update(read)
        if events:
            views[0] = View(views[0].stack, views[0].trace.joined(events))
        return tuple(views)

    def add_reads(self, *paths: str) -> None:
        """Note files that were read from the first tree's index instead of its mount."""
        self._reads = paths

    def add_written(self, paths: Sequence[str]) -> None:
        """Note files that the step wrote with the content that the first tree has there."""
        self._written = tuple(paths)

    def check(self) -> None:
        """Raise :class:`BrokenViewError` where what the step saw may have been wrong."""
        if self.broken:
            raise BrokenViewError(self.complaint)

    @property
    def broken(self) -> bool:
        """Whether what the step saw may have been wrong."""
        return any(mirror.broken for _, mirror in self._mirrors)

    @property
    def complaint(self) -> str:
        """Why there are no views."""
        return next((mirror.complaint for _, mirror in self._mirrors if mirror.trace is None), "")


def _reads(view: StackView, paths: Sequence[str]) -> dict[str, int] | None:
    """Events of one who reads ``paths``; none where links lead elsewhere."""
    events: dict[str, int] = {}
    for path in paths:
        names = path.split("/")
        for end in range(1, len(names) + 1):
            here = "/".join(names[:end])
            entry = view.lstat(here)
            if entry is None:
                events[here] = ABSENT
                break
            if entry.kind == "symlink":
                return None
            events[here] = LOOKED_UP | (0 if entry.is_directory else STATED | READ)
    return events
