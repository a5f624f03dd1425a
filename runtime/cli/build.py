"""``layerc build``: a Dockerfile, or a compiled plan, to images."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING

from ..errors import InputError, UsageError
from .call import add_call_options, parse_call, run_call
from .options import add_compile_options, add_store_option, compile_options, read_plan
from .privileges import become_root
from .progress import MODES, open_progress

if TYPE_CHECKING:
    from ..engine.request import BuildRequest, BuildResult, BuiltImage, Secret, SshForward
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
# Options of docker that are spelled otherwise here, or stand for nothing.
_ADVICE = {
    "--load": "write -o type=docker",
    "--cache-from": "the store is the cache; --store names another",
    "--cache-to": "the store is the cache; --store names another",
    "--rm": "nothing is left behind here; leave it out",
    "--force-rm": "nothing is left behind here; leave it out",
    "--push": "write -o type=oci,dest=FILE, and push that with skopeo copy",
    "--provenance": "no attestations are made; leave it out",
    "--sbom": "no attestations are made; leave it out",
    "--builder": "layerc builds without a daemon; leave it out",
    "--compress": "contexts are read in place; leave it out",
}


_RIGHTS = ("security.insecure",)


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.usage = "layerc build [OPTIONS] [PATH | URL | -]"
    parser.description = (
        "Build images from a Dockerfile, or from a plan that layerc compile wrote.\n"
        "What has been built before is found in the store."
    )
    parser.epilog = _EPILOG
    parser.advice = _ADVICE
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
    group = parser.add_argument_group("what steps see and no layer keeps")
    group.add_argument(
        "--secret",
        metavar="id=ID[,src=FILE|,env=NAME]",
        action="append",
        default=[],
        help="a secret for RUN --mount=type=secret (default: the environment's ID, else the file ID)",
    )
    group.add_argument(
        "--ssh",
        metavar="default|ID[=SOCKET|=KEY[,KEY]]",
        action="append",
        default=[],
        help="an ssh agent for RUN --mount=type=ssh and for git over ssh: the user's own (SSH_AUTH_SOCK), one "
        "at a socket, or one that holds these private keys; repeatable",
    )
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
    group.add_argument("--iidfile", metavar="FILE", help="write the image's id to FILE")
    group.add_argument("--metadata-file", metavar="FILE", help="write what was built to FILE, as JSON")
    group = parser.add_argument_group("rights")
    group.add_argument(
        "--allow",
        metavar="RIGHT",
        action="append",
        default=[],
        choices=_RIGHTS,
        help="grant what the Dockerfile asks for: security.insecure (RUN --security=insecure); repeatable",
    )
    add_call_options(parser.add_argument_group("questions"))
    group = parser.add_argument_group("cache")
    group.add_argument("--no-cache", action="store_true", help="run every step again")
    group.add_argument(
        "--no-cache-filter",
        metavar="STAGE",
        action="append",
        default=[],
        help="run the steps of these stages again; separated by commas",
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
    group.add_argument("-q", "--quiet", action="store_true", help="print the image's id and nothing else")
    group.add_argument(
        "-j",
        "--jobs",
        metavar="COUNT",
        type=_jobs,
        default=0,
        help="steps at a time (default: 4 per processor)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Build, or answer a question."""
    call = parse_call(arguments.call)
    notices = become_root()
    request = build_request(arguments)
    if call is not None:
        return run_call(call, request, arguments.store, "quiet" if arguments.quiet else arguments.progress)
    from ..engine.build import build
    from ..events import Notice
    from ..store.store import Store

    with (
        Store.open(arguments.store) as store,
        open_progress("quiet" if arguments.quiet else arguments.progress, sys.stderr) as progress,
    ):
        for notice in notices:
            progress(Notice(notice))
        result = build(request, store, progress)
        root = store.root
    if arguments.iidfile:
        _write(arguments.iidfile, image_id(result))
    if arguments.metadata_file:
        _write(arguments.metadata_file, json.dumps(metadata(result, request.tags), indent=2) + "\n")
    if arguments.quiet:
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
        outputs=tuple(arguments.output),
        no_cache=arguments.no_cache,
        no_cache_filter=tuple(name for item in arguments.no_cache_filter for name in item.split(",") if name),
        pull=arguments.pull,
        jobs=arguments.jobs,
        secrets=tuple(map(_secret, arguments.secret)),
        ssh=tuple(_ssh(text) for text in ssh if text),
        allow=frozenset(arguments.allow),
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


