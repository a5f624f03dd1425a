"""``layerc affected``: which images of many Dockerfiles must be rebuilt when something changes."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any

from ...compiler.options import CompileOptions
from ..errors import InputError, UsageError
from ..oci.platforms import host_platform, parse_platform
from .options import add_store_option
from .terminal import Style, visible, wants_colour

if TYPE_CHECKING:
    from ...compiler.fleet.affected import Affected, Change, Rebuild
    from ..engine.fleet import FleetOnDisk
    from .parser import ArgumentParser

__all__ = ["add_arguments", "run"]

_SCHEMA = "layerc.affected/1"
_DIGEST = re.compile(r"(?:sha256:)?[0-9a-f]{64}")
_PROBLEMS = 3
_SHOWN = 5
_EPILOG = """\
examples:
  layerc affected --changed debian:bookworm-slim .       a base image has moved
  layerc affected --changed-file lib/util.c services     somebody edits a file
  layerc affected --changed-layer sha256:… --layout app.oci .   a layer has a vulnerability

An image is called what a comment of its Dockerfile says, `# layerc: image=NAME [target=STAGE] [context=DIR]`,
else what a compose file says, else what its label org.opencontainers.image.ref.name or title says, else what
--name-pattern gives.
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.usage = "layerc affected [OPTIONS] DIR…"
    parser.description = (
        "Read all Dockerfiles and layer definitions below the directories, and tell which images must be rebuilt,\n"
        "in which order, which of them side by side, and which chain takes longest. Nothing is built or fetched."
    )
    parser.epilog = _EPILOG
    parser.add_argument("path", metavar="DIR", nargs="*", help="trees that hold Dockerfiles (default: .)")
    group = parser.add_argument_group("what has changed (repeatable; all of it together)")
    _many(group, "--changed", "IMAGE", "this image has moved: a base, or an image of the fleet")
    _many(group, "--changed-file", "PATH", "this file was edited, came or went")
    _many(group, "--changed-layer", "DIGEST", "this layer (or config, or manifest) has to be replaced")
    group = parser.add_argument_group("where to look")
    group.add_argument("--repos", metavar="FILE", help="more trees, one a line; relative to FILE")
    group.add_argument(
        "--name-pattern",
        metavar="PATTERN",
        default="",
        help="what images are called that do not say it, for example registry.example.com/{dir}; {dir}, {name}, "
        "{file} and {root} are replaced",
    )
    _many(group, "--build-arg", "NAME=VALUE", "a build argument of all Dockerfiles")
    _many(group, "--layout", "[NAME=]DIR", "an OCI layout to look for layers in, besides the store's images")
    group.add_argument("--platform", metavar="OS/ARCH", help="compile for it (default: this machine's)")
    add_store_option(group)
    group = parser.add_argument_group("output")
    forms = group.add_mutually_exclusive_group()
    forms.add_argument("--json", dest="format", action="store_const", const="json", help="print JSON")
    forms.add_argument(
        "--dot", dest="format", action="store_const", const="dot", help="print a picture for Graphviz"
    )
    group.add_argument("--strict", action="store_true", help="exit with 3 where a file could not be read")
    parser.set_defaults(format="text")


def _many(group: Any, name: str, metavar: str, text: str) -> None:
    group.add_argument(name, metavar=metavar, action="append", default=[], help=text)


