"""Remove stages that nothing is made of.

**Sound**, because a stage that no image needs takes no part in any image: its steps are not run. At -O1 only
stages without a name go; one with a name may be somebody's ``--target``, so it stays, with a remark. At -O2
named ones go, too: ``--target NAME`` then ends with an error. The last stage, which is the default target, and what
``--target`` asks for always stay. Numbers in ``COPY --from=NUMBER`` are put right; whoever names a target by its
number has to look.

Before::

    FROM golang:1.23
    RUN go install example.com/tool@latest
    FROM alpine:3.20
    RUN apk add curl

After::

    FROM alpine:3.20
    RUN apk add curl

Reference: elimination of dead code; BuildKit skips such stages as well, the classic builder runs them.
"""

from __future__ import annotations

from ..draft import Draft, Stage
from ..facts import Facts
from ..rewrite import Change, Refusal, Rewrite

__all__ = ["run", "run_named"]


def run(draft: Draft, facts: Facts) -> Rewrite:  # noqa: ARG001  # the shape of all passes
    """Remove unnamed ones."""
    dead = [stage for stage in draft.stages if not stage.used and not stage.name]
    unused = [stage for stage in draft.stages[:-1] if stage.name and not stage.needed]
    wanted = draft.stages[draft.target_index]
    remarks = (
        Refusal(
            f"remove the stage {stage.name}",
            f"{_told(wanted)} does not need it, but it has a name: --target {stage.name} may be in use",
            _lines(stage),
            "-O2 removes it",
        )
        for stage in unused
    )
    after, touched = _without(draft, dead)
    changes = tuple(
        Change(
            f"removed the stage {stage.from_.instruction.args[0]}",
            "nothing is made of it",
            _lines(stage),
            touched,
        )
        for stage in dead
    )
    return Rewrite(after, changes, tuple(remarks))


def run_named(draft: Draft, facts: Facts) -> Rewrite:  # noqa: ARG001  # the shape of all passes
    """Remove named ones that the target does not need."""
    is_last = draft.target_index == len(draft.stages) - 1  # else the last stage may need them
    dead = [stage for stage in draft.stages if is_last and not stage.needed]
    after, touched = _without(draft, dead)
    changes = tuple(
        Change(
            f"removed the stage {stage.name}",
            f"{_told(draft.stages[draft.target_index])} does not need it",
            _lines(stage),
            touched,
            differs=f"--target {stage.name} is an error now",
        )
        for stage in dead
    )
    return Rewrite(after, changes)


def _without(draft: Draft, dead: list[Stage]) -> tuple[Draft, tuple[int, ...]]:
    """The draft without stages, and the keys of the steps that name a stage by another number now."""
    after = draft
    for stage in dead:
        after = after.delete_stage(stage)
    texts = {step.key: step.text for step in draft.every}
    return after, tuple(step.key for step in after.every if step.text != texts[step.key])


def _told(stage: Stage) -> str:
    return f"the stage {stage.name}" if stage.name else "the image"


def _lines(stage: Stage) -> tuple[int, int]:
    return stage.from_.lines[0], max(step.lines[1] for step in stage.every)
