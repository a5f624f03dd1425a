"""Finds out why a step was found or has to run, and notes what the next build needs to find it out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from ...compiler.graph.layer import ImageLayer
from ...compiler.graph.operations import Add, Base, Copy, FromContext, FromLayer, Run
from ..decisions import Cause, Change, Decision, Earlier
from ..errors import StoreError
from ..snapshot.compare import Difference, differences
from ..snapshot.entry import Entry
from ..snapshot.view import StackView
from ..store.store import Store
from . import manifest
from .aspects import aspects, difference, why_read
from .filecopy.plan import CopyPlan
from .history import History
from .keys import operation_key
from .traces import Conflict, Verdict

__all__ = ["Basis", "Reasons", "last_run", "step_name_of", "trace_of"]

_SHOWN = 3  # deciding paths
_STEP, _FILES, _ASPECTS, _NAME = "step", "step files", "step aspects", "step name"


class Basis(NamedTuple):
    """What a step is made from: contents of the tree below and of what it takes from stages, digests of what
    comes from outside, and what it copies.
    """

    below: str
    read: tuple[str, ...]
    sources: tuple[str, ...]
    plan: CopyPlan | None = None


class _Run(NamedTuple):
    """How a step ran the last time."""

    below: str
    read: list[str]
    sources: list[str]
    when: float
    seconds: float
    trace: str = ""
    untraced: str = ""


class Reasons:
    """The decisions of one build. ``fresh`` says of layers that must be made again which option asks for it."""

    def __init__(self, store: Store, history: History, fresh: Mapping[str, str]) -> None:
        self._store = store
        self._history = history
        self._fresh = fresh
        self._files: dict[str, list[str]] = {}

    # --- steps that were found ------------------------------------------------------------------------

    def unread(self, verdict: Verdict, stacks: Sequence[Sequence[str]]) -> Decision:
        """A step was found by its trace, although its trees changed: these are the first changes."""
        found: list[Difference] = []
        for before, after in zip(verdict.stacks, stacks, strict=False):
            try:
                found += islice(differences(self._store, before, after), _SHOWN + 1 - len(found))
            except StoreError:
                break
        changes = tuple(map(_change_of, found[:_SHOWN]))
        return Decision("trace", "unread", changes=changes, more=len(found) > _SHOWN)

    # --- steps that run -------------------------------------------------------------------------------

    def miss(
        self, layer: ImageLayer, basis: Basis, verdict: Verdict, stacks: Sequence[Sequence[str]]
    ) -> Decision:
        """Why a step has to run. ``stacks`` are the trees that it will see, as far as they are known."""
        if isinstance(layer.operation, Base):
            return Decision(None, "base")
        before = self._last(layer)
        earlier = None if before is None else Earlier(before.when, before.seconds)
        if layer.id in self._fresh:
            return Decision(None, "no-cache", self._fresh[layer.id], earlier=earlier)
        if verdict.conflicts:
            decision = self._by_trace(layer, verdict, stacks)
            return decision if decision.earlier else decision._replace(earlier=earlier)
        if before is None:
            return self._unknown(layer)
        return self._by_inputs(layer, before, basis, stacks)._replace(earlier=earlier)

    def _by_trace(self, layer: ImageLayer, verdict: Verdict, stacks: Sequence[Sequence[str]]) -> Decision:
        changes = tuple(self._conflict(conflict, verdict, stacks) for conflict in verdict.conflicts[:_SHOWN])
        first = verdict.conflicts[0].view
        cause: Cause = "parent" if first == 0 else "stage"
        nearest = verdict.nearest
        return Decision(
            None,
            cause,
            "" if first == 0 else _mounted(layer, first),
            changes,
            len(verdict.conflicts) > _SHOWN,
            None if nearest is None else Earlier(nearest.created, nearest.seconds),
        )

    def _conflict(self, conflict: Conflict, verdict: Verdict, stacks: Sequence[Sequence[str]]) -> Change:
        path = f"/{conflict.path}"
        if conflict.view >= min(len(verdict.stacks), len(stacks)):
            return Change(path, conflict.change)
        try:
            old, new = (
                StackView(self._store, tree[conflict.view]).lstat(conflict.path)
                for tree in (verdict.stacks, stacks)
            )
        except StoreError:
            return Change(path, conflict.change)
        return Change(path, conflict.change, _value(old, conflict.change), _value(new, conflict.change))

    def _by_inputs(
        self, layer: ImageLayer, before: _Run, basis: Basis, stacks: Sequence[Sequence[str]]
    ) -> Decision:
        if tuple(before.sources) != basis.sources:
            return self._copied(Decision(None, "context", _context(layer)), layer, basis)
        if tuple(before.read) != basis.read:
            return self._copied(Decision(None, "stage", self._stage(layer)), layer, basis)
        if before.below != basis.below:
            return self._below(layer, before, stacks)
        return Decision(None, "collected")

    def _copied(self, decision: Decision, layer: ImageLayer, basis: Basis) -> Decision:
        """The decision with the files of a COPY that are not what they were."""
        data = None if basis.plan is None else self._store.record(_FILES, _key(layer))
        before = None if data is None else manifest.load(data)
        if before is None or basis.plan is None:
            return decision
        after = self._files[layer.id] = manifest.lines(basis.plan)
        found = list(islice(manifest.changes(before, after), _SHOWN + 1))
        if decision.cause == "stage":
            found = [change._replace(path=f"/{change.path}") for change in found]
        return _first(decision, found)

    def _stage(self, layer: ImageLayer) -> str:
        names = {self._history.stage_of(item) for item in layer.inputs}
        only = names.pop() if len(names) == 1 else ""
        return f"stage {only}" if only else "what it takes from another stage"

    def _below(self, layer: ImageLayer, before: _Run, stacks: Sequence[Sequence[str]]) -> Decision:
        note = (
            before.untraced if not before.trace or before.untraced else "what it read is not known any more"
        )
        decision = Decision(None, "parent", note=note)
        old = self._history.parent_stack(layer)
        if old is None or not stacks:
            return decision
        try:
            found = list(islice(differences(self._store, old, stacks[0]), _SHOWN + 1))
        except StoreError:
            return decision
        return _first(decision, [_change_of(item) for item in found])

    def _unknown(self, layer: ImageLayer) -> Decision:
        """A step that was not built before, as it is; perhaps it stands where a similar one was."""
        old = self._history.counterpart(layer)
        data = None if old is None else self._store.record(_ASPECTS, old)
        if data is None:
            return Decision(None, "new")
        noted = json.loads(data)
        names = difference(noted["aspects"], aspects(layer.operation))
        if not names:
            return Decision(None, "new")
        run = self._run(noted["step"])
        subject = names[0] if len(names) == 1 else f"{', '.join(names[:-1][:2])} and {_rest(names)}"
        earlier = None if run is None else Earlier(run.when, run.seconds)
        return Decision(None, "operation", subject, earlier=earlier, note=why_read(layer.operation, names))

    # --- what is noted --------------------------------------------------------------------------------

    def note(
        self, layer: ImageLayer, basis: Basis, when: float, seconds: float, trace: str, untraced: str
    ) -> None:
        """Remember how a step ran. ``trace`` is the key of its trace, ``untraced`` why there is none."""
        run = [basis.below, basis.read, basis.sources, when, seconds, trace, untraced]
        self._store.add_record(_STEP, _key(layer), json.dumps(run).encode())
        if basis.plan is not None:
            files = self._files.pop(layer.id, None) or manifest.lines(basis.plan)
            self._store.add_record(_FILES, _key(layer), manifest.dump(files))

    def note_aspects(self, layer: ImageLayer, layers: Sequence[str]) -> None:
        """Remember what a step consists of, and that ``layers`` are what it gave."""
        noted = {"aspects": aspects(layer.operation), "step": _key(layer)}
        self._store.add_record(_ASPECTS, layer.id, json.dumps(noted).encode())
        place = layer.provenance
        for diff_id in layers:
            self._store.add_record(_NAME, diff_id, json.dumps([place.stage, place.title]).encode())

    def _last(self, layer: ImageLayer) -> _Run | None:
        return self._run(_key(layer))

    def _run(self, key: str) -> _Run | None:
        data = self._store.record(_STEP, key)
        return None if data is None else _Run(*json.loads(data))


def trace_of(store: Store, layer_id: str) -> tuple[str, str]:
    """The key of the trace of a step's last run, and why there is none; both empty where nothing is known."""
    known = _last_run(store, layer_id)
    return ("", "") if known is None else (known.trace, known.untraced)