def _secret(text: str) -> Secret:
    from ..engine.request import Secret

    fields = dict(part.partition("=")[::2] for part in text.split(","))
    name, source = fields.pop("id", ""), fields.pop("src", "") or fields.pop("source", "")
    variable, kind = fields.pop("env", ""), fields.pop("type", "")
    usable = name and not fields and not (source and variable) and kind in ("", "file", "env")
    if not usable:
        raise UsageError(
            f"--secret {text!r} does not name a secret",
            help="write --secret id=ID,src=FILE or id=ID,env=NAME",
        )
    if not source and not variable:
        source, variable = ("", name) if kind == "env" or (not kind and name in os.environ) else (name, "")
    elif source and kind == "env":
        source, variable = "", source
    return Secret(name, source, variable)


def _ssh(text: str) -> SshForward:
    from ..engine.request import SshForward

    name, _, paths = text.partition("=")
    return SshForward(name or "default", tuple(os.path.expanduser(path) for path in paths.split(",") if path))


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 up")
    return int(text)


def _default_progress() -> str:
    wanted = os.environ.get("BUILDKIT_PROGRESS", "auto")
    return wanted if wanted in MODES else "auto"


# --- what was built ----------------------------------------------------------------------------------


def image_id(result: BuildResult) -> str:
    """What Docker calls the image's id: the digest of its config; of several platforms, the first one's."""
    return result.images[0].config_digest


def metadata(result: BuildResult, tags: tuple[str, ...]) -> dict[str, object]:
    """The document of ``--metadata-file``, with the keys of docker buildx. Digests are given for one image."""
    document: dict[str, object] = {}
    first = result.images[0]
    if len(result.images) == 1:
        document["containerimage.config.digest"] = first.config_digest
    if len(result.images) == 1 and first.digest:
        document["containerimage.digest"] = first.digest
    if tags:
        document["image.name"] = ",".join(tags)
    return document


def result_document(result: BuildResult, tags: tuple[str, ...]) -> dict[str, object]:
    """What is printed at the end with ``--progress json``."""
    return {
        "images": [
            {
                "name": image.name,
                "platform": image.platform,
                "id": image.config_digest,
                "digest": image.digest or None,
            }
            for image in result.images
        ],
        "tags": list(tags),
        "outputs": list(result.outputs),
        "executed": result.executed,
        "cached": result.cached,
        "seconds": result.seconds,
    }


def summary(result: BuildResult, request: BuildRequest, store_root: str) -> str:
    """What is said at the end, for people."""
    from .progress.words import duration

    counts = f"{_count(result.executed, 'step')} executed, {result.cached} cached"
    lines = [f"built in {duration(result.seconds)}: {counts}"]
    several = len(result.images) > 1
    lines += [f"  image   {_digests(image, several)}" for image in result.images]
    lines += [f"  tag     {tag}" for tag in request.tags]
    lines += [f"  output  {line}" for line in result.outputs]
    if not request.outputs:
        lines.append(
            f"  kept in {store_root}; -o type=oci,dest=FILE writes it, -o type=docker loads it into Docker"
        )
    return "\n".join(lines)


def _digests(image: BuiltImage, several: bool) -> str:
    parts = [image.config_digest, *([f"manifest {image.digest}"] if image.digest else [])]
    return "  ".join([*parts, *([image.platform] if several else [])])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _write(path: str, text: str) -> None:
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"can not write {path}: {error.strerror}") from error
