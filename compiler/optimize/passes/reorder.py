"""Move steps up, above steps that run again more often, where that makes no difference to either.

**Sound** because two steps may change places if neither writes what the other reads or writes, and if each sees
the same environment, user, directory and shell at its new place. That is asked of each pair that changes its
order:

* what steps read and write comes from traces, texts and profiles; of an unknown program it is everything;
* a RUN is never moved above an ENV, ARG, USER, WORKDIR, SHELL or VOLUME that stands above it, nor are they
  moved above a RUN; a COPY with a variable keeps its place among ENV and ARG, one to a relative destination
  among WORKDIRs;
* what a moved step needs goes with it: the COPY of what it installs by, the ENV that it sees.

**Worth it** only where the expected seconds per change fall by half a second or more: by the git history of the
context, and the times of earlier builds or else estimates of the tools. Without a history, nine changes in ten
are taken to edit a source file, and the tenth what tools install by (package.json): installs of system packages
come first then, those of dependencies next, sources last. As each move makes that number smaller, passes never
undo each other's work.

Before::

    COPY . /app
    RUN apt-get update && apt-get install -y curl

After::

    RUN apt-get update && apt-get install -y curl
    COPY . /app

Reference: "order your layers", Docker's build best practices; *Doctor* (arXiv 2504.01742) reorders by history.
"""

from __future__ import annotations

from ...effects.model import Evidence
from ..draft import Draft, Step
from ..facts import Facts
from ..knowledge import Knowledge, Known
from ..ordering import Lift, Order
from ..rewrite import Change, Refusal, Rewrite

__all__ = ["run"]

_LEAST = 0.5  # seconds per change that a move must save


def run(draft: Draft, facts: Facts) -> Rewrite:
    """Move steps of each stage until nothing is gained any more."""
    knowledge = Knowledge.of_draft(draft, facts)
    changes: list[Change] = []
    refusals: list[Refusal] = []
    for stage in draft.stages:
        order = Order(knowledge, knowledge.of(stage), knowledge.below(stage))
        while (lift := order.best(_LEAST)) is not None:
            order.apply(lift)
            draft = _moved(draft, lift)
            changes.append(_change(lift))
        for step, above, why in order.refused.values():
            if any(item.effects is not None and item.effects.unknown for item in (step, above)):
                refusals.append(_refusal(step, above, why))
    return Rewrite(draft, tuple(changes), tuple(refusals))


def _moved(draft: Draft, lift: Lift) -> Draft:
    for item in lift.moved:
        draft = draft.move(draft.find(item.step.key), before=draft.find(lift.above.step.key))
    return draft


def _change(lift: Lift) -> Change:
    wanted = lift.wanted
    others = [item.step for item in lift.moved if item is not wanted]
    along = f", with {', '.join(map(_title, others))}" if others else ""
    effects = [item.effects for item in lift.moved if item.effects is not None]
    claims = [claim for each in effects for claim in each.claims if claim.evidence < Evidence.OBSERVED]
    return Change(
        f"moved {_title(wanted.step)} above {_title(lift.above.step)}{along}",
        "neither reads or writes what the other writes, and what is above changes more often",
        wanted.step.lines,
        tuple(item.step.key for item in lift.moved),
        min((each.evidence for each in effects), default=Evidence.TEXT),
        tuple(dict.fromkeys(claims)),
        f"about {lift.seconds:.1f} s per change",
    )


def _refusal(known: Known, above: Known, why: str) -> Refusal:
    step, needed = known.step, ""
    if known.effects is not None and known.effects.unknown and step.built:
        needed = f"build once with layerc to observe what line {step.lines[0]} reads"
    return Refusal(f"move {_title(step)} above {_title(above.step)}", why, step.lines, needed)


def _title(step: Step) -> str:
    """Its text on one short line."""
    text = " ".join(step.text.split())
    return text if len(text) <= 60 else text[:59] + "…"
