"""Which steps run again after a change, symbolically: nothing is built.

Two caches are modelled.

*classic* is BuildKit's. A COPY runs again if a file that it selects has changed. So does every step behind one
that ran in its stage, whatever it reads, except for ``COPY --link``. ``COPY --from`` and files that are mounted
from a stage or context go by content: they count as changed if a step that made something else may have written
them.

*layerc* runs a step again only if something that it reads has changed; what a step that runs again has written
counts as changed, and nothing else does. (A step that writes nothing cuts the chain off.)

In both a step that runs again on equal inputs makes the same, unless it is known to be volatile (it asks the
network or the clock). What is not known of a step counts as everything. So layerc's steps are always among the
classic ones. Base images, URLs and the Dockerfile itself do not change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Literal, NamedTuple

from ..effects.links import Links
from ..effects.model import Effects
from ..effects.paths import EVERYTHING, NO_READS, Reads
from ..effects.steps import copied, effects_of
from ..globs import PatternError, has_wildcards
from ..graph.layer import ImageLayer
from ..graph.operations import Add, Base, ContextPath, Copy, FromContext, FromLayer, Mount, Run
from ..graph.plan import LayerPlan
from ..optimize.facts import ContextFile, Facts
from .changes import Change, changes_of
from .reading import Reading
from .times import Time, time_of

__all__ = ["MODELS", "Model", "Rebuild", "Replayer", "StepCost", "replay"]

Model = Literal["classic", "layerc"]
MODELS: tuple[Model, ...] = ("classic", "layerc")


class Rebuild(NamedTuple):
    """What one change costs: seconds of the steps that run again (their layers' ids, in build order)."""

    change: Change
    seconds: float
    steps: tuple[str, ...]


class StepCost(NamedTuple):
    """A step over all changes: ``rate`` is the share of changes, by their weights, after which it runs again."""

    layer: ImageLayer
    time: Time
    rate: float

    @property
    def expected(self) -> float:
        """Seconds per change."""
        return self.rate * self.time.seconds


def replay(
    plan: LayerPlan, facts: Facts, model: Model, changes: Sequence[Change] | None = None
) -> tuple[Rebuild, ...]:
    """What each change costs, in their order; by default those of ``facts``."""
    return Replayer(plan, facts, changes).rebuilds(model)


class Replayer:
    """Answers for one plan, of which all is prepared once."""

    def __init__(self, plan: LayerPlan, facts: Facts, changes: Sequence[Change] | None = None) -> None:
        """``changes`` are those that will be asked about; by default those of ``facts``."""
        self.plan = plan
        self.changes = tuple(changes_of(facts) if changes is None else changes)
        files = _all_files(facts, self.changes)
        bases: dict[str, str | None] = {}
        self._steps: dict[str, _Step] = {}
        self._chains: dict[str, tuple[str, ...]] = {}
        for layer in plan.layers:
            is_base = isinstance(layer.operation, Base)
            base = layer.id if is_base else bases[layer.parent] if layer.parent is not None else None
            bases[layer.id] = base
            self._steps[layer.id] = _Step(layer, facts, base, files)
            above = () if layer.parent is None else self._chains[layer.parent]
            self._chains[layer.id] = (*above, layer.id)
        self._meets: dict[tuple[str, int, str], bool] = {}
        self._touched: dict[tuple[str, int, str, bool], bool] = {}
        self._known: dict[tuple[frozenset[str], frozenset[str], Model], tuple[str, ...]] = {}

    def time(self, layer: str) -> Time:
        """What a step takes."""
        return self._steps[layer].time

    def effects(self, layer: str) -> Effects:
        """What is known of a step."""
        return self._steps[layer].effects

    def rebuild(self, change: Change, model: Model) -> Rebuild:
        """The steps that run again after ``change``, one of those that the replayer was made for."""
        key = (change.paths, change.moved, model)
        if key not in self._known:
            self._known[key] = tuple(self._again(change, model))
        steps = self._known[key]
        return Rebuild(change, sum(self._steps[layer].time.seconds for layer in steps), steps)

    def rebuilds(self, model: Model) -> tuple[Rebuild, ...]:
        """What each of the changes costs."""
        return tuple(self.rebuild(change, model) for change in self.changes)

    def expected(self, model: Model) -> float:
        """Seconds per change, by the weights of the changes."""
        return sum(found.change.weight * found.seconds for found in self.rebuilds(model))

    def step_costs(self, model: Model) -> tuple[StepCost, ...]:
        """The steps in build order, without base images."""
        rates: dict[str, float] = {}
        for rebuild in self.rebuilds(model):
            for layer in rebuild.steps:
                rates[layer] = rates.get(layer, 0.0) + rebuild.change.weight
        return tuple(
            StepCost(layer, self._steps[layer.id].time, rates.get(layer.id, 0.0))
            for layer in self.plan.layers
            if not isinstance(layer.operation, Base)
        )

    # --- one change -----------------------------------------------------------------------------------

    def _again(self, change: Change, model: Model) -> Iterator[str]:
        ran: set[str] = set()  # steps that run again
        other: dict[str, bool] = {}  # those that may make something else; whether in all that they write
        for layer in self.plan.layers:
            step = self._steps[layer.id]
            if isinstance(layer.operation, Base):
                continue
            below = None if step.is_linked else layer.parent
            takes = step.takes(change)
            taken = takes or self._takes_from_stages(step, change, other)
            affected = self._differs(step, 0, below, change, other)
            behind = below is not None and not ran.isdisjoint(self._chains[below])
            if not (taken or affected or (model == "classic" and behind)):
                continue
            ran.add(layer.id)
            if step.effects.volatile or (taken and step.lands is None) or self._remakes(step, change, other):
                other[layer.id] = True
            elif takes:
                other[layer.id] = False
            yield layer.id

    def _remakes(self, step: _Step, change: Change, other: Mapping[str, bool]) -> bool:
        """Whether what a step takes from the tree below it decides what it makes."""
        below = None if step.is_linked else step.layer.parent
        return self._differs(step, -1, below, change, other)

    def _takes_from_stages(self, step: _Step, change: Change, other: Mapping[str, bool]) -> bool:
        """Whether something is another that it copies from, or mounts of, other stages."""
        return any(
            self._differs(step, number, source, change, other)
            for number, (source, _) in enumerate(step.stages, 1)
        )

    def _differs(
        self, step: _Step, number: int, tree: str | None, change: Change, other: Mapping[str, bool]
    ) -> bool:
        """Whether what ``step`` reads of a tree (:meth:`_Step.reading`) may have changed."""
        return tree is not None and any(
            self._changes(self._steps[layer], step, number, change, other[layer])
            for layer in self._chains[tree]
            if layer in other
        )

    def _changes(self, writer: _Step, step: _Step, number: int, change: Change, whole: bool) -> bool:
        if whole or writer.lands is None:
            return self._meets_all(step, number, writer)
        for path in change.paths | change.moved:
            places = writer.lands.get(path, ())
            if any(self._touches(step, number, place, path in change.moved) for place in places):
                return True
            if places and writer.may_unpack(places) and self._meets_all(step, number, writer):
                return True
        return False

    def _meets_all(self, step: _Step, number: int, writer: _Step) -> bool:
        """Whether ``step`` reads any of what ``writer`` may write."""
        key = (step.layer.id, number, writer.layer.id)
        if key not in self._meets:
            self._meets[key] = step.reading(number).meets(writer.effects.writes)
        return self._meets[key]

    def _touches(self, step: _Step, number: int, place: str, moved: bool) -> bool:
        key = (step.layer.id, number, place, moved)
        if key not in self._touched:
            self._touched[key] = step.reading(number).meets_change(place, moved=moved)
        return self._touched[key]


class _Step:
    """One step, prepared. ``lands`` says where files of the main context go; none if it copies none of it."""

    def __init__(
        self,
        layer: ImageLayer,
        facts: Facts,
        base: str | None,
        files: tuple[ContextFile, ...],
    ) -> None:
        operation = layer.operation
        self.layer = layer
        self.is_linked = isinstance(operation, Copy | Add) and operation.link and not operation.chmod
        self.effects = Effects() if isinstance(operation, Base) else effects_of(layer, facts, base=base)
        self.time = time_of(layer, facts, self.effects)
        self.lands: Mapping[str, tuple[str, ...]] | None = None
        if isinstance(operation, Copy | Add) and operation.origin == FromContext():
            self.lands = _lands(layer, facts, base, files)
        observed = facts.observed.get(layer.id)
        self._mounted = None if observed is None else observed.mounted
        self.stages: tuple[tuple[str | None, Reads], ...] = tuple(self._stages())
        self._context = tuple(Reading(reads) for reads in self._context_mounts())

    def takes(self, change: Change) -> bool:
        """Whether it copies, or mounts and reads, files of the context that changed."""
        if self.lands is not None:
            return any(path in self.lands for path in change.paths | change.moved)
        return any(
            reading.meets_change(f"/{path}", moved=path in change.moved)
            for reading in self._context
            for path in change.paths | change.moved
        )

    def may_unpack(self, places: tuple[str, ...]) -> bool:
        """Whether what lands there may be an archive that becomes something else."""
        return isinstance(self.layer.operation, Add) and not self.effects.writes.names.issuperset(places)

    def reading(self, number: int) -> Reading:
        """What it reads of the tree below it (0), or of its other stages, in order; -1: what of the tree below it
        decides what it makes. What a copy replaces does not.
        """
        if number > 0:
            return self._beside[number - 1]
        is_copy = isinstance(self.layer.operation, Copy | Add)
        return self._deciding if number < 0 and is_copy else self._below

    @cached_property
    def _below(self) -> Reading:
        return Reading(self.effects.reads)

    @cached_property
    def _deciding(self) -> Reading:
        reads, writes = self.effects.reads, self.effects.writes
        return Reading(reads._replace(names=reads.names - writes.names))

    @cached_property
    def _beside(self) -> tuple[Reading, ...]:
        return tuple(Reading(reads) for _, reads in self.stages)

    def _stages(self) -> Iterator[tuple[str | None, Reads]]:
        """The other layers that it takes files from, and which."""
        operation, inputs = self.layer.operation, self.layer.inputs
        if isinstance(operation, Copy | Add):
            if isinstance(operation.origin, FromLayer) and operation.origin.index is not None:
                yield inputs[operation.origin.index], _selected(operation)
        elif isinstance(operation, Run):
            for mount, reads in self._mounts(operation):
                if isinstance(mount.origin, FromLayer) and mount.origin.index is not None:
                    yield inputs[mount.origin.index], reads

    def _context_mounts(self) -> Iterator[Reads]:
        if isinstance(self.layer.operation, Run):
            for mount, reads in self._mounts(self.layer.operation):
                if mount.origin == FromContext():
                    yield reads

    def _mounts(self, run: Run) -> Iterator[tuple[Mount, Reads]]:
        """Bind mounts, and what is read of them: what was observed, else all."""
        binds = [mount for mount in run.mounts if mount.kind == "bind"]
        seen = self._mounted if self._mounted is not None and len(self._mounted) == len(binds) else None
        for number, mount in enumerate(binds):
            yield mount, _below(mount.source) if seen is None else seen[number]


def _all_files(facts: Facts, changes: Sequence[Change]) -> tuple[ContextFile, ...]:
    """The files of the main context, and those that once were there."""
    files = facts.contexts.get("", ())
    known = {file.path for file in files}
    folders = frozenset(path for change in changes for path in change.moved if _is_folder(path, change))
    gone = {path for change in changes for path in change.paths} - known - folders
    return (*files, *(ContextFile(path, "file") for path in sorted(gone)))


def _is_folder(path: str, change: Change) -> bool:
    return path not in change.paths


def _lands(
    layer: ImageLayer, facts: Facts, base: str | None, files: tuple[ContextFile, ...]
) -> Mapping[str, tuple[str, ...]]:
    """Where files go. A malformed pattern selects nothing: the build would say so."""
    try:
        return copied(layer, files, Links.of(facts, base))
    except PatternError:
        return {}


def _selected(operation: Copy | Add) -> Reads:
    """What a copy takes from a stage: whole trees; of a pattern, the directory before its first wildcard."""
    reads = NO_READS
    for source in operation.sources:
        if isinstance(source, ContextPath):
            reads |= _below(source.path)
    return reads


def _below(path: str) -> Reads:
    parts = path.split("/")
    fixed = next((number for number, part in enumerate(parts) if has_wildcards(part)), len(parts))
    clean = "/".join(part for part in parts[:fixed] if part not in ("", "."))
    return EVERYTHING if ".." in parts or not clean else Reads(trees=frozenset((f"/{clean}",)))
