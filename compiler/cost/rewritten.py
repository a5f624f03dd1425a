"""What was observed of a Dockerfile, carried over to a rewritten one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..effects.steps import effects_of
from ..graph.layer import ImageLayer
from ..graph.plan import LayerPlan
from ..optimize.draft import Draft, Step
from ..optimize.facts import Facts, Observation
from ..optimize.manager import Result
from .report import Saving, saving
from .times import time_of

__all__ = ["facts_for", "saving_of"]


def saving_of(result: Result, facts: Facts) -> Saving:
    """What the optimiser's work saves, by ``facts``, which are about the file as given."""
    now = facts_for(result.draft, result.original, facts)
    return saving(result.original, result.plan, facts, now)


def facts_for(draft: Draft, original: LayerPlan, facts: Facts) -> Facts:
    """``facts``, which are about ``original``, by the ids of the layers of ``draft`` that was made of it.

    Of a step that does the work of an earlier one all holds. Parts of a step that was split share the time that it
    took, as their estimates relate to each other, and of what they read only that is known which their text says.
    """
    observed = dict(facts.observed)
    parts: dict[tuple[int, int], list[Step]] = {}
    for step in draft.every:
        if step.origin:
            observed |= _taken_over(step, facts)
        elif step.layers:
            parts.setdefault(step.lines, []).append(step)
    by_lines: dict[tuple[int, int], list[ImageLayer]] = {}
    for layer in original.layers:
        place = layer.provenance
        by_lines.setdefault((place.line, place.end_line), []).append(layer)
    now = facts._replace(observed=observed)
    for lines, steps in parts.items():
        observed |= _shared(steps, by_lines.get(lines, ()), now)
    return now


def _taken_over(step: Step, facts: Facts) -> dict[str, Observation]:
    """One layer for each platform: they correspond if there are as many; else the step does the work of several."""
    layers = step.layers
    each_has_one = len(step.origin) == len(layers)
    all_of_them = [(origin,) for origin in step.origin] if each_has_one else [step.origin] * len(layers)
    found: dict[str, Observation] = {}
    for layer, origins in zip(layers, all_of_them, strict=True):
        known = [facts.observed[origin] for origin in origins if origin in facts.observed]
        if known and len(known) == len(origins):
            found[layer.id] = _joined(known)
    return found


def _joined(known: list[Observation]) -> Observation:
    if len(known) == 1:
        return known[0]
    seconds = [each.seconds for each in known if each.seconds is not None]
    return Observation(seconds=sum(seconds) if len(seconds) == len(known) else None)


def _shared(
    steps: list[Step], before: Iterable[ImageLayer], facts: Facts
) -> Iterator[tuple[str, Observation]]:
    """The time of a step that is now several, by the ids of their layers."""
    known = [facts.observed[layer.id] for layer in before if layer.id in facts.observed]
    seconds = [each.seconds for each in known if each.seconds is not None]
    if not seconds:
        return
    whole = sum(seconds) / len(seconds)
    layers = [layer for step in steps for layer in step.layers[:1]]
    estimates = [time_of(layer, facts, effects_of(layer, facts)).seconds for layer in layers]
    total = sum(estimates)
    for step, estimate in zip(steps, estimates, strict=True):
        share = estimate / total if total else 1 / len(steps)
        for layer in step.layers:
            if layer.id not in facts.observed:
                yield layer.id, Observation(seconds=whole * share)
