"""``layerc optimize``: the Dockerfile that makes the same image and rebuilds faster, or ships smaller."""

from __future__ import annotations

import argparse
import difflib
import json
import os
import sys
from typing import TYPE_CHECKING

from ..errors import UsageError
from .options import add_compile_options, add_store_option, compile_options
from .terminal import Style, printable, visible, wants_colour

if TYPE_CHECKING:
    from ...compiler.optimize.draft import Draft
    from ...compiler.optimize.manager import Result
    from ..engine.request import BuildRequest
    from .parser import ArgumentParser

__all__ = ["CHANGED", "add_arguments", "run"]

CHANGED = 1
_DIFFERENT = 7
_EPILOG = """\
examples:
  layerc optimize .                     print the optimised Dockerfile
  layerc optimize --diff --explain .    what would change and why; what was left alone and why
  layerc optimize --verify --write .    build both, compare the images, change the file
  layerc optimize --check .             for CI: exit code 1 if there is something to gain

exit codes, besides those of layerc:
  0  done; with --check: nothing would change
  1  with --check: something would change; with --verify: a step of a build failed
  7  with --verify: the images differ, and nothing was printed or written
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.usage = "layerc optimize [OPTIONS] [PATH]"
    parser.description = (
        "Print a Dockerfile that makes the same image as the one given, but rebuilds faster or ships smaller.\n"
        "Nothing is built (but with --verify). What can not be shown to be safe is left alone."
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
    group = parser.add_argument_group("the rewrite")
    group.add_argument(
        "-O",
        dest="level",
        metavar="LEVEL",
        type=int,
        choices=(0, 1, 2),
        default=1,
        help="0: change nothing; 1: the same files and config; 2: also what is different by agreement (default: 1)",
    )
    for name, text in (("only", "run this pass and no other"), ("skip", "do not run this pass")):
        group.add_argument(
            f"--{name}", metavar="PASS", action="append", default=[], help=f"{text}; repeatable"
        )
    group.add_argument(
        "--verify", action="store_true", help="build both and compare the images, entry by entry"
    )
    group.add_argument(
        "--offline", action="store_true", help="do not look at base images: their configs count as empty"
    )
    group.add_argument("--pull", action="store_true", help="ask registries for newer base images")
    add_store_option(group)
    group = parser.add_argument_group("the answer")
    form = group.add_mutually_exclusive_group()
    form.add_argument("--diff", action="store_true", help="print a unified diff")
    form.add_argument("--json", action="store_true", help="print a report for programs (layerc.optimize/1)")
    form.add_argument(
        "--format",
        metavar="FORMAT",
        choices=("dockerfile", "plan", "svg", "html"),
        default="dockerfile",
        help="dockerfile; plan: the plan that it compiles to; svg or html: a picture of the steps before and after "
        "(default: dockerfile)",
    )
    act = group.add_mutually_exclusive_group()
    act.add_argument("--write", action="store_true", help="change the Dockerfile, instead of printing it")
    act.add_argument(
        "--check", action="store_true", help="exit with 1 if something would change; print no Dockerfile"
    )
    group.add_argument(
        "--explain",
        action="store_true",
        help="say each change in a comment above it, and on standard error what was left alone and why",
    )
    group.add_argument(
        "--print-after", metavar="PASS", default="", help="show on standard error what PASS (or all) changed"
    )


def run(arguments: argparse.Namespace) -> int:
    """Rewrite and print."""
    _check_passes(arguments)
    request, result, unknown, saves = _optimised(arguments)
    for text in unknown:
        print(f"{Style(wants_colour(sys.stderr))('yellow', 'not known:')} {visible(text)}", file=sys.stderr)
    if arguments.verify and not _verified(arguments, request, result):
        return _DIFFERENT
    from ...compiler.optimize.report import explained

    assert request.dockerfile is not None
    _tell(result, explain=arguments.explain, check=arguments.check)
    if saves:
        print(f"expected to save {saves}", file=sys.stderr)
    source = (explained(result) if arguments.explain else result.draft).source
    if arguments.write and source != request.dockerfile:
        _write(request, source.to_bytes())
    if arguments.format in ("svg", "html"):
        sys.stdout.write(_picture(arguments, request, result))
    else:
        _print(arguments, result, request.dockerfile.text, source.text)
    return CHANGED if arguments.check and result.changes else 0


def _check_passes(arguments: argparse.Namespace) -> None:
    """Refuse names of passes that there are not."""
    from ...compiler.optimize.passes import PASSES

    known = [item.name for item in PASSES]
    shown = arguments.print_after
    for option, names in (
        ("--only", arguments.only),
        ("--skip", arguments.skip),
        ("--print-after", [shown] if shown not in ("", "all") else []),
    ):
        for name in names:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                raise UsageError(
                    f"{option} {name!r}: there is no such pass",
                    help=f"did you mean {near[0]}?" if near else f"one of {', '.join(known)}",
                )
    for name in arguments.only:
        level = next(item.level for item in PASSES if item.name == name)
        if level > arguments.level:
            raise UsageError(
                f"--only {name} needs -O{level}", help=f"it changes what is in the image: add -O{level}"
            )


def _optimised(arguments: argparse.Namespace) -> tuple[BuildRequest, Result, tuple[str, ...], str]:
    """The request, what came of it, what could not be found out, and what is saved where that is asked for."""
    from ...compiler.cost.rewritten import saving_of
    from ...compiler.definitions import is_definitions
    from ...compiler.optimize.facts import NO_FACTS
    from ..engine.build import opened
    from ..engine.evidence import gather
    from ..engine.request import BuildRequest, SshForward, StreamContext
    from ..engine.rewriting import UnknownImages, rewritten
    from ..store.store import Store
    from .context import find_definition
    from .progress import open_progress

    found = find_definition(arguments.path, arguments.file)
    request = BuildRequest(
        found.dockerfile,
        compile_options(arguments),
        dockerfile_path=found.dockerfile_path,
        dockerfile_name=found.dockerfile_name,
        context=found.context,
        pull=arguments.pull,
        ssh=(SshForward("default"),) if found.needs_ssh else (),
    )
    if arguments.verify and isinstance(found.context, StreamContext):
        raise UsageError(
            "--verify builds twice, and standard input can be read once",
            help="unpack the archive, name the directory",
        )
    if arguments.write and found.dockerfile_path is None:
        raise UsageError(
            "--write needs a Dockerfile on this machine", help="leave it out, and redirect the output"
        )
    with (
        Store.open(arguments.store) as store,
        open_progress("auto", sys.stderr) as progress,
        opened(request, store, progress) as (request, images),
    ):
        assert request.dockerfile is not None
        if is_definitions(request.dockerfile):
            raise UsageError(
                f"{request.dockerfile.name} holds layer definitions",
                help="layerc optimize rewrites Dockerfiles",
            )
        offline = UnknownImages()
        resolver = offline if arguments.offline else images
        facts = gather(request, rewritten(request, resolver, NO_FACTS, 0).plan, store)
        result = rewritten(
            request,
            resolver,
            facts,
            arguments.level,
            only=arguments.only,
            skip=arguments.skip,
            observer=_Shower(arguments.print_after) if arguments.print_after else None,
        )
    unknown = facts.unknown if arguments.explain else ()
    if offline.names:
        unknown += (f"the environment, user and triggers of {', '.join(sorted(offline.names))} (--offline)",)
    saves = str(saving_of(result, facts)) if arguments.explain and result.changes else ""
    return request, result, unknown, saves


class _Shower:
    """Shows what passes do, as diffs on standard error."""

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted

    def __call__(self, name: str, before: Draft, after: Draft) -> None:
        if self.wanted in ("all", name):
            sys.stderr.write(
                printable(_diff(before.text, after.text, f"before {name}", f"after {name}"), sys.stderr)
            )


def _verified(arguments: argparse.Namespace, request: BuildRequest, result: Result) -> bool:
    """Build both, and tell whether the images are the same. The verdict goes to standard error."""
    from ..engine.verify import verify_plans
    from ..store.store import Store
    from .differences import show
    from .privileges import become_root
    from .progress import open_progress

    become_root()
    rewritten = request._replace(dockerfile=result.draft.source)
    with Store.open(arguments.store) as store, open_progress("auto", sys.stderr) as progress:
        verdict = verify_plans(request, rewritten, store, progress)
    print(show(verdict, style=Style(wants_colour(sys.stderr))), file=sys.stderr)
    return bool(verdict.equal)


# --- output ------------------------------------------------------------------------------------------


def _tell(result: Result, *, explain: bool, check: bool) -> None:
    """Bugs of ours always, loudly; the rest in one line, or in full. What was changed is told where no Dockerfile
    tells it.
    """
    from ...compiler.optimize.report import change_text, refusal_text

    style = Style(wants_colour(sys.stderr))
    for problem in result.problems:
        print(
            f"{style('red', 'bug in layerc:')} the pass {problem.of} went wrong, and what it did was dropped: "
            f"{visible(problem.what)}; the result is right without it. Please report this.",
            file=sys.stderr,
        )
    for change in result.changes if explain and check else ():
        print(f"{style('green', 'change:')} {visible(change_text(change))}", file=sys.stderr)
    for refusal in result.refusals if explain else ():
        print(f"{style('yellow', 'left alone:')} {visible(refusal_text(refusal))}", file=sys.stderr)
    changes, refusals = len(result.changes), len(result.refusals)
    hint = "" if explain or not (changes or refusals) else "; --explain tells more"
    line = f"{changes} {'change' if changes == 1 else 'changes'}, {refusals} left alone{hint}"
    print(line, file=sys.stderr)


def _print(arguments: argparse.Namespace, result: Result, before: str, after: str) -> None:
    from ...compiler.emit.plan_json import emit
    from ...compiler.optimize.report import report_document

    if arguments.json:
        print(json.dumps(report_document(result), indent=1))
    elif arguments.diff:
        name = result.draft.file
        sys.stdout.write(printable(_diff(before, after, name, f"{name} (optimised)"), sys.stdout))
    elif arguments.format == "plan":
        sys.stdout.write(emit(result.plan))
    elif not (arguments.write or arguments.check):
        sys.stdout.flush()
        sys.stdout.buffer.write(after.encode("utf-8", "surrogateescape"))


def _picture(arguments: argparse.Namespace, request: BuildRequest, result: Result) -> str:
    """The steps before and after side by side, with what the last build tells of them."""
    from ...compiler.emit import html, svg
    from ...compiler.emit.difference import draw_difference
    from ...compiler.optimize.report import change_text
    from ..engine.last_build import last_build
    from ..store.store import default_root

    known = last_build(arguments.store or default_root(), request, result.original)
    picture = draw_difference(result.original, result.plan, known)
    if arguments.format == "svg":
        return svg.emit_picture(picture)
    changes = "\n".join(map(change_text, result.changes)) or "Nothing would change."
    return html.emit_picture(picture, f"{result.draft.file}, optimised", changes)


def _diff(before: str, after: str, old: str, new: str) -> str:
    """A unified diff that ``patch`` takes."""
    lines = difflib.unified_diff(_lines(before), _lines(after), old, new)
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _lines(text: str) -> list[str]:
    """``text`` cut behind line feeds only."""
    parts = text.split("\n")
    return [*(part + "\n" for part in parts[:-1]), *([parts[-1]] if parts[-1] else [])]


def _write(request: BuildRequest, data: bytes) -> None:
    """Put ``data`` in the place of the Dockerfile: all of it or nothing."""
    from .outcome import replace_file

    assert request.dockerfile_path is not None
    replace_file(os.path.realpath(request.dockerfile_path), data)
