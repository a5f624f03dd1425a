"""Move ARG below the RUNs that do not see it, with the LABELs and ENVs that are made of it.

A build argument whose value is another one in each build (a version, a commit, a date) makes BuildKit run every
RUN below it again, for it is in their environment. Below them it costs nothing.

**Sound**, because the ARG passes only steps that can be shown not to see it. A RUN sees it unless
compiler/unread.py proves that no program in it reads the variable, or ``# layerc: named-only`` above the ARG
promises so and the command does not name it. Other instructions see it if their text names it; LABEL, ENV and ARG
that do so move along, if they may pass as well: an ENV passes no other ENV, so that the order of the variables in
the config stays, and no RUN that may read it; nothing passes what sets a variable that its own text names. CMD,
ENTRYPOINT, HEALTHCHECK, SHELL and ONBUILD are not expanded when an image is built.

It is done where it pays: with a promise, or if the RUNs that are passed were seen to take a second or more; those
without a promise are the likes of ``mkdir``. ENV and LABEL alone are left where they are: their text changes
seldom, and a LABEL is part of no step's identity.

Before::

    # layerc: named-only
    ARG COMMIT
    LABEL commit=$COMMIT
    RUN apt-get update && apt-get install -y curl
    CMD ["curl"]

After::

    RUN apt-get update && apt-get install -y curl
    # layerc: named-only
    ARG COMMIT
    LABEL commit=$COMMIT
    CMD ["curl"]

At -O2 ``late-arguments`` does the same without a promise for an ARG that only LABELs name: what is different
is that RUNs above it do not have it in their environment any more.

Reference: code sinking.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ...graph.operations import Run
from ...shell.programs import is_system
from ...unread import is_named, reading_of
from ..draft import Draft, Stage, Step
from ..facts import Facts
from ..rewrite import Change, Refusal, Rewrite

__all__ = ["run", "run_late"]

_FOLLOW = frozenset(("ARG", "ENV", "LABEL"))
_NOT_EXPANDED = frozenset(("CMD", "ENTRYPOINT", "HEALTHCHECK", "SHELL", "ONBUILD", "MAINTAINER"))
_PROMISE = re.compile(r"^[ \t]*#\s*layerc:\s*named-only\s*$", re.MULTILINE | re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORTH = 1.0  # seconds that the steps that are passed have to take
#: Why a RUN sees a variable; empty if it does not.
Sees = Callable[[Run, str], str]


class _Way(NamedTuple):
    """How far a group of steps may sink: behind the step ``behind`` (none: not at all), past ``passed`` RUNs.

    ``stopped`` is why a RUN that does not name the variable is not passed, ``at`` is that RUN.
    """

    group: tuple[Step, ...]
    behind: Step | None
    passed: tuple[Step, ...]
    stopped: str = ""
    at: Step | None = None


def run(draft: Draft, facts: Facts) -> Rewrite:
    """Move what is shown to be unread, where that pays."""
    promised = _promised(draft)

    def sees(operation: Run, name: str) -> str:
        return reading_of(operation._replace(named_only=promised), name)

    def pays(step: Step, way: _Way) -> bool:
        seen = (facts.observed.get(layer.id) for run in way.passed for layer in run.layers)
        seconds = sum(each.seconds or 0 for each in seen if each is not None)
        return seconds >= _WORTH or not _set_by(step).isdisjoint(promised)

    return _sunk(draft, sees, _any_argument, pays)


def run_late(draft: Draft, facts: Facts) -> Rewrite:  # noqa: ARG001  # the shape of all passes
    """Move what only labels name."""
    rewrite = _sunk(draft, _names, _only_labels, lambda *_: True, "the environment of RUN has no {} any more")
    return rewrite._replace(refusals=())


def _any_argument(stage: Stage, step: Step) -> bool:  # noqa: ARG001  # the shape of _only_labels
    return True


def _promised(draft: Draft) -> tuple[str, ...]:
    """Arguments of which the user says that only commands that name them read them. The plan has those alone that
    have a value now.
    """
    args = [step for step in draft.every if step.keyword == "ARG"]
    said = {name for step in args if _PROMISE.search(step.comments) for name in _set_by(step)}
    kept = {name for step in draft.every if step.keyword == "ENV" for name in _set_by(step)}
    bases = {
        name for stage in draft.stages for each in stage.from_.built for name, _ in each.after.config.env
    }
    return tuple(sorted(said - kept - bases))


def _names(operation: Run, name: str) -> str:
    return f"it names {name}" if is_named(operation, name) else ""


def _only_labels(stage: Stage, step: Step) -> bool:
    """Whether the names of an ARG stand in LABELs of the stage and nowhere else in it."""
    names = _set_by(step)
    if any(is_system(name) for name in names):
        return False
    users = [each for each in stage.steps if each.key != step.key and _mentions(each.text, names)]
    return bool(users) and all(each.keyword == "LABEL" for each in users)


def _sunk(
    draft: Draft,
    sees: Sees,
    wanted: Callable[[Stage, Step], bool],
    pays: Callable[[Step, _Way], bool],
    differs: str = "",
) -> Rewrite:
    changes: list[Change] = []
    refusals: list[Refusal] = []
    for before in draft.stages:
        for key in [step.key for step in reversed(before.steps) if step.keyword == "ARG"]:
            stage = draft.stage_of(draft.find(key))
            step = draft.find(key)
            if not step.built or not wanted(stage, step):
                continue
            way = _way(stage.steps, step, sees)
            if way.behind is None:
                refusals += _refused(step, way)
                continue
            if not pays(step, way):
                continue
            draft = _moved(draft, way)
            changes.append(_change(step, way, differs))
    return Rewrite(draft, tuple(changes), tuple(refusals))


def _change(step: Step, way: _Way, differs: str) -> Change:
    names = ", ".join(sorted(_set_by(step)))
    last = f"the RUN in line {way.passed[-1].lines[0]}" if way.passed[-1].lines[0] else "RUN"
    runs = "that RUN does" if len(way.passed) == 1 else f"the {len(way.passed)} RUNs on the way do"
    return Change(
        f"moved ARG {names} below {last}",
        "only LABELs are made of it" if differs else f"{runs} not see it",
        step.lines,
        tuple(each.key for each in way.group),
        saves="running it again for each other value",
        differs=differs.format(names) if differs else "",
    )


def _refused(step: Step, way: _Way) -> list[Refusal]:
    if way.at is None or not way.stopped:
        return []
    names = ", ".join(sorted(_set_by(step)))
    followers = [each for each in way.group if each.keyword == "ENV"]
    needed = "write `# layerc: named-only` above the ARG if only commands that name it read it"
    why = way.stopped
    if followers:
        why, needed = f"{_told(followers[0])} is made of it, and {why}", ""
    return [Refusal(f"move ARG {names} below line {way.at.lines[0]}", why, step.lines, needed)]


def _way(steps: Sequence[Step], step: Step, sees: Sees) -> _Way:
    """How far ``step`` and what is made of it can sink."""
    start = next(index for index, each in enumerate(steps) if each.key == step.key)
    group = [step]
    passed: list[Step] = []
    done: tuple[tuple[Step, ...], Step | None, tuple[Step, ...]] = ((step,), None, ())
    for other in steps[start + 1 :]:
        if other.keyword in _FOLLOW and other.keyword not in _NOT_EXPANDED and _uses(other, group):
            group.append(other)
            continue
        stopped = _obstacle(group, other, sees)
        if stopped is not None:
            named = other.keyword != "RUN" or any(_mentions(other.text, _set_by(each)) for each in group)
            return _Way(*done, "" if named else stopped, other)._replace(
                group=done[0] if done[1] else tuple(group)
            )
        if other.keyword == "RUN":
            passed.append(other)
            done = (tuple(group), other, tuple(passed))
    return _Way(*done)


def _obstacle(group: Sequence[Step], other: Step, sees: Sees) -> str | None:
    """Why a group may not pass ``other``; none if it may."""
    if not other.built:
        return "what it does is not known"
    for member in group:
        names = _set_by(member)
        if other.keyword not in _NOT_EXPANDED and other.keyword != "RUN" and _mentions(other.text, names):
            return "it is made of it"
        if _mentions(member.text, _set_by(other)) or not names.isdisjoint(_set_by(other)):
            return "it sets a variable of the same name"
        if member.keyword == "ENV" and other.keyword == "ENV":
            return "the order of variables in the config would change"
        if member.keyword == "LABEL" and other.keyword == "LABEL" and not _other_labels(member, other):
            return "it may set the same label"
        if other.keyword == "RUN" and member.keyword in ("ARG", "ENV"):
            for layer in other.layers:
                assert isinstance(layer.operation, Run)
                for name in names:
                    if why := sees(layer.operation, name):
                        return why
            if not other.layers or _mentions(other.text, names):
                return f"it names {', '.join(sorted(names))}"
    return None


def _uses(step: Step, group: Sequence[Step]) -> bool:
    """Whether ``step`` is made of what the group sets."""
    return any(_mentions(step.text, _set_by(member)) for member in group)


def _set_by(step: Step) -> frozenset[str]:
    """Variables that an ARG or ENV sets, by their names as written."""
    args = step.instruction.args
    if step.keyword == "ARG":
        return frozenset(word.partition("=")[0] for word in args)
    return frozenset(args[::2]) if step.keyword == "ENV" else frozenset()


def _mentions(text: str, names: frozenset[str]) -> bool:
    words = set(_NAME.findall(text)) if names else set()
    return not names.isdisjoint(words) or any(not _NAME.fullmatch(name) for name in names)


def _other_labels(first: Step, second: Step) -> bool:
    names = [frozenset(step.instruction.args[::2]) for step in (first, second)]
    plain = all(re.fullmatch(r"[\w.\-/]+", name) for each in names for name in each)
    return plain and names[0].isdisjoint(names[1])


def _moved(draft: Draft, way: _Way) -> Draft:
    assert way.behind is not None
    for member in way.group:
        draft = draft.delete(draft.find(member.key))
    behind = way.behind
    for member in way.group:
        moved = member._replace(lead=member.comments)
        draft = draft.insert_behind(moved, draft.find(behind.key))
        behind = moved
    return draft


def _told(step: Step) -> str:
    text = " ".join(step.text.split())
    return text if len(text) <= 50 else text[:49] + "…"