def run(arguments: argparse.Namespace) -> int:
    """Answer on standard output; what was left out is told on standard error."""
    from ...compiler.fleet.affected import affected
    from ..engine.fleet import read_fleet, step_seconds
    from ..store.store import default_root

    options = CompileOptions(
        build_args=_build_args(arguments.build_arg),
        platforms=(str(parse_platform(arguments.platform)),) if arguments.platform else (),
        build_platform=str(host_platform()),
    )
    roots = [*arguments.path, *_repositories(arguments.repos)] or ["."]
    disk = read_fleet(roots, options, arguments.name_pattern)
    for problem in disk.fleet.problems:
        where = problem.error.where
        place = f"{where.file}:{where.line}:{where.column}" if where else problem.file
        _warn(f"{place}: {problem.error.message}")
    change = _change(arguments, disk)
    answer = affected(disk.fleet, change, step_seconds(disk, arguments.store or default_root()))
    asked = [*arguments.changed, *arguments.changed_file, *arguments.changed_layer]
    show = {"text": _text, "json": _json, "dot": _dot}[arguments.format]
    print(show(disk, answer, asked))
    return _PROBLEMS if arguments.strict and disk.fleet.problems else 0


def _build_args(items: list[str]) -> dict[str, str]:
    pairs = [item.partition("=") for item in items]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise UsageError(f"--build-arg {name!r} has no value", help="write --build-arg NAME=VALUE")
    return {name: value for name, _, value in pairs}


def _repositories(path: str | None) -> list[str]:
    if path is None:
        return []
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.strip() for line in file]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"can not read {path}: {error}", help="a file with one directory a line") from error
    above = os.path.dirname(path)
    return [os.path.join(above, line) for line in lines if line and not line.startswith("#")]


# --- changes -----------------------------------------------------------------------------------------


def _change(arguments: argparse.Namespace, disk: FleetOnDisk) -> Change:
    from ...compiler.fleet.affected import Change, base_change
    from ..engine.fleet import changed_file

    change = Change()
    for name in arguments.changed:
        try:
            found = base_change(disk.fleet, name)
        except ValueError as error:
            raise UsageError(f"--changed {name!r}: {error}", help="write NAME:TAG") from error
        if not found.why:
            _warn(f"nothing is built from {name}{_meant(name, disk)}")
        change |= found
    for path in arguments.changed_file:
        found = changed_file(disk, path)
        if not found.why:
            _warn(f"no Dockerfile copies {path} from its build context")
        change |= found
    for digest in arguments.changed_layer:
        change |= _layer_change(arguments, disk, digest)
    return change


def _meant(name: str, disk: FleetOnDisk) -> str:
    from ...compiler.fleet.affected import base_references
    from ...compiler.suggest import nearest

    known = sorted(base_references(disk.fleet))
    repository = name.partition(":")[0]
    same = [found for found in known if found.partition(":")[0] == repository and found != name]
    close = ", ".join(same[:_SHOWN]) or nearest(name, known)
    return f"; did you mean {close}?" if close else ""


def _layer_change(arguments: argparse.Namespace, disk: FleetOnDisk, digest: str) -> Change:
    from ..engine.fleet import changed_layer, images_of_layouts, images_of_store
    from ..store.store import Store, default_root

    if not _DIGEST.fullmatch(digest):
        raise UsageError(f"--changed-layer {digest!r} is no digest", help="write sha256:… with 64 digits")
    holders = set(images_of_layouts(arguments.layout, digest))
    if os.path.isdir(arguments.store or default_root()):
        with Store.open(arguments.store) as store:
            holders |= set(images_of_store(store, digest))
    if holders:
        _warn(f"{digest[:19]} is in {', '.join(sorted(holders))}", "note:")
    elif digest.removeprefix("sha256:") not in disk.fleet.graph:
        _warn(f"{digest[:19]} is in no image of the store or of --layout")
    return changed_layer(disk.fleet, digest, holders)


def _warn(text: str, word: str = "warning:") -> None:
    print(f"{Style(wants_colour(sys.stderr))('yellow', word)} {visible(text)}", file=sys.stderr)


# --- answers -----------------------------------------------------------------------------------------


def _title(disk: FleetOnDisk, member: int) -> str:
    return visible(disk.fleet.members[member].build.title)


def _reason(disk: FleetOnDisk, rebuild: Rebuild) -> str:
    above = ", ".join(_title(disk, other) for other in rebuild.because)
    return "; ".join(part for part in (visible(rebuild.why), above and f"needs {above}") if part)


