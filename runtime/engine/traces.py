"""Level 3 of the cache: a step's result counts as long as nothing that it took from its trees has changed.

A trace says what an execution asked of the trees that it saw. Only the paths in which one of today's trees
differs from the recorded one are compared with it, so a look-up costs what the change is worth and not what the
step has read. (Verifying traces, in the words of "Build systems à la carte", Mokhov et al., 2018.)

Why this is sound is argued in docs/caching.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, Protocol

from ...compiler.graph.canonical import sha256_hex
from ...compiler.graph.operations import Operation
from ..errors import StoreError
from ..snapshot.compare import Difference, differences
from ..snapshot.entry import Entry
from ..snapshot.view import StackView
from ..store import Store
from ..store.values import Result
from ..trace.trace import ABSENT, LINKED, LISTED, LOOKED_UP, READ, STATED, Trace
from .keys import operation_key
from .observer import Trees, View

__all__ = [
    "Conflict",
    "SharedTrace",
    "TraceCache",
    "Verdict",
    "change_of",
    "conflicts",
    "recorded",
    "recorded_on",
    "trace_key",
]

_MOST_CANDIDATES = 8
_MOST_CONFLICTS = 4  # one more than is shown, to know whether there are more


class Conflict(NamedTuple):
    """Why a trace does not count: at ``path`` of tree number ``view`` something that was seen has changed."""

    view: int
    path: str
    change: str


class Verdict(NamedTuple):
    """What was found for a step: a result, or what the nearest trace has against today's trees.

    ``nearest`` is what the execution gave that was looked at last, or came nearest, and ``stacks`` are the trees
    that it saw; none where that is not known.
    """

    result: Result | None
    conflicts: tuple[Conflict, ...] = ()
    nearest: Result | None = None
    stacks: tuple[tuple[str, ...], ...] = ()


class SharedTrace(Protocol):
    """A trace of another store, which says itself what was seen in each of ``views`` trees."""

    @property
    def views(self) -> int:
        """How many trees the step saw."""

    def conflicts(self, stacks: Sequence[Sequence[str]]) -> Iterator[Conflict]:
        """What the trees of ``stacks`` have that was seen otherwise."""

    def take(self) -> Result | None:
        """The result, whose layers this store has then; none if they can not be had."""


def _no_others(key: str) -> Iterable[SharedTrace]:  # noqa: ARG001  # the shape is given
    return ()


class TraceCache:
    """Traces of a store, by the key of what a step is apart from its trees. ``others`` gives those of other
    stores by the same key; they count after its own, and are not kept.
    """

    def __init__(self, store: Store, others: Callable[[str], Iterable[SharedTrace]] = _no_others) -> None:
        self._store = store
        self._others = others

    def find(self, operation: Operation, trees: Trees) -> Verdict:
        """Look for an execution that would have seen the same in ``trees``."""
        key = trace_key(operation, trees)
        nearest = Verdict(None)
        for result, data in self._store.traces(key):
            views = recorded(data)
            if views is None or len(views) != len(trees.stacks):
                continue
            try:
                conflicts = tuple(self._conflicts(views, trees.stacks))
            except StoreError:
                continue  # a layer of the recorded trees was collected
            stacks = tuple(view.stack for view in views)
            if not conflicts:
                # From now on it is one of today's trees: there is less to compare, and older ones may be collected.
                self._store.replace_trace(key, data, _moved(data, trees.stacks))
                return Verdict(result, (), result, stacks)
            if not nearest.conflicts or len(conflicts) < len(nearest.conflicts):
                nearest = Verdict(None, conflicts, result, stacks)
        for trace in self._others(key):
            if trace.views != len(trees.stacks):
                continue
            conflicts = tuple(islice(trace.conflicts(trees.stacks), _MOST_CONFLICTS))
            if conflicts:
                nearest = nearest if nearest.conflicts else Verdict(None, conflicts)
            elif (taken := trace.take()) is not None:
                return Verdict(taken)
        return nearest

    def add(self, operation: Operation, trees: Trees, views: Sequence[View], result: Result) -> None:
        """Remember an execution."""
        self._store.add_trace(trace_key(operation, trees), result, _encode(views), _MOST_CANDIDATES)

    def _conflicts(self, views: Sequence[View], stacks: Sequence[Sequence[str]]) -> Iterator[Conflict]:
        found = 0
        for number, (view, stack) in enumerate(zip(views, stacks, strict=True)):
            if tuple(stack) == view.stack:
                continue
            for path, change in conflicts(self._store, view, stack):
                yield Conflict(number, path, change)
                found += 1
                if found == _MOST_CONFLICTS:
                    return


def conflicts(store: Store, view: View, stack: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Paths at which ``stack`` is not what ``view`` saw, and what is different there, in a word or two."""
    events = view.trace.events
    leaders: set[str] = set()
    for difference in differences(store, view.stack, stack):
        leaders |= _linked(difference)
        change = change_of(difference, events.get(difference.path, 0))
        if change:
            yield difference.path, change
            continue
        if _kind(difference.before) != _kind(difference.after):
            parent = difference.path.rpartition("/")[0]
            if difference.path and events.get(parent, 0) & LISTED:
                yield difference.path, _renamed(difference)
    yield from _link_conflicts(store, view, stack, leaders)