def last_run(store: Store, layer: ImageLayer) -> tuple[float | None, str]:
    """The seconds that a step's last run took, and the key of its trace; none and empty where nothing is known. Of
    the same operation on another tree the seconds are known.
    """
    known = _last_run(store, layer.id)
    if known is not None:
        return known.seconds, known.trace
    run = store.record(_STEP, _key(layer))
    return (None if run is None else _Run(*json.loads(run)).seconds), ""


def _last_run(store: Store, layer_id: str) -> _Run | None:
    data = store.record(_ASPECTS, layer_id)
    run = None if data is None else store.record(_STEP, json.loads(data)["step"])
    return None if run is None else _Run(*json.loads(run))


def step_name_of(store: Store, diff_id: str) -> tuple[str, str]:
    """Stage and title of a step that gave the layer; empty where that is not known."""
    data = store.record(_NAME, diff_id)
    if data is None:
        return "", ""
    stage, title = json.loads(data)
    return stage, title


def _key(layer: ImageLayer) -> str:
    """What a person takes for the same step from build to build: copies from two stages may be equal operations."""
    return f"{operation_key(layer.operation)} {layer.provenance.stage} {layer.provenance.title}"


def _rest(names: Sequence[str]) -> str:
    return names[-1] if len(names) < 4 else f"{len(names) - 2} more"


