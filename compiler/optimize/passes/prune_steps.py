"""Remove instructions without effect: said before, overwritten, or doing nothing.

What goes, and why that is **sound** for any base image, platform and build argument (only words without ``$`` count
as equal):

* ENV, LABEL, EXPOSE, VOLUME, USER, STOPSIGNAL, SHELL that say again what an earlier one of the same stage says,
  with nothing between them that could change it: the config and what steps see are the same without it.
* CMD, ENTRYPOINT, HEALTHCHECK, STOPSIGNAL and USER that a later one of the same stage overwrites, where nothing
  between them looks: CMD, ENTRYPOINT and HEALTHCHECK are seen by no step.
* WORKDIR of the directory that is the working directory already, if no step between may have removed it: it makes
  a directory only where there is none.
* ``RUN true`` and ``RUN :`` without flags, as root, where the working directory is there: they write nothing.

Before::

    ENV LANG=C.UTF-8
    WORKDIR /app
    COPY . .
    ENV LANG=C.UTF-8
    WORKDIR /app
    CMD ["sh"]
    CMD ["./serve"]

After::

    ENV LANG=C.UTF-8
    WORKDIR /app
    COPY . .
    CMD ["./serve"]

Reference: common subexpressions and dead stores.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ...effects.steps import effects_of
from ...graph.operations import Copy, MakeDir, Operation
from ..compiled import State
from ..draft import Draft, Step
from ..facts import Facts
from ..rewrite import Change, Rewrite

__all__ = ["run"]

_REPEATED = frozenset(("ENV", "LABEL", "EXPOSE", "VOLUME", "USER", "STOPSIGNAL", "SHELL"))
_PAIRS = frozenset(("ENV", "LABEL"))
_ADDING = frozenset(("EXPOSE", "VOLUME"))
_UNSEEN = frozenset(("CMD", "ENTRYPOINT", "HEALTHCHECK", "STOPSIGNAL"))
# Instructions that neither run as the user nor make anything.
_BLIND = frozenset(
    (
        "ARG",
        "CMD",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
        "SHELL",
        "STOPSIGNAL",
        "VOLUME",
    )
)
_PLAIN = re.compile(r"[^\"'\\`]+")
_NOTHING = frozenset(("true", ":", "/bin/true"))
_ROOT = frozenset(("", "root", "0"))
_SHELLS = frozenset((None, ("/bin/sh", "-c"), ("/bin/bash", "-c")))


def run(draft: Draft, facts: Facts) -> Rewrite:
    """Remove what has no effect, one after the other."""
    after = draft
    changes: list[Change] = []
    for stage in draft.stages:
        steps = list(stage.steps)
        useless: dict[int, str] = {}
        for step in stage.steps:
            index = next(index for index, each in enumerate(steps) if each.key == step.key)
            if step.built and (why := _useless(step, steps[:index], steps[index + 1 :], facts)):
                del steps[index]
                useless[step.key] = why
                after = after.delete(after.find(step.key))
        below = stage.key
        for step in reversed(stage.steps):
            if step.key in useless:
                changes.append(Change(f"removed {_told(step)}", useless[step.key], step.lines, (below,)))
            else:
                below = step.key
    return Rewrite(after, tuple(sorted(changes, key=lambda change: change.lines)))


def _useless(step: Step, above: Sequence[Step], below: Sequence[Step], facts: Facts) -> str:
    """Why ``step`` has no effect, in words; empty if it may have one."""
    if step.keyword in _REPEATED and (found := _said(step, above)):
        return found
    if step.keyword in _UNSEEN or step.keyword == "USER":
        return _overwritten(step, below)
    if step.keyword == "WORKDIR":
        return _there(step, above, facts)
    if step.keyword == "RUN":
        return _nothing(step, above, facts)
    return ""


def _said(step: Step, above: Sequence[Step]) -> str:
    """An earlier one says the same, and none between says anything else."""
    if _is_variable(step):
        return ""
    for other in reversed(above):
        if other.keyword == step.keyword and _same(other, step):
            return (
                f"line {other.lines[0]} says the same" if other.lines[0] else "an earlier line says the same"
            )
        if step.keyword in _PAIRS:
            kinds = ("ENV", "ARG") if step.keyword == "ENV" else ("LABEL",)
            if other.keyword in kinds and (_is_variable(other) or not _names(step).isdisjoint(_names(other))):
                return ""
        elif other.keyword == step.keyword and step.keyword not in _ADDING:
            return ""
    return ""


def _overwritten(step: Step, below: Sequence[Step]) -> str:
    """A later one takes its place before anybody looks."""
    if _is_variable(step):
        return ""
    for other in below:
        if other.keyword == step.keyword:
            return f"line {other.lines[0]} overwrites it" if other.lines[0] else "a later line overwrites it"
        if step.keyword == "USER" and other.keyword not in _BLIND:
            return ""
    return ""


def _there(step: Step, above: Sequence[Step], facts: Facts) -> str:
    """The directory was made by an earlier WORKDIR and is there still."""
    if _is_variable(step) or not step.instruction.args[0].startswith("/"):
        return ""
    made = _last_workdir(above)
    if made is None or not _same(above[made], step) or not _is_kept(above[made], above[made + 1 :], facts):
        return ""
    line = above[made].lines[0]
    return f"line {line} has made and entered it" if line else "it is entered already"


def _nothing(step: Step, above: Sequence[Step], facts: Facts) -> str:
    instruction = step.instruction
    command = instruction.args[0].strip() if len(instruction.args) == 1 else ""
    plain = not instruction.flags and not instruction.heredocs and command in _NOTHING
    if not plain or not all(_can_run(built.before) for built in step.built):
        return ""
    if any((built.before.config.workdir or "/") != "/" for built in step.built):
        made = _last_workdir(above)  # a step makes its directory where that is missing
        if made is None or not _is_kept(above[made], above[made + 1 :], facts):
            return ""
    return "it does nothing"


def _can_run(state: State) -> bool:
    """Whether a shell can be expected to run: there are files, and the user is one that there is."""
    config = state.config
    return state.layer is not None and config.shell in _SHELLS and config.user in _ROOT


def _last_workdir(steps: Sequence[Step]) -> int | None:
    return max((index for index, each in enumerate(steps) if each.keyword == "WORKDIR"), default=None)


def _is_kept(workdir: Step, between: Iterable[Step], facts: Facts) -> bool:
    """Whether none of the steps may remove or replace the directory that ``workdir`` has made."""
    effects = [effects_of(layer, facts) for layer in workdir.layers]
    others = [
        effects_of(layer, facts)
        for step in between
        for layer in step.layers
        if not isinstance(layer.operation, MakeDir) and not _only_adds(layer.operation)
    ]
    if any(each.unknown for each in (*effects, *others)):
        return False
    needed = [each.reads | each.writes.as_reads() for each in effects]
    written = [each.writes._replace(directories=frozenset()) for each in others]
    return not any(reads.conflict(writes) for reads in needed for writes in written)


def _only_adds(operation: Operation) -> bool:
    """COPY puts nothing in the place of a directory; where it is linked, its layer may."""
    return isinstance(operation, Copy) and not operation.link


def _same(first: Step, second: Step) -> bool:
    one, other = first.instruction, second.instruction
    return (one.args, one.exec_form, one.flags) == (other.args, other.exec_form, other.flags)


def _names(step: Step) -> frozenset[str]:
    if step.keyword == "ARG":
        return frozenset(word.partition("=")[0] for word in step.instruction.args)
    return frozenset(step.instruction.args[::2])


def _is_variable(step: Step) -> bool:
    """Whether its words may mean something else than what is written."""
    names = _names(step) if step.keyword in ("ENV", "ARG", "LABEL") else ()
    return "$" in step.text or any(not _PLAIN.fullmatch(name) for name in names)


def _told(step: Step) -> str:
    return " ".join(step.text.split())[:60]
