"""``layerc cost``: where the time of rebuilds goes, by earlier builds and the history of the files."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from .options import add_compile_options, add_store_option, compile_options, read_plan
from .terminal import Style, clip, columns, printable, visible, wants_colour

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...compiler.cost.model import StepCost
    from ...compiler.cost.report import Costs, Kind, Report
    from ...compiler.optimize.facts import Facts
    from .parser import ArgumentParser

__all__ = ["add_arguments", "render", "run"]

_EPILOG = """\
examples:
  layerc cost                          a table of the steps, and the last commits replayed
  layerc cost --history 50 -O0 .       of the last 50 commits, without a look at a rewrite
  layerc cost --svg cost.svg app       a picture beside it

Times are those of earlier builds with layerc, else estimates. Which files change together, and how often,
is told by the git history of the build context.
"""
_NARROWEST, _WIDEST = 60, 120
_FIGURES = 53  # columns of the figures of a step
_COLUMN = 14  # one of the figures of a kind
_KINDS = 6  # kinds of change that are shown
_PARTS = 3  # parts of the context that a kind is called by
_GIT = ".git"
_ADVICE = "estimates: build once with layerc to measure those steps, and to see what they read"
_CACHES = {"classic": "a classic cache (BuildKit)", "layerc": "layerc's cache"}


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.usage = "layerc cost [OPTIONS] [PATH]"
    parser.description = (
        "Tell where the time of rebuilds goes: how long each step takes, how often it runs again, and what\n"
        "the last commits would cost with today's Dockerfile and the optimised one. Nothing is built."
    )
    parser.epilog = _EPILOG
    parser.add_argument(
        "path",
        metavar="PATH",
        nargs="?",
        default=".",
        help="the build context that holds the Dockerfile, as of layerc build (default: .)",
    )
    add_compile_options(parser)
    group = parser.add_argument_group("the question")
    group.add_argument(
        "--history",
        metavar="COMMITS",
        type=_count,
        default=500,
        help="how many commits to look at (default: 500)",
    )
    group.add_argument(
        "-O",
        dest="level",
        metavar="LEVEL",
        type=int,
        choices=(0, 1, 2),
        default=1,
        help="the rewrite to compare with: 1 or 2 as of layerc optimize, 0 for none (default: 1)",
    )
    group.add_argument("--pull", action="store_true", help="ask registries for newer base images")
    add_store_option(group)
    group = parser.add_argument_group("the answer")
    group.add_argument("--json", action="store_true", help="print JSON (docs/cost.schema.json)")
    group.add_argument("--svg", metavar="FILE", help="draw a picture into FILE")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 up")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Ask and print."""
    from ...compiler.cost.report import document

    report, facts = _asked(arguments)
    if arguments.svg:
        from ...compiler.cost.picture import draw
        from .outcome import write_file

        write_file(arguments.svg, draw(report))
    if arguments.json:
        print(json.dumps(document(report, facts), indent=1))
    else:
        style, screen = Style(wants_colour(sys.stdout)), columns(sys.stdout, 100)
        print(printable("\n".join(render(report, facts, style, screen)), sys.stdout))
    return 0


def _asked(arguments: argparse.Namespace) -> tuple[Report, Facts]:
    from ...compiler.cost.report import report
    from ...compiler.cost.rewritten import facts_for
    from ...compiler.definitions import is_definitions
    from ..engine.build import opened
    from ..engine.request import BuildRequest
    from ..engine.rewriting import known, rewritten
    from ..store.store import Store
    from .context import find_definition
    from .progress import open_progress

    found = find_definition(arguments.path, arguments.file)
    written = None if found.dockerfile is None else read_plan(found.dockerfile)
    request = BuildRequest(
        None if written else found.dockerfile,
        compile_options(arguments),
        plan=written,
        dockerfile_path=found.dockerfile_path,
        dockerfile_name=found.dockerfile_name,
        context=found.context,
        pull=arguments.pull,
    )
    with (
        Store.open(arguments.store) as store,
        open_progress("auto", sys.stderr) as progress,
        opened(request, store, progress) as (request, images),
    ):
        plan, facts = known(request, store, images, commits=arguments.history)
        if not arguments.level or request.dockerfile is None or is_definitions(request.dockerfile):
            return report(plan, facts), facts
        result = rewritten(request, images, facts, arguments.level)
    return report(plan, facts, result.plan, facts_for(result.draft, plan, facts)), facts


# --- for people --------------------------------------------------------------------------------------


def render(report: Report, facts: Facts, style: Style, screen: int) -> Iterator[str]:
    """The tables, line by line."""
    room = max(min(screen, _WIDEST), _NARROWEST)
    yield from _steps(report, style, room)
    yield from _kinds(report, style, room)
    yield from _replayed(report, style)
    yield ""
    yield from _grounds(report, facts, style)