def _cost(answer: Affected) -> str:
    if answer.timed:
        return f"{answer.cost:.1f} s"
    return f"{answer.cost:.0f} step{'' if answer.cost == 1 else 's'}"


def _text(disk: FleetOnDisk, answer: Affected, asked: list[str]) -> str:
    style = Style(wants_colour(sys.stdout))
    count, all_ = len(answer.rebuilds), len(disk.fleet.members)
    if not asked:
        return f"{all_} images, {len(disk.fleet.graph)} layers; say what has changed: --changed, --changed-file, …"
    if not count:
        return f"none of {all_} images must be rebuilt"
    wide = max(len(_title(disk, rebuild.member)) for rebuild in answer.rebuilds)
    lines = [f"{count} of {all_} images must be rebuilt"]
    for number, wave in enumerate(answer.waves, 1):
        lines.append(style("bold", f"wave {number}") + (" (side by side)" if len(wave) > 1 else ""))
        for rebuild in wave:
            steps = f"{rebuild.steps} step{' ' if rebuild.steps == 1 else 's'}"
            lines.append(f"  {_title(disk, rebuild.member):<{wide}}  {steps:>8}  {_reason(disk, rebuild)}")
    path = " → ".join(_title(disk, member) for member in answer.critical)
    lines.append(f"{style('bold', 'critical path')} ({_cost(answer)}): {path}")
    if answer.timed:
        measured = sum(rebuild.measured for rebuild in answer.rebuilds)
        in_all = sum(rebuild.steps for rebuild in answer.rebuilds)
        lines.append(f"times of {measured} of {in_all} steps are known from earlier builds")
    return "\n".join(lines)


def _json(disk: FleetOnDisk, answer: Affected, asked: list[str]) -> str:
    members = disk.fleet.members
    names = [member.build.title for member in members]
    document = {
        "schema": _SCHEMA,
        "changed": asked,
        "images": len(members),
        "layers": len(disk.fleet.graph),
        "rebuild": [
            {
                "image": names[rebuild.member],
                "names": [str(name) for name in members[rebuild.member].build.names],
                "file": members[rebuild.member].build.source.name,
                "target": members[rebuild.member].build.target or None,
                "wave": rebuild.wave,
                "steps": rebuild.steps,
                "measured": rebuild.measured,
                "seconds": round(rebuild.seconds, 3),
                "because": [names[other] for other in rebuild.because],
                "why": rebuild.why,
            }
            for rebuild in answer.rebuilds
        ],
        "waves": [[names[rebuild.member] for rebuild in wave] for wave in answer.waves],
        "critical_path": {
            "images": [names[member] for member in answer.critical],
            "cost": round(answer.cost, 3),
            "unit": "seconds" if answer.timed else "steps",
        },
        "problems": [
            {"file": problem.file, "error": problem.error.message} for problem in disk.fleet.problems
        ],
    }
    return json.dumps(document, indent=2)


def _dot(disk: FleetOnDisk, answer: Affected, asked: list[str]) -> str:  # noqa: ARG001  # one shape for all
    """Images and what they are made of; those to rebuild are filled, the critical path is bold."""
    rebuilt = {rebuild.member: rebuild for rebuild in answer.rebuilds}
    critical = set(answer.critical)
    lines = ["digraph fleet {", "  rankdir=LR;", '  node [shape=box, fontname="monospace"];']
    for number, member in enumerate(disk.fleet.members):
        style = [f"label={json.dumps(_title(disk, number), ensure_ascii=False)}"]
        if number in rebuilt:
            style.append('style=filled, fillcolor="#fbe7b8"')
            style.append(f'tooltip="wave {rebuilt[number].wave}"')
        if number in critical:
            style.append("penwidth=2")
        lines.append(f"  image{number} [{', '.join(style)}];")
        lines += [f"  image{other} -> image{number};" for other in member.needs]
    return "\n".join([*lines, "}"])
