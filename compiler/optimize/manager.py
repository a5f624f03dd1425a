"""Runs the passes over a Dockerfile until nothing changes, and checks each one's work.

After each pass the text is parsed and compiled again, and what must hold is checked (invariants.py). A pass that
breaks it has a bug: what it did is dropped, the pass is not asked again, and a :class:`Problem` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from ...grammar.errors import LayercError
from ...grammar.syntax import Document
from ..graph.plan import LayerPlan
from ..options import BaseImage, CompileOptions, ImageRequest, UnresolvedImagesError
from .draft import Draft
from .facts import Facts, Observation
from .invariants import broken
from .passes import PASSES, Pass
from .rewrite import Change, Refusal, Rewrite
from .version import Setting, Version, first_version, version_of

__all__ = ["Observer", "Problem", "Result", "optimize"]

#: Called with a pass's name and the draft before and after it.
Observer = Callable[[str, Draft, Draft], None]

_MOST_ROUNDS = 20


class Problem(NamedTuple):
    """A bug of ours: what a pass did that it must not."""

    of: str
    what: str


class Result(NamedTuple):
    """``draft`` is what came out, compiled; ``plan`` its plan, and ``original`` the one of the file as given.

    ``refusals`` are those of the last round. ``rounds`` counts the runs of the sequence, the last of which changed
    nothing.
    """

    draft: Draft
    plan: LayerPlan
    original: LayerPlan
    changes: tuple[Change, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    problems: tuple[Problem, ...] = ()
    rounds: int = 0


def optimize(
    document: Document,
    options: CompileOptions,
    images: Mapping[ImageRequest, BaseImage],
    facts: Facts,
    level: int = 1,
    *,
    only: Collection[str] = (),
    skip: Collection[str] = (),
    ignored: Callable[[str], bool] | None = None,
    observer: Observer | None = None,
    passes: tuple[Pass, ...] = PASSES,
) -> Result:
    """Rewrite ``document``. ``only`` and ``skip`` are names of passes. ``observer`` is told what each pass changed.

    Raises what compiling raises, for the file as given: ``CompileError``, and ``UnresolvedImagesError`` with the
    images to hand in.
    """
    setting = Setting.of(document, options, images, ignored)
    first = first_version(document, setting)
    chosen = [item for item in passes if item.level <= level and item.name not in skip]
    work = _Work(first, setting, facts, [item for item in chosen if not only or item.name in only], observer)
    rounds = 0
    while work.round():
        rounds += 1
        if rounds == _MOST_ROUNDS:
            work.problems.append(Problem(work.changes[-1].of, "passes undo each other's work without end"))
            break
    draft, plan = work.now.draft, work.now.plan
    refusals = tuple(dict.fromkeys(work.refusals))
    return Result(draft, plan, first.plan, tuple(work.changes), refusals, tuple(work.problems), rounds + 1)


class _Work:
    """The text as far as it has come, and what was said of it."""

    def __init__(
        self, first: Version, setting: Setting, facts: Facts, passes: list[Pass], observer: Observer | None
    ) -> None:
        self.now = first
        self.changes: list[Change] = []
        self.refusals: list[Refusal] = []
        self.problems: list[Problem] = []
        self._setting = setting
        self._facts = facts
        self._passes = passes
        self._observer = observer

    def round(self) -> bool:
        """Run each pass once. Tells whether any changed something."""
        self.refusals = []
        changed = [self._run(item) for item in tuple(self._passes)]
        return any(changed)

    def _run(self, item: Pass) -> bool:
        try:
            rewrite = item.run(self.now.draft, _facts_now(self._facts, self.now.draft))
        except Exception as error:  # noqa: BLE001  # whatever it is, the text so far is right
            return self._drop(item, f"it ended with {type(error).__name__}: {error}")
        self.refusals += (each._replace(of=item.name) for each in rewrite.refusals)
        if rewrite.draft.text == self.now.draft.text:
            return False
        return self._take(item, rewrite)

    def _take(self, item: Pass, rewrite: Rewrite) -> bool:
        """Go on with what a pass gave, if all that must hold does."""
        before = self.now
        if not any(stage.key == rewrite.draft.target for stage in rewrite.draft.stages):
            return self._drop(item, "the stage to build is gone")
        try:
            after = version_of(rewrite.draft, self._setting)
        except UnresolvedImagesError as error:
            return self._drop(item, f"it needs further images: {error}")
        except (LayercError, ValueError) as error:
            return self._drop(item, f"what it gave is not valid: {error}")
        if problem := broken(before, after, item):
            return self._drop(item, problem)
        if self._observer is not None:
            self._observer(item.name, before.draft, after.draft)
        self.changes += (each._replace(of=item.name) for each in rewrite.changes)
        self.now = after
        return True

    def _drop(self, item: Pass, problem: str) -> bool:
        self.problems.append(Problem(item.name, problem))
        self._passes.remove(item)
        return False


def _facts_now(facts: Facts, draft: Draft) -> Facts:
    """``facts`` with what was observed by the ids that the steps' layers have now."""
    observed: dict[str, Observation] = {}
    for step in draft.every:
        for origin, layer in zip(step.origin, step.layers, strict=False):
            if origin in facts.observed:
                observed[layer.id] = facts.observed[origin]
    return facts._replace(observed=observed)
