"""Remove the package lists that ``apt-get update && apt-get install`` leaves in its layer.

They are some 20 MB, of no use without the next ``apt-get update``, which fetches them anew.

**What differs**: ``/var/lib/apt/lists`` is empty in the image. Nothing else: no step below uses the lists that
this one fetched (each one that calls apt begins with an ``update``), and none copies them. Only for root, and only
where the script leaves the shell as it was, so that the further command does what it says.

Before::

    RUN apt-get update && apt-get install -y curl

After::

    RUN apt-get update && apt-get install -y curl \\
        && rm -rf /var/lib/apt/lists/*

Reference: Docker's build best practices, "apt-get"; hadolint's DL3009.
"""

from __future__ import annotations

from ...effects.model import Effects, Evidence
from ..chains import joined_text, run_of, script_of, why_not_behind
from ..cleaning import needs_lists_later
from ..draft import Draft, Stage, Step
from ..facts import Facts
from ..knowledge import Knowledge
from ..rewrite import Change, Refusal, Rewrite

__all__ = ["run"]

_LISTS = "/var/lib/apt/lists"
_COMMAND = f"rm -rf {_LISTS}/*"
_ROOT = frozenset(("", "root", "0"))


def run(draft: Draft, facts: Facts) -> Rewrite:
    """Clean up in every step that leaves lists."""
    knowledge = Knowledge.of_draft(draft, facts)
    after = draft
    changes: list[Change] = []
    refusals: list[Refusal] = []
    for stage in draft.stages:
        for known in knowledge.of(stage):
            step = known.step
            if known.effects is None or not _leaves_lists(step, known.effects):
                continue
            what = f"remove {_LISTS} at the end of line {step.lines[1]}"
            if why := _why_not(draft, stage, step):
                refusals.append(Refusal(what, why, step.lines))
                continue
            new = draft.step(joined_text(draft, step.text, _COMMAND), like=step)
            after = after.replace(after.find(step.key), new)
            changes.append(_change(step, new))
    return Rewrite(after, tuple(changes), tuple(refusals))


def _leaves_lists(step: Step, effects: Effects) -> bool:
    """Whether it fetches lists for an install of its own, and does not remove them."""
    run = run_of(step)
    if run is None or script_of(step) is None or _LISTS not in effects.caches:
        return False
    text = run.argv[-1]
    if _LISTS in text or "install" not in text or "update" not in text or "distclean" in text:
        return False
    return not any(
        mount.target.rstrip("/") in {_LISTS, "/var/lib/apt", "/var/lib", "/var"} for mount in run.mounts
    )


def _why_not(draft: Draft, stage: Stage, step: Step) -> str:
    run = run_of(step)
    if run is None or run.user not in _ROOT:
        return "it does not run as root"
    return why_not_behind(step, draft, anywhere=True) or needs_lists_later(draft, stage, step)


def _change(step: Step, new: Step) -> Change:
    return Change(
        f"removed {_LISTS} at the end of {_title(step)}",
        "no step uses the lists later",
        step.lines,
        (new.key,),
        Evidence.PROFILE,
        differs=f"{_LISTS} is empty",
    )


def _title(step: Step) -> str:
    """Its text on one short line."""
    text = " ".join(step.text.split())
    return text if len(text) <= 60 else text[:59] + "…"
