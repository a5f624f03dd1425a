"""Say once what several stages begin with.

Equal layers are one in the graph already: BuildKit and layerc run them once, however often the text says them.
Builders that go from line to line run them once for each stage, and people have to keep the copies alike.

**Sound**, because the stages are made of the same layers before and after; the manager compares their ids.
What is merged are the first steps of stages with the same FROM, byte for byte the same and with the same layers,
with a RUN among them. ARG is not merged (its scope is a stage), nor is CMD (ENTRYPOINT drops the one of a stage
below) or anything else that is no ENV, LABEL, USER, WORKDIR, SHELL, RUN, COPY or ADD. If the comments above the
steps are not the same, nothing is merged: somebody had something to say.

Before::

    FROM debian:bookworm-slim AS build
    RUN apt-get update && apt-get install -y libpq5
    RUN make

    FROM debian:bookworm-slim
    RUN apt-get update && apt-get install -y libpq5
    COPY --from=build /app /app

After::

    FROM debian:bookworm-slim AS common
    RUN apt-get update && apt-get install -y libpq5

    FROM common AS build
    RUN make

    FROM common
    COPY --from=build /app /app

If a named stage is the beginning of a later one as a whole, that one goes on from it, and no stage is added.

Reference: common subexpressions.
"""

from __future__ import annotations

import re
from itertools import combinations, count

from ..draft import Draft, Stage, Step
from ..facts import Facts
from ..rewrite import Change, Rewrite

__all__ = ["run"]

_MERGED = frozenset(("ENV", "LABEL", "USER", "WORKDIR", "SHELL", "RUN", "COPY", "ADD"))
_WORD = re.compile(r"[a-zA-Z0-9_.-]+")


def run(draft: Draft, facts: Facts) -> Rewrite:  # noqa: ARG001  # the shape of all passes
    """Merge one pair of stages: those that have the most in common."""
    best: tuple[int, Stage, Stage] | None = None
    for first, second in combinations(draft.stages, 2):
        length = _common(first, second)
        if length and (best is None or length > best[0]):
            best = length, first, second
    return Rewrite(draft) if best is None else _merged(draft, *best)


def _common(first: Stage, second: Stage) -> int:
    """How many steps both begin with; 0 if that is not worth it."""
    if not _same_base(first, second):
        return 0
    length, runs = 0, 0
    for one, other in zip(first.steps, second.steps, strict=False):
        if not _same(one, other):
            break
        length += 1
        runs += one.keyword == "RUN"
    return length if runs else 0


def _same_base(first: Stage, second: Stage) -> bool:
    one, other = first.from_, second.from_
    plain = not one.instruction.flags and not other.instruction.flags
    return plain and one.instruction.args[0] == other.instruction.args[0] and bool(one.built and other.built)


def _same(one: Step, other: Step) -> bool:
    alike = one.keyword in _MERGED and (one.text, one.lead.strip()) == (other.text, other.lead.strip())
    layers = [layer.id for layer in one.layers] == [layer.id for layer in other.layers]
    detached = one.lead.strip() != one.comments.strip()
    return alike and layers and not detached and bool(one.built and other.built)


def _merged(draft: Draft, length: int, first: Stage, second: Stage) -> Rewrite:
    shared = first.steps[:length]
    names = [stage.name for stage in draft.stages]
    whole = length == len(first.steps) and bool(first.name) and names.count(first.name) == 1
    before = {step.key: step.text for step in draft.every}
    name = first.name if whole else _new_name(draft)
    draft = _based_on(draft, second, name, length)
    if not whole:
        draft = _based_on(draft, first, name, length)
        below = draft.find(first.key)
        written = first.from_.instruction.args[0]
        words = (draft.keyword("FROM"), written, draft.keyword("AS"), name)
        from_ = draft.step(" ".join(words), like=first.from_, lead=first.from_.lead)
        draft = draft.replace(below._replace(lead=""), below._replace(lead=draft.newline))
        stage = Stage(from_, shared)
        draft = draft.insert_stage(stage, before=draft.stage_of(below))
    told = "step" if length == 1 else f"{length} steps"
    change = Change(
        f"said the first {told} of {_told(first)} and {_told(second)} once, in the stage {name}",
        "they make the same layers",
        (second.from_.lines[0], second.steps[length - 1].lines[1]),
        tuple(step.key for step in draft.every if before.get(step.key) != step.text),
    )
    return Rewrite(draft, (change,))


def _based_on(draft: Draft, stage: Stage, name: str, length: int) -> Draft:
    """The draft whose ``stage`` goes on from the stage ``name``, without its first steps."""
    for step in stage.steps[:length]:
        draft = draft.delete(draft.find(step.key))
    old = stage.from_
    words = old.text.split()
    text = " ".join((words[0], name, *words[2:]))
    new = draft.step(text, like=old)._replace(key=old.key)
    return draft.replace(draft.find(old.key), new)


def _told(stage: Stage) -> str:
    return stage.name or f"the stage in line {stage.from_.lines[0]}"


def _new_name(draft: Draft) -> str:
    """A name that is not in the file."""
    words = {word.lower() for word in _WORD.findall(draft.text)}
    return next(name for number in count(1) if (name := f"common{number if number > 1 else ''}") not in words)
