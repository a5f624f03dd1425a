"""What rebuilding a plan costs, and what a rewritten one would cost: values for reports, the optimiser and lint."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from ..graph.plan import LayerPlan
from ..optimize.facts import Facts
from .changes import Change, changes_of, has_history, kinds_of
from .model import MODELS, Model, Rebuild, Replayer, StepCost
from .times import Source, weakest

__all__ = ["Costs", "Kind", "Report", "Saving", "Waste", "costs_of", "document", "report", "saving", "wasted"]

SCHEMA = "layerc.cost/1"
_LITTLE = 0.05  # seconds


class Costs(NamedTuple):
    """One plan with one cache: ``expected`` seconds per change, by the weights of the changes; what each costs."""

    model: Model
    expected: float
    steps: tuple[StepCost, ...]
    rebuilds: tuple[Rebuild, ...]
    source: Source

    @property
    def mean(self) -> float:
        """Seconds per change where all count the same."""
        return sum(rebuild.seconds for rebuild in self.rebuilds) / (len(self.rebuilds) or 1)


class Kind(NamedTuple):
    """A kind of change: the parts of the context that change together, its share, how many changes it has, and the
    seconds that one costs on average, in the order of ``Report.columns``.
    """

    parts: tuple[str, ...]
    weight: float
    number: int
    seconds: tuple[float, ...]


class Report(NamedTuple):
    """``before`` and ``after`` (none: there is no rewrite) have one item for each cache."""

    changes: tuple[Change, ...]
    from_history: bool
    before: tuple[Costs, ...]
    after: tuple[Costs, ...]
    kinds: tuple[Kind, ...]

    @property
    def columns(self) -> tuple[Costs, ...]:
        """Before and after, cache by cache."""
        return (*self.before, *self.after)

    def of(self, model: Model, *, after: bool = False) -> Costs:
        """The costs with one cache."""
        return next(costs for costs in (self.after if after else self.before) if costs.model == model)


class Saving(NamedTuple):
    """Seconds per rebuild that a rewrite is expected to save (negative: to cost), and on what that rests."""

    classic: float
    layerc: float
    source: Source

    def __str__(self) -> str:
        """For people, as what comes behind "saves".

        >>> str(Saving(12.3, 0.0, "measured"))
        '12.3 s per rebuild with a classic cache (measured)'
        """
        parts = [("a classic cache", self.classic), ("layerc's cache", self.layerc)]
        said = [f"{seconds:.1f} s per rebuild with {cache}" for cache, seconds in parts if seconds >= _LITTLE]
        return f"{', '.join(said) or 'no time'} ({self.source})"


class Waste(NamedTuple):
    """Time that a wrong order costs: ``seconds`` each time, in ``share`` of the changes (0 to 1)."""

    seconds: float
    share: float
    source: Source

    @property
    def expected(self) -> float:
        """Seconds per change."""
        return self.seconds * self.share


def report(
    plan: LayerPlan, facts: Facts, rewritten: LayerPlan | None = None, facts_after: Facts | None = None
) -> Report:
    """The costs of ``plan``, and of the one that it would be rewritten to, with what is known of it."""
    changes = changes_of(facts)
    before = costs_of(plan, facts, changes)
    after = () if rewritten is None else costs_of(rewritten, facts_after or facts, changes)
    kinds = _kinds(changes, frozenset(facts.manifests), before + after)
    return Report(changes, has_history(facts), before, after, kinds)


def costs_of(plan: LayerPlan, facts: Facts, changes: Sequence[Change] | None = None) -> tuple[Costs, ...]:
    """The costs of a plan with each cache."""
    replayer = Replayer(plan, facts, changes)
    return tuple(
        Costs(
            model,
            replayer.expected(model),
            steps := replayer.step_costs(model),
            replayer.rebuilds(model),
            _source(steps, facts),
        )
        for model in MODELS
    )


def saving(before: LayerPlan, after: LayerPlan, facts: Facts, facts_after: Facts | None = None) -> Saving:
    """What a rewrite saves. ``facts_after`` is what is known of the rewritten plan (:func:`.facts_for`)."""
    found = report(before, facts, after, facts_after or facts)
    gains = {
        old.model: old.expected - new.expected for old, new in zip(found.before, found.after, strict=True)
    }
    source = weakest(*(costs.source for costs in found.columns))
    return Saving(gains["classic"], gains["layerc"], source)


def wasted(plan: LayerPlan, facts: Facts, layer_ids: Collection[str]) -> Waste:
    """The time that steps of ``plan`` run though nothing that they read has changed: what a classic cache would
    save if its order were right. layerc's cache does not lose it.
    """
    classic, traced = costs_of(plan, facts)
    lost: dict[int, float] = {}
    for number, (one, other) in enumerate(zip(classic.rebuilds, traced.rebuilds, strict=True)):
        if needless := set(one.steps).intersection(layer_ids) - set(other.steps):
            lost[number] = sum(step.time.seconds for step in classic.steps if step.layer.id in needless)
    source = _source([step for step in classic.steps if step.layer.id in layer_ids], facts)
    share = sum(classic.rebuilds[number].change.weight for number in lost)
    seconds = sum(classic.rebuilds[number].change.weight * each for number, each in lost.items())
    return Waste(seconds / share if share else 0.0, share, source)


def _source(steps: Sequence[StepCost], facts: Facts) -> Source:
    """The weakest among what counts: steps that never run again say nothing."""
    if not has_history(facts):
        return "estimate"
    return "measured" if all(step.time.measured for step in steps if step.rate) else "history"


def _kinds(
    changes: Sequence[Change], manifests: frozenset[str], columns: Sequence[Costs]
) -> tuple[Kind, ...]:
    kinds: list[Kind] = []
    for parts, indexes in kinds_of(changes, manifests).items():
        weight = sum(changes[index].weight for index in indexes)
        seconds = tuple(
            sum(changes[index].weight * costs.rebuilds[index].seconds for index in indexes) / weight
            for costs in columns
        )
        kinds.append(Kind(parts, weight, len(indexes), seconds))
    return tuple(kinds)


# --- for programs ------------------------------------------------------------------------------------


def document(found: Report, facts: Facts) -> dict[str, Any]:
    """The form that docs/cost.schema.json describes."""
    return {
        "schema": SCHEMA,
        "changes": {
            "source": "history" if found.from_history else "estimate",
            "count": len(found.changes),
            "unknown": list(facts.unknown),
        },
        "before": [_costs(costs) for costs in found.before],
        "after": [_costs(costs) for costs in found.after] or None,
        "kinds": [
            {
                "parts": list(kind.parts),
                "share": round(kind.weight, 4),
                "count": kind.number,
                "seconds": {
                    name: round(value, 3) for name, value in zip(_names(found), kind.seconds, strict=True)
                },
            }
            for kind in found.kinds
        ],
        "replay": [
            {
                "commit": change.id,
                "files": len(change.paths),
                "seconds": {
                    name: round(costs.rebuilds[number].seconds, 3)
                    for name, costs in zip(_names(found), found.columns, strict=True)
                },
            }
            for number, change in enumerate(found.changes)
            if change.id
        ],
    }


def _names(found: Report) -> list[str]:
    return [costs.model for costs in found.before] + [f"{costs.model}_after" for costs in found.after]


def _costs(costs: Costs) -> dict[str, Any]:
    return {
        "cache": costs.model,
        "expected": round(costs.expected, 3),
        "mean": round(costs.mean, 3),
        "source": costs.source,
        "steps": [
            {
                "layer": step.layer.id,
                "stage": step.layer.provenance.stage,
                "step": step.layer.provenance.step,
                "title": step.layer.provenance.title,
                "line": step.layer.provenance.line,
                "seconds": round(step.time.seconds, 3),
                "measured": step.time.measured,
                "rate": round(step.rate, 4),
                "expected": round(step.expected, 3),
            }
            for step in costs.steps
        ],
    }