def _first(decision: Decision, changes: Sequence[Change]) -> Decision:
    return decision._replace(changes=tuple(changes[:_SHOWN]), more=len(changes) > _SHOWN)


def _context(layer: ImageLayer) -> str:
    match layer.operation:
        case Copy() | Add() as copy if isinstance(copy.origin, FromContext) and copy.origin.name:
            return f"the build context {copy.origin.name!r}"
        case Copy() | Add():
            return "what it copies"
        case _:
            return "a mounted file of the build context"


def _stage(layer: ImageLayer) -> str:
    return (
        "what it takes from another stage"
        if isinstance(layer.operation, Run)
        else "the stage that it copies from"
    )


def _mounted(layer: ImageLayer, number: int) -> str:
    """What tree ``number`` is to a step."""
    if not isinstance(layer.operation, Run):
        return ""
    binds = [mount for mount in layer.operation.mounts if mount.kind == "bind"]
    if number > len(binds):
        return ""
    mount = binds[number - 1]
    kind = "the stage" if isinstance(mount.origin, FromLayer) else "the build context"
    return f"{kind} mounted at {mount.target}"


def _change_of(difference: Difference) -> Change:
    before, after, path = difference.before, difference.after, f"/{difference.path}"
    if before is None or after is None:
        change = "added" if before is None else "removed"
        return Change(path, change, _value(before, change), _value(after, change))
    for name, word in _FIELDS:
        if getattr(before, name) != getattr(after, name):
            return Change(path, word, _value(before, word), _value(after, word))
    return Change(path, "number of hard links")


_FIELDS: Iterable[tuple[str, str]] = (
    ("kind", "type"),
    ("digest", "content"),
    ("target", "link target"),
    ("mode", "mode"),
    ("uid", "owner"),
    ("gid", "group"),
    ("xattrs", "xattrs"),
    ("device", "device"),
)


def _value(entry: Entry | None, change: str) -> str:
    if entry is None:
        return ""
    match change:
        case "mode":
            return f"{entry.mode:04o}"
        case "owner" | "group":
            return f"{entry.uid}:{entry.gid}"
        case "type":
            return entry.kind
        case _:
            return entry.target or entry.digest[:23]
