"""What is known of each step of a draft: its effects, after which changes of the context it runs again, its time.

A step runs again after a change if it takes a file that changed, or if a step that it stands on does: as with
BuildKit's cache. Without a history, nine changes in ten edit a source file and the tenth what tools install by;
where not even the files are known, a COPY takes sources unless all that it names is known as a manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from ..cost.changes import changes_of
from ..cost.times import time_of
from ..effects.links import Links
from ..effects.model import Effects, unknown
from ..effects.paths import Writes, ancestors
from ..effects.steps import copied, effects_of
from ..effects.tool_table import TOOLS
from ..globs import PatternError
from ..graph.layer import ImageLayer
from ..graph.operations import Add, Base, ContextPath, Copy, FromContext, FromLayer, MakeDir, Origin, Run
from .draft import Draft, Stage, Step
from .facts import ContextFile, Facts

__all__ = ["Knowledge", "Known"]

_UNKNOWN_CONTEXT = (0.9, 0.1)  # sources, manifests


class Known(NamedTuple):
    """One step. ``effects`` are none where it makes no layer. ``takes`` are numbers of changes after which it runs
    again, wherever it stands; ``seconds`` is its time.
    """

    step: Step
    effects: Effects | None
    takes: frozenset[int] = frozenset()
    seconds: float = 0.0


class _Question(NamedTuple):
    """What knowledge is of. Passes ask one after the other about the same draft: that is worked out once."""

    draft: Draft
    facts: Facts

    def __hash__(self) -> int:
        return id(self.draft)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Question) or self.draft is not other.draft:
            return False
        mine, others = self.facts, other.facts
        same = (one is another for one, another in zip(mine[1:], others[1:], strict=True))
        return all(same) and mine.observed == others.observed

    def __ne__(self, other: object) -> bool:
        return not self == other


class Knowledge:
    """Of one draft, compiled. ``weights`` are those of the changes; ``links`` all symbolic links that are known."""

    @staticmethod
    def of_draft(draft: Draft, facts: Facts) -> Knowledge:
        """What is known of a compiled draft."""
        return _known(_Question(draft, facts))

    def __init__(self, draft: Draft, facts: Facts) -> None:
        self.facts = facts
        changes = changes_of(facts)
        self._paths = [change.paths | change.moved for change in changes]
        self.has_files = "" in facts.contexts
        self.weights = [change.weight for change in changes] if self.has_files else list(_UNKNOWN_CONTEXT)
        self._files = _all_files(facts, self._paths)
        self._made: list[tuple[str, str]] = []
        self._there: frozenset[str] = frozenset()  # directories that a WORKDIR above has made
        self.links = Links.of(facts)
        self._below: dict[str, frozenset[int]] = {}
        self._stages: dict[int, tuple[Known, ...]] = {}
        self._bases: dict[int, frozenset[int]] = {}
        for stage in draft.stages:
            self._learn(stage)

    def of(self, stage: Stage) -> tuple[Known, ...]:
        """The steps of a stage, without FROM."""
        return self._stages[stage.key]

    def below(self, stage: Stage) -> frozenset[int]:
        """The changes after which what a stage begins with is another."""
        return self._bases[stage.key]

    def weight(self, changes: Iterable[int]) -> float:
        """The share of these among all changes."""
        return sum(self.weights[number] for number in changes)

    def expected(self, steps: Iterable[Known], below: frozenset[int]) -> float:
        """Seconds per change of the steps of a stage, in this order."""
        total = 0.0
        changes = below
        for step in steps:
            if not step.takes <= changes:
                changes |= step.takes
            total += step.seconds * self.weight(changes)
        return total

    def effects(self, layers: Sequence[ImageLayer], links: Links | None = None) -> Effects:
        """Those of all layers of a step together."""
        links = links or self.links
        first, *others = (effects_of(layer, self.facts, links=links) for layer in layers)
        for other in others:
            first = first._replace(
                reads=first.reads | other.reads,
                writes=first.writes | other.writes,
                evidence=min(first.evidence, other.evidence),
                unknown=first.unknown or other.unknown,
                links=first.links + other.links,
            )
        return first

    def taking(self, paths: Iterable[str]) -> frozenset[int]:
        """The changes that touch one of these paths of the context."""
        found = frozenset(paths)
        return frozenset(
            number for number, touched in enumerate(self._paths) if not touched.isdisjoint(found)
        )

    # --- learning -------------------------------------------------------------------------------------

    def _learn(self, stage: Stage) -> None:
        changes: frozenset[int] = frozenset()
        for built in stage.from_.built:
            changes |= self._below.get(built.after.layer or "", frozenset())
        self._bases[stage.key] = changes
        known: list[Known] = []
        self._there = frozenset()
        for step in stage.steps:
            each = self._known(step, known)
            changes |= each.takes
            for layer in step.layers:
                self._below[layer.id] = changes
            known.append(each)
        self._stages[stage.key] = tuple(known)

    def _known(self, step: Step, before: Sequence[Known]) -> Known:
        if not step.layers:
            return Known(step, None if step.built else unknown("it is not understood"))
        effects = self._beside(step, self.effects(step.layers))
        if why := _through(step, effects, before, self.facts):
            effects = unknown(why)
        if effects.links:
            self._made += effects.links
            self.links = Links.of(self.facts).plus(self._made)
        takes = frozenset().union(*(self._takes(layer) for layer in step.layers))
        seconds = max(time_of(layer, self.facts, effects).seconds for layer in step.layers)
        return Known(step, effects, takes, seconds)

    def _beside(self, step: Step, effects: Effects) -> Effects:
        """The effects behind the WORKDIRs above: a directory that is there is not made again, but must be there."""
        writes = effects.writes
        above = {directory for path in writes.names | writes.trees for directory in ancestors(path)}
        spared = writes.directories & self._there
        if step.keyword in {"COPY", "ADD"} and not effects.unknown:
            spared |= (
                writes.names & self._there & above
            )  # with --chown: they would get an owner if they were made
        writes = writes._replace(names=writes.names - spared, directories=writes.directories - spared)
        reads = effects.reads._replace(names=effects.reads.names | spared)
        gone = {path for path in self._there if _may_go(path, writes)}
        self._there -= gone
        if step.keyword == "WORKDIR":
            made = [layer.operation.path for layer in step.layers if isinstance(layer.operation, MakeDir)]
            real = {found for path in made for found in self.links.resolve(path).paths}
            self._there |= {item for path in real for item in (path, *ancestors(path))} - {"/"}
        return effects._replace(reads=reads, writes=writes)

    def _takes(self, layer: ImageLayer) -> frozenset[int]:
        operation = layer.operation
        if isinstance(operation, Copy | Add):
            if isinstance(operation.origin, FromContext):
                return self._copied(layer, operation)
            return self._of(operation.origin, layer)
        if isinstance(operation, Run):
            binds = [mount.origin for mount in operation.mounts if mount.kind == "bind" and mount.origin]
            return frozenset().union(*(self._of(origin, layer) for origin in binds))
        assert not isinstance(operation, Base)
        return frozenset()

    def _of(self, origin: Origin, layer: ImageLayer) -> frozenset[int]:
        """Everything that changes what is there."""
        if isinstance(origin, FromLayer):
            return (
                frozenset()
                if origin.index is None
                else self._below.get(layer.inputs[origin.index], frozenset())
            )
        return frozenset(range(len(self.weights))) if origin.name == "" else frozenset()

    def _copied(self, layer: ImageLayer, operation: Copy | Add) -> frozenset[int]:
        paths = [source.path for source in operation.sources if isinstance(source, ContextPath)]
        if operation.origin != FromContext() or not paths:
            return frozenset()
        if not self.has_files:
            return frozenset((1,) if all(path.rpartition("/")[2] in _MANIFESTS for path in paths) else (0, 1))
        try:
            return self.taking(copied(layer, self._files))
        except PatternError:
            return frozenset()


@lru_cache(maxsize=1)
def _known(question: _Question) -> Knowledge:
    return Knowledge(question.draft, question.facts)


def _may_go(path: str, writes: Writes) -> bool:
    """Whether a directory may be removed or replaced."""
    return any(item in writes.names or item in writes.trees for item in (path, *ancestors(path)))


def _all_files(facts: Facts, changes: Iterable[frozenset[str]]) -> tuple[ContextFile, ...]:
    """The files of the main context, and those that were there once."""
    files = facts.contexts.get("", ())
    known = {file.path for file in files}
    folders = {above for path in known for above in _above(path)}
    gone = {path for paths in changes for path in paths} - known - folders
    return (*files, *(ContextFile(path, "file") for path in sorted(gone)))


def _above(path: str) -> Iterable[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _through(step: Step, effects: Effects, before: Sequence[Known], facts: Facts) -> str:
    """Whether what is concluded of a step may go through something that an earlier one has put in the place of a
    directory: a link of which nothing is known.
    """
    if all(_is_seen(layer, facts) for layer in step.layers):
        return ""
    paths = effects.writes.names | effects.writes.directories | effects.writes.trees
    above = {directory for path in paths for directory in ancestors(path)} - {"/"}
    for other in before:
        seen = other.effects is not None and any(_is_seen(layer, facts) for layer in other.step.layers)
        if seen and other.effects is not None and not above.isdisjoint(other.effects.writes.names):
            found = min(above & other.effects.writes.names)
            if not _is_directory(found, other.effects):
                return f"{found} may be a link that line {other.step.lines[0]} makes"
    return ""


def _is_directory(path: str, effects: Effects) -> bool:
    """Whether something was written below it by its own name."""
    prefix = path + "/"
    writes = effects.writes
    return any(item.startswith(prefix) for item in writes.names | writes.directories)


def _is_seen(layer: ImageLayer, facts: Facts) -> bool:
    observed = facts.observed.get(layer.id)
    return observed is not None and observed.reads is not None and observed.writes is not None


def _manifests() -> frozenset[str]:
    tools: Iterable[Mapping[str, Sequence[Mapping[str, Sequence[str]]]]] = TOOLS
    names = (path for tool in tools for rule in tool["command"] for path in rule.get("manifests", ()))
    return frozenset((*(name.rpartition("/")[2] for name in names), "requirements.txt"))


_MANIFESTS = _manifests()
