"""``layerc build``: a Dockerfile, or a compiled plan, to images."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING

from ..errors import UsageError
from .call import add_call_options, parse_call, run_call
from .docker_options import ADVICE, add_docker_options, check_docker_options
from .granted import add_grant_options, read_rights, read_secrets, read_ssh
from .options import add_compile_options, add_store_option, compile_options, read_plan
from .outcome import image_id, metadata, result_document, summary, write_file
from .privileges import become_root
from .progress import MODES, open_progress
from .quantities import parse_limit

if TYPE_CHECKING:
    from ..engine.request import BuildRequest
    from .parser import ArgumentParser

__all__ = ["add_arguments", "run"]

_EPILOG = """\
examples:
  layerc build -t app .                            keep the image in the store as app
  layerc build -o type=oci,dest=app.tar .          an OCI archive; -o type=docker loads it into Docker
  layerc build --build-context debian=oci-layout:///srv/debian .
  layerc build https://example.com/app.git#main    the files of a git repository
  tar -c app | layerc build -f app/Dockerfile -    a context from standard input
  layerc build -f plan.json .                      build what layerc compile wrote
  id=$(layerc build -q .)                          only the image's id on standard output
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.usage = "layerc build [OPTIONS] [PATH | URL | -]"
    parser.description = (
        "Build images from a Dockerfile, or from a plan that layerc compile wrote.\n"
        "What has been built before is found in the store."
    )
    parser.epilog = _EPILOG
    parser.advice = ADVICE
    parser.add_argument(
        "path",
        metavar="PATH",
        nargs="?",
        default=".",
        help="the build context: a directory (default: the working directory), a git repository "
        "(https://….git#REF:DIRECTORY, git@HOST:PATH), the URL of a tar archive or of a Dockerfile, or - for a tar "
        "archive or a Dockerfile on standard input",
    )
    add_compile_options(parser)
    add_grant_options(parser)
    group = parser.add_argument_group("the result")
    group.add_argument(
        "-t", "--tag", metavar="NAME[:TAG]", action="append", default=[], help="name of the image; repeatable"
    )
    group.add_argument(
        "-o",
        "--output",
        metavar="SPEC",
        action="append",
        default=[],
        help="what to write: type=oci|docker|local|tar|oci-layout[,dest=PATH], a directory, or - for a tar; "
        "repeatable",
    )
    group.add_argument(
        "--load", action="store_true", help="load the image into the Docker engine, as -o type=docker does"
    )
    group.add_argument(
        "--annotation",
        metavar="[PLACE:]KEY=VALUE",
        action="append",
        default=[],
        help="annotate what -o writes; PLACE: manifest (default), index, manifest-descriptor, index-descriptor, or "
        "several with commas, each with [OS/ARCH] for one platform; repeatable",
    )
    limit = group.add_mutually_exclusive_group()
    limit.add_argument(
        "--max-layers",
        metavar="COUNT",
        type=_positive,
        help="write images with at most COUNT layers above those of their base, grouped so that few bytes are "
        "pulled for the next version; the cache keeps one layer a step",
    )
    limit.add_argument(
        "--squash", dest="max_layers", action="store_const", const=1, help="the same as --max-layers 1"
    )
    group.add_argument("--iidfile", metavar="FILE", help="write the image's id to FILE")
    group.add_argument("--metadata-file", metavar="FILE", help="write what was built to FILE, as JSON")
    add_call_options(parser.add_argument_group("questions"))
    group = parser.add_argument_group("cache")
    group.add_argument("--no-cache", action="store_true", help="run every step again")
    group.add_argument("--no-trace", action="store_true", help="do not observe what steps read")
    group.add_argument(
        "--no-cache-filter",
        metavar="STAGE",
        action="append",
        default=[],
        help="run the steps of these stages again; separated by commas",
    )
    group.add_argument(
        "--cache-from",
        metavar="SPEC",
        action="append",
        default=[],
        help="take results of steps from there too: type=local,src=DIR[,tag=NAME]; repeatable",
    )
    group.add_argument(
        "--cache-to",
        metavar="SPEC",
        action="append",
        default=[],
        help="write results of steps there: type=local,dest=DIR[,tag=NAME][,mode=max]; mode=max: of all stages, "
        "not only of the result's own steps; repeatable",
    )
    group.add_argument("--pull", action="store_true", help="ask registries for newer base images")
    add_store_option(group)
    group = parser.add_argument_group("progress")
    group.add_argument(
        "--progress",
        metavar="FORM",
        choices=MODES,
        default=_default_progress(),
        help=f"how to show it: {', '.join(MODES)} (default: auto, tty on a terminal and plain elsewhere)",
    )
    add_docker_options(parser)
    group.add_argument("-q", "--quiet", action="store_true", help="print the image's id and nothing else")
    group.add_argument(
        "-j",
        "--jobs",
        metavar="COUNT",
        type=_positive,
        default=0,
        help="steps at a time (default: 4 per processor)",
    )
    group.add_argument(
        "--side-by-side",
        action="store_true",
        help="run steps of one stage at a time that have nothing in common, as far as is known",
    )


