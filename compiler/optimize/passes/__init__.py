"""The passes, in the order in which they run. Adding one is adding a file and a row of :data:`PASSES`.

A pass is a function ``run(draft: Draft, facts: Facts) -> Rewrite``, pure and deterministic; its file's
docstring says what it does, why that is sound, an example before and after, and where the idea comes from. It may
do one thing or all that it finds: the sequence is repeated until no pass changes anything. No pass may undo what
it or another one did.

``facts.observed`` is by the ids of the layers *as they are now* (steps that were moved keep what was seen of
them), so ``effects_of(step.layers[n], facts)`` is all that a pass has to ask.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..draft import Draft
from ..facts import Facts
from ..rewrite import Rewrite
from . import (
    cache_mounts,
    clean_lists,
    copy_link,
    join_run,
    merge_equal,
    metadata,
    prune_stages,
    prune_steps,
    reorder,
    split_copy,
    split_run,
)

__all__ = ["PASSES", "Pass"]


class Pass(NamedTuple):
    """``level`` is the lowest of -O1 and -O2 at which it runs. ``same_layers`` says that it changes no layer of
    the images: the manager then compares their ids. ``drops_stages`` are those that it may remove: ``none``,
    ``unnamed`` or ``any``.
    """

    name: str
    summary: str
    level: int
    run: Callable[[Draft, Facts], Rewrite]
    same_layers: bool = False
    drops_stages: str = "none"


PASSES: tuple[Pass, ...] = (
    Pass(
        "prune-stages",
        "remove unnamed stages that nothing is made of",
        1,
        prune_stages.run,
        same_layers=True,
        drops_stages="unnamed",
    ),
    Pass(
        "prune-named-stages",
        "remove named stages that the target does not need",
        2,
        prune_stages.run_named,
        same_layers=True,
        drops_stages="any",
    ),
    Pass("prune-steps", "remove instructions without effect", 1, prune_steps.run),
    Pass(
        "merge-equal",
        "say once what several stages begin with",
        1,
        merge_equal.run,
        same_layers=True,
    ),
    Pass("metadata", "move ARG below the RUNs that do not see it", 1, metadata.run),
    Pass("late-arguments", "move ARG that only LABELs are made of below RUNs", 2, metadata.run_late),
    Pass("split-run", "run what takes long and seldom changes as a step of its own", 1, split_run.run),
    Pass("reorder", "move steps above those that run again more often", 1, reorder.run),
    Pass("split-copy", "copy what an install reads before it, and the rest after it", 1, split_copy.run),
    Pass(
        "join-run",
        "clean up in the step that leaves something, fetch package lists in the one that needs them",
        1,
        join_run.run,
    ),
    Pass("copy-link", "keep copies that do not depend on what is below them", 1, copy_link.run),
    Pass("cache-mounts", "keep what package managers download in cache mounts", 2, cache_mounts.run),
    Pass("clean-lists", "remove apt's package lists in the step that fetches them", 2, clean_lists.run),
)