def _linked(difference: Difference) -> set[str]:
    """Names of files that have more names, or fewer, because of a difference."""
    before, after = difference.before, difference.after
    names = {entry.link for entry in (before, after) if entry is not None and entry.link}
    return {*names, difference.path} if names else names


def _link_conflicts(
    store: Store, view: View, stack: Sequence[str], leaders: set[str]
) -> Iterator[tuple[str, str]]:
    """Files whose number of names was seen and is another now. Names that upper layers hide count as well: the
    kernel counts them.
    """
    events = view.trace.events
    linked = [path for path, event in events.items() if event & LINKED and event & STATED]
    if not leaders and not linked:
        return
    before, after = StackView(store, view.stack), StackView(store, stack)
    for path in linked:
        if before.names(path) != after.names(path):
            yield path, "number of hard links"
    for path, event in events.items() if leaders else ():
        if event & STATED and not event & LINKED and _first_name(before, path) in leaders:
            yield path, "number of hard links"


def change_of(difference: Difference, event: int) -> str:
    """What of the difference was seen; nothing if none of it was."""
    before, after = difference.before, difference.after
    if before is None:
        return "added" if event & ABSENT else ""
    if after is None:
        return "removed" if event & (LOOKED_UP | STATED | READ | LISTED) else ""
    if not event:
        return ""
    for name in ("kind", "mode", "uid", "gid", "target", "device", "xattrs"):
        if getattr(before, name) != getattr(after, name):
            return {"uid": "owner", "gid": "group", "kind": "type", "target": "link target"}.get(name, name)
    if event & (READ | STATED) and before.digest != after.digest:
        # One who saw the time of a file may have compared it: new content comes with a new time.
        return "content" if event & READ else "size or time"
    return ""


def _kind(entry: Entry | None) -> str:
    return "" if entry is None else entry.kind


def _renamed(difference: Difference) -> str:
    if difference.before is None:
        return "added to a listed directory"
    return "removed from a listed directory" if difference.after is None else "type"


def _first_name(view: StackView, path: str) -> str:
    entry = view.lstat(path)
    return path if entry is None or not entry.link else entry.link


def trace_key(operation: Operation, trees: Trees) -> str:
    """What a step is, apart from what its trees hold."""
    return sha256_hex(json.dumps(["trace", operation_key(operation), trees.sources]))


def _encode(views: Sequence[View]) -> bytes:
    return _joined([view.stack for view in views], [view.trace.to_bytes() for view in views])


def _joined(stacks: Sequence[Sequence[str]], traces: Sequence[bytes]) -> bytes:
    """A line that has the stacks and the lengths of their traces, then the traces."""
    head = [[stack, len(trace)] for stack, trace in zip(stacks, traces, strict=True)]
    return b"\n".join((json.dumps(head, separators=(",", ":")).encode(), b"".join(traces)))


def _parts(data: bytes) -> Iterator[tuple[tuple[str, ...], bytes]]:
    head, _, traces = data.partition(b"\n")
    start = 0
    for stack, length in json.loads(head):
        yield tuple(stack), traces[start : start + length]
        start += length


def _moved(data: bytes, stacks: Sequence[Sequence[str]]) -> bytes:
    """A trace as if it were recorded on ``stacks``: where it has no conflicts with them, it might have been."""
    return _joined(stacks, [trace for _, trace in _parts(data)])


def recorded_on(data: bytes) -> frozenset[str] | None:
    """The layers of the trees that a trace of the store was recorded on; none where it can not be read."""
    try:
        return frozenset(diff_id for stack, _ in _parts(data) for diff_id in stack)
    except (ValueError, TypeError):
        return None


def recorded(data: bytes) -> list[View] | None:
    """The views of a trace of the store; none where they can not be read."""
    try:
        return [View(stack, Trace.from_bytes(trace)) for stack, trace in _parts(data)]
    except (ValueError, TypeError):
        return None
