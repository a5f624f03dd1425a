"""``layerc explain``: why the steps of a build were found, or had to run."""

from __future__ import annotations

import argparse
import json
import os
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .options import add_store_option
from .progress.words import duration
from .terminal import Style, clip, columns, printable, visible, wants_colour

if TYPE_CHECKING:
    from ..decisions import Change, Decision
    from ..engine.history import BuildRecord, StepRecord
    from .parser import ArgumentParser

__all__ = ["add_arguments", "document", "render", "run"]

_EPILOG = """\
examples:
  layerc explain                 every step of the last build
  layerc explain build:3         one step, by stage and number
  layerc explain "npm ci"        steps by a part of their instruction
  layerc explain --list          the builds that are remembered
"""
_NARROWEST, _WIDEST = 40, 110
_DIGEST = 12  # digits that are shown
_DEEP = " " * 4
_LEVELS = {
    "definition": "found",
    "content": "found by content",
    "trace": "found by trace",
}


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.usage = "layerc explain [OPTIONS] [STEP]"
    parser.description = (
        "Tell for each step of a build whether it was found in the cache or ran, what decided\n"
        "that, and what it cost or saved."
    )
    parser.epilog = _EPILOG
    parser.add_argument(
        "step",
        metavar="STEP",
        nargs="?",
        help="STAGE:NUMBER, or a part of the instruction (default: all steps)",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--last", action="store_true", help="the last build (this is the default)")
    which.add_argument("--build", metavar="NUMBER", type=_number, help="an earlier build, by its number")
    which.add_argument("--list", action="store_true", help="list the builds that are remembered")
    parser.add_argument("--json", action="store_true", help="print JSON (docs/explain.schema.json)")
    add_store_option(parser)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a build")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Explain."""
    from ..engine.history import read_builds
    from ..store.store import Store
    from .recorded import find_build, find_steps

    style, screen = Style(wants_colour(sys.stdout)), columns(sys.stdout, 80)
    with Store.open(arguments.store) as store:
        if arguments.list:
            builds = list(read_builds(os.path.join(store.root, "builds")))
            print(
                json.dumps([_summary(build) for build in builds], indent=1)
                if arguments.json
                else "\n".join(_listed(build, style) for build in builds) or "no build is remembered"
            )
            return 0
        build = find_build(store, arguments.build)
        steps = build.steps if arguments.step is None else find_steps(build, arguments.step)
    if arguments.json:
        print(json.dumps(document(build, steps), indent=1))
    else:
        print(printable(render(build, steps, style, screen), sys.stdout))
    return 0


# --- for programs ------------------------------------------------------------------------------------


def document(build: BuildRecord, steps: Sequence[StepRecord]) -> dict[str, Any]:
    """The form that docs/explain.schema.json describes."""
    return {"format": "layerc.explain/1", "build": _summary(build), "steps": [_step(step) for step in steps]}


def _summary(build: BuildRecord) -> dict[str, Any]:
    ran, cached = _parts(build)
    return {
        "number": build.number,
        "name": build.name,
        "started": _stamp(build.started),
        "seconds": round(build.seconds, 3),
        "failed": build.failed,
        "executed": len(ran),
        "cached": len(cached),
        "lost": round(sum(step.seconds for step in ran), 3),
        "saved": round(sum(step.seconds for step in cached), 3),
    }


def _step(step: StepRecord) -> dict[str, Any]:
    values = step._asdict()
    decision = step.decision
    del values["decision"], values["is_base"]
    values["seconds"] = round(step.seconds, 3)
    earlier = decision.earlier
    values |= {
        "hit": decision.is_hit,
        "level": decision.level,
        "cause": decision.cause,
        "subject": decision.subject,
        "reason": decision.reason,
        "changes": [change._asdict() for change in decision.changes],
        "more": decision.more,
        "earlier": None
        if earlier is None
        else {"started": _stamp(earlier.when), "seconds": round(earlier.seconds, 3)},
        "note": decision.note,
    }
    return values


def _parts(build: BuildRecord) -> tuple[list[StepRecord], list[StepRecord]]:
    """The steps that ran, and those that were found; without base images."""
    steps = [step for step in build.steps if not step.is_base]
    return [step for step in steps if not step.decision.is_hit], [
        step for step in steps if step.decision.is_hit
    ]


def _stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


# --- for people --------------------------------------------------------------------------------------


def render(
    build: BuildRecord, steps: Sequence[StepRecord], style: Style, screen: int, now: float | None = None
) -> str:
    """A paragraph for each step, after a line about the build."""
    room = max(min(screen, _WIDEST), _NARROWEST)
    moment = time.time() if now is None else now
    ran, cached = _parts(build)
    name = f" of {clip(visible(_short_name(build.name)), room // 2)}" if build.name else ""
    head = f"build {build.number}{name}, {_ago(moment - build.started)}{', failed' if build.failed else ''}: "
    head += (
        f"{_count(len(ran))} ran{_seconds(ran, ' in ')}, {len(cached)} found{_seconds(cached, ', saved ')}"
    )
    lines = textwrap.wrap(head, room, subsequent_indent="  ")
    for step in steps:
        if not (step.is_base and step.decision.is_hit and len(steps) > 1):
            lines += ["", *_paragraph(step, style, room, moment)]
    return "\n".join(lines)


def _short_name(name: str) -> str:
    """A tag as people write it."""
    return name.removeprefix("docker.io/").removeprefix("library/").removesuffix(":latest")


def _paragraph(step: StepRecord, style: Style, room: int, now: float) -> Iterator[str]:
    from .recorded import step_title

    decision = step.decision
    yield style("bold", clip(visible(step_title(step)), room))
    colour = "green" if decision.is_hit else "red" if step.state == "failed" else "yellow"
    state = _state(step)
    reason = visible(_headline(decision))
    first, *others = textwrap.wrap(
        f"{state}: {reason}" if reason else state, room, initial_indent="  ", subsequent_indent="    "
    )
    yield first.replace(state, style(colour, state), 1)
    yield from others
    width = max((len(visible(change.path)) for change in decision.changes), default=0)
    for change in decision.changes:
        yield style(
            "dim" if decision.is_hit else "", clip(f"    {_changed(change, min(width, room // 2))}", room)
        )
    if decision.more:
        yield "    …"
    if decision.note and decision.cause == "operation":
        yield from textwrap.wrap(visible(decision.note), room, initial_indent=_DEEP, subsequent_indent=_DEEP)
    elif decision.note:
        yield clip(f"{_DEEP}not traced the last time: {visible(decision.note)}", room)
    if decision.earlier is not None and not decision.is_hit:
        earlier = decision.earlier
        yield clip(f"    it ran {_ago(now - earlier.when)}, in {duration(earlier.seconds)}", room)


def _headline(decision: Decision) -> str:
    """The reason without the paths, which stand below it."""
    if decision.cause == "parent" and decision.changes and not decision.note:
        return "files changed that it reads"
    if decision.cause == "base":
        return "the image was brought in"
    if decision.cause == "unread" and decision.changes:
        return "it reads nothing of what changed"
    return decision._replace(changes=()).reason


def _state(step: StepRecord) -> str:
    took = duration(step.seconds)
    decision = step.decision
    if decision.level is not None:
        return f"{_LEVELS[decision.level]}, saved {took}"
    words = {"done": f"ran {took}", "failed": f"failed after {took}", "canceled": f"stopped after {took}"}
    return words.get(step.state, "did not end")


def _changed(change: Change, width: int) -> str:
    path = clip(visible(change.path), width)
    before, after = _short(change.before), _short(change.after)
    values = f"  {before} → {after}" if before and after else ""
    return f"{path:<{width}}  {change.change}{values}"


def _short(value: str) -> str:
    return visible(value.removeprefix("sha256:")[:_DIGEST] if value.startswith("sha256:") else value)


def _listed(build: BuildRecord, style: Style) -> str:
    ran, cached = _parts(build)
    state = style("red", "failed ") if build.failed else ""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(build.started))
    took = duration(build.seconds)
    counts = f"{len(ran)} ran, {len(cached)} found"
    return f"{build.number:>5}  {when}  {took:>7}  {state}{counts}  {visible(_short_name(build.name))}"


def _count(number: int) -> str:
    return "1 step" if number == 1 else f"{number} steps"


def _seconds(steps: Sequence[StepRecord], word: str) -> str:
    return f"{word}{duration(sum(step.seconds for step in steps))}" if steps else ""


def _ago(seconds: float) -> str:
    """A distance in time for people.

    >>> _ago(20), _ago(130), _ago(7300), _ago(200_000)
    ('just now', '2 minutes ago', '2 hours ago', '2 days ago')
    """
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        count = int(seconds // size)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
