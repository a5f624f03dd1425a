"""``effects_of``: what one step may read and write, from the strongest source there is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..graph.layer import ImageLayer
from ..graph.operations import Add, Base, Copy, FromContext, MakeDir, Run
from ..optimize.facts import Facts, Observation
from .copies import copied, copy_effects, directory_effects
from .links import Links
from .model import Claim, Effects, Evidence, unknown
from .runs import run_effects

__all__ = ["copied", "effects_of", "placed_files"]


def effects_of(
    layer: ImageLayer,
    facts: Facts,
    observed_id: str | None = None,
    *,
    links: Links | None = None,
    base: str | None = None,
    placed: Mapping[str, str] | None = None,
) -> Effects:
    """What the step of ``layer`` may read of the tree below it, and what it may write.

    ``observed_id`` is the id by which ``facts.observed`` knows the step (its own if none). ``base`` is the id of
    the base's layer where it is known: its links and directories are used, else those of all bases. ``links``
    takes the place of the links of the base (with those that earlier steps made, see :meth:`Links.plus`).
    ``placed`` says which files of the main context are in the image (:func:`placed_files`); without it all
    manifests of a name are taken into account.
    """
    links = links or Links.of(facts, base)
    effects = _static(layer, facts, links, _directories(facts, base), placed)
    observed = facts.observed.get(layer.id if observed_id is None else observed_id)
    return effects if observed is None else _with_observation(effects, observed)


def placed_files(layers: Iterable[ImageLayer], facts: Facts, links: Links | None = None) -> Mapping[str, str]:
    """Which files of the main context the copies among ``layers``, the lowest first, have put into the image:
    image path → path in the context.
    """
    found: dict[str, str] = {}
    for layer in layers:
        operation = layer.operation
        if isinstance(operation, Copy | Add) and operation.origin == FromContext(""):
            for source, paths in copied(layer, facts.contexts.get("", ()), links).items():
                found.update(dict.fromkeys(paths, source))
    return found


def _static(
    layer: ImageLayer,
    facts: Facts,
    links: Links,
    directories: frozenset[str],
    placed: Mapping[str, str] | None,
) -> Effects:
    operation = layer.operation
    if isinstance(operation, Copy | Add):
        return copy_effects(operation, facts, links, directories)
    if isinstance(operation, MakeDir):
        return directory_effects(operation, links, directories)
    if isinstance(operation, Run):
        return run_effects(operation, facts, links, placed)
    assert isinstance(operation, Base)
    return unknown("it is a base image")


def _directories(facts: Facts, base: str | None) -> frozenset[str]:
    """Directories that are surely there, with mode 0755 and owned by root."""
    if base is not None:
        return facts.directories.get(base, frozenset())
    known = iter(facts.directories.values())
    return next(known, frozenset()).intersection(*known)


def _with_observation(effects: Effects, observed: Observation) -> Effects:
    """What was seen takes the place of what was concluded; what was not seen stays."""
    reads, writes = observed.reads, observed.writes
    claims = tuple(
        Claim(f"a build was observed: these are its {what}", Evidence.OBSERVED)
        for what, seen in (("reads", reads), ("writes", writes))
        if seen is not None
    )
    if not claims:
        return effects
    both = reads is not None and writes is not None
    return effects._replace(
        reads=effects.reads if reads is None else reads,
        writes=effects.writes if writes is None else writes,
        evidence=Evidence.OBSERVED if both else effects.evidence,
        unknown="" if both else effects.unknown,
        claims=claims if both else effects.claims + claims,
    )