def _steps(report: Report, style: Style, room: int) -> Iterator[str]:
    """Each step with its time, how often it runs again with either cache, and what that comes to."""
    classic, traced = report.of("classic"), report.of("layerc")
    width = room - _FIGURES - 2
    head = f"{'takes':>8}  {'source':<9}  {'runs again':^14}  {'per change':^16}"
    yield style("bold", f"{'step':<{width}}  {head}".rstrip())
    yield style("dim", " " * (width + 2 + 8 + 2 + 9) + "  classic layerc   classic  layerc")
    for one, other in zip(classic.steps, traced.steps, strict=True):
        name = _padded(_name(one), width)
        takes = f"{_seconds(one.time.seconds):>8}  {'measured' if one.time.measured else 'estimate':<9}"
        again = f"{one.rate:>7.0%} {other.rate:>6.0%}"
        line = f"{name}  {takes}  {again}  {_seconds(one.expected):>8} {_seconds(other.expected):>7}"
        yield line if one.rate else style("dim", line)
    yield ""
    for costs in report.before:
        yield f"{_CACHES[costs.model]:<28}{style('bold', _seconds(costs.expected))} per change expected"
    for costs in report.after:
        label = f"  optimised, {'classic' if costs.model == 'classic' else 'layerc'}"
        yield f"{label:<28}{style('bold', _seconds(costs.expected))} per change expected"


def _kinds(report: Report, style: Style, room: int) -> Iterator[str]:
    if not report.kinds:
        return
    names = [_short(costs, number >= len(report.before)) for number, costs in enumerate(report.columns)]
    width = room - 8 - _COLUMN * len(names)
    yield ""
    yield style(
        "bold", f"{'changes of':<{width}}  {'share':>6}" + "".join(f"{name:>{_COLUMN}}" for name in names)
    )
    for kind in report.kinds[:_KINDS]:
        figures = "".join(f"{_seconds(seconds):>{_COLUMN}}" for seconds in kind.seconds)
        yield f"{_padded(_kind_name(kind), width)}  {kind.weight:>6.0%}{figures}"
    rest = report.kinds[_KINDS:]
    if rest:
        weight = sum(kind.weight for kind in rest)
        means = [
            sum(kind.weight * kind.seconds[number] for kind in rest) / weight for number in range(len(names))
        ]
        figures = "".join(f"{_seconds(seconds):>{_COLUMN}}" for seconds in means)
        yield f"{_padded(f'{len(rest)} other kinds', width)}  {weight:>6.0%}{figures}"


def _replayed(report: Report, style: Style) -> Iterator[str]:
    if not report.from_history:
        return
    count = len(report.changes)
    yield ""
    yield style("bold", f"the last {'commit' if count == 1 else f'{count} commits'}, replayed")
    for costs in report.before:
        line = f"  {_CACHES[costs.model]:<28}{_seconds(costs.mean)} per commit"
        if report.after:
            after = report.of(costs.model, after=True)
            line += f", optimised {_seconds(after.mean)}{_gain(costs.mean, after.mean)}"
        yield line


def _gain(before: float, after: float) -> str:
    if after <= 0 or before / after < 1.05:
        return ""
    return f" ({before / after:.1f} times faster)"


def _grounds(report: Report, facts: Facts, style: Style) -> Iterator[str]:
    """On what the figures rest."""
    source = report.before[0].source
    if source == "measured":
        yield style("dim", "times were measured in earlier builds; changes are those of the git history")
    elif source == "history":
        yield style("dim", _ADVICE)
    else:
        yield style(
            "dim", "without a git history: nine changes in ten edit one file, the tenth the manifests"
        )
        if any(not step.time.measured for step in report.before[0].steps):
            yield style("dim", _ADVICE)
    if any(file.path == _GIT and file.kind == "directory" for file in facts.contexts.get("", ())):
        yield style(
            "dim",
            "the repository lies in the build context, and each commit changes it (.dockerignore helps)",
        )
    for text in facts.unknown:
        yield style("dim", f"not known: {visible(text)}")


def _short(costs: Costs, after: bool) -> str:
    return f"{costs.model}, opt." if after else costs.model


def _name(step: StepCost) -> str:
    from .progress.words import step_name

    return step_name(step.layer.provenance)


def _kind_name(kind: Kind) -> str:
    parts = [visible(part) for part in kind.parts]
    if not parts:
        return "files that no build sees"
    more = f", … ({len(parts) - _PARTS} more)" if len(parts) > _PARTS else ""
    return ", ".join(parts[:_PARTS]) + more


def _padded(text: str, room: int) -> str:
    from .terminal import width

    shown = clip(text, room)
    return shown + " " * (room - width(shown))


def _seconds(value: float) -> str:
    """``1.2s``; of less than a tenth of a second no more than that it is little.

    >>> _seconds(0), _seconds(0.01), _seconds(3.21)
    ('0', '<0.1s', '3.2s')
    """
    from .progress.words import duration

    return "0" if value <= 0 else "<0.1s" if value < 0.05 else duration(value)