def run(arguments: argparse.Namespace) -> int:
    """Build, or answer a question."""
    call = parse_call(arguments.call)
    notices = become_root()
    request = build_request(arguments)
    quiet = arguments.quiet or arguments.progress == "quiet"
    if call is not None:
        return run_call(call, request, arguments.store, "quiet" if arguments.quiet else arguments.progress)
    from ..engine.build import build
    from ..events import Notice
    from ..store.store import Store

    with (
        Store.open(arguments.store) as store,
        open_progress("none" if quiet else arguments.progress, sys.stderr) as progress,
    ):
        for notice in notices:
            progress(Notice(notice))
        result = build(request, store, progress)
        root = store.root
    if arguments.iidfile:
        write_file(arguments.iidfile, image_id(result))
    if arguments.metadata_file:
        write_file(arguments.metadata_file, json.dumps(metadata(result, request.tags), indent=2) + "\n")
    if quiet:
        print(image_id(result))
        return 0
    as_json = arguments.progress in ("json", "rawjson")
    text = json.dumps(result_document(result, request.tags)) if as_json else summary(result, request, root)
    # An archive on standard output must be nothing else.
    taken = any(spec == "-" or "dest=-" in spec.split(",") for spec in request.outputs)
    print(text, file=sys.stderr if taken else sys.stdout)
    return 0


def build_request(arguments: argparse.Namespace) -> BuildRequest:
    """What the words ask for. Raises :class:`UsageError` and :class:`InputError`."""
    check_docker_options(arguments)
    from ..engine.request import BuildRequest
    from .context import find_definition

    found = find_definition(arguments.path, arguments.file)
    plan = None if found.dockerfile is None else read_plan(found.dockerfile)
    ssh = arguments.ssh or ["default"] * found.needs_ssh  # as docker hands in the agent for such a context
    return BuildRequest(
        dockerfile=None if plan else found.dockerfile,
        plan=plan,
        options=compile_options(arguments),
        dockerfile_path=None if plan else found.dockerfile_path,
        dockerfile_name=found.dockerfile_name,
        context=found.context,
        tags=_tags(arguments.tag),
        outputs=(*arguments.output, *["type=docker"] * arguments.load),
        no_cache=arguments.no_cache,
        traced=not arguments.no_trace,
        keep_storage=parse_limit(os.environ.get("LAYERC_KEEP_STORAGE", "")),
        no_cache_filter=tuple(name for item in arguments.no_cache_filter for name in item.split(",") if name),
        pull=arguments.pull,
        jobs=arguments.jobs,
        secrets=read_secrets(arguments.secret),
        ssh=read_ssh(ssh),
        allow=read_rights(arguments.allow),
        annotations=tuple(text for text in arguments.annotation if text),
        cache_from=tuple(arguments.cache_from),
        cache_to=tuple(arguments.cache_to),
        max_layers=arguments.max_layers,
        side_by_side=arguments.side_by_side,
    )


def _tags(names: list[str]) -> tuple[str, ...]:
    if not names:
        return ()
    from ..registry.references import parse_reference

    tags = []
    for name in names:
        reference = parse_reference(name)
        if reference.digest:
            raise UsageError(f"--tag {name!r} must not have a digest", help="write -t NAME[:TAG]")
        tags.append(str(reference.tagged()))
    return tuple(dict.fromkeys(tags))


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 up")
    return int(text)


def _default_progress() -> str:
    wanted = os.environ.get("BUILDKIT_PROGRESS", "auto")
    return wanted if wanted in MODES else "auto"
