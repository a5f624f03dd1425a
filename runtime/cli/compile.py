"""``layerc compile``: a Dockerfile to its plan, as JSON or drawn."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from ...compiler.emit.table import EMITTERS
from ..errors import InputError
from .options import add_compile_options, add_store_option, compile_options, read_dockerfile
from .terminal import Style, visible, wants_colour

if TYPE_CHECKING:
    from ...compiler.graph.plan import LayerPlan
    from ...compiler.options import BaseImage, CompileOptions, ImageRequest
    from ...grammar.source import SourceFile
    from .parser import ArgumentParser

__all__ = ["add_arguments", "run"]

_EPILOG = """\
examples:
  layerc compile . > plan.json                     resolve the base images, write the plan
  layerc build -f plan.json .                      build it
  layerc compile --format mermaid --offline .      draw it without looking at base images
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.usage = "layerc compile [OPTIONS] [PATH]"
    parser.description = (
        "Compile a Dockerfile and print the plan: the graph of layers and the images made of them."
    )
    parser.epilog = _EPILOG
    parser.add_argument(
        "path",
        metavar="PATH",
        nargs="?",
        default=".",
        help="directory that holds the Dockerfile (default: .)",
    )
    add_compile_options(parser)
    group = parser.add_argument_group("the plan")
    names = [emitter.name for emitter in EMITTERS]
    group.add_argument(
        "--format",
        metavar="FORMAT",
        choices=names,
        default=names[0],
        help=f"{', '.join(names)} (default: {names[0]})",
    )
    group.add_argument(
        "--offline", action="store_true", help="do not look at base images: their configs count as empty"
    )
    group.add_argument("--pull", action="store_true", help="ask registries for newer base images")
    add_store_option(group)


def run(arguments: argparse.Namespace) -> int:
    """Compile and print."""
    if arguments.path != "-" and not os.path.isdir(arguments.path):
        raise InputError(f"there is no directory {arguments.path!r}")
    from_stdin = arguments.path == "-" and arguments.file is None
    source, path = read_dockerfile("-" if from_stdin else arguments.file, arguments.path)
    options = compile_options(arguments)
    plan = _offline(source, options) if arguments.offline else _resolved(source, path, options, arguments)
    _warn(plan)
    emitter = next(emitter for emitter in EMITTERS if emitter.name == arguments.format)
    sys.stdout.write(emitter.emit(plan))
    return 0


def _resolved(
    source: SourceFile, path: str | None, options: CompileOptions, arguments: argparse.Namespace
) -> LayerPlan:
    from ..engine.build import compile_only
    from ..engine.request import BuildRequest
    from ..store.store import Store
    from .progress import open_progress

    request = BuildRequest(source, options, dockerfile_path=path, context=arguments.path, pull=arguments.pull)
    with Store.open(arguments.store) as store, open_progress("auto", sys.stderr) as progress:
        return compile_only(request, store, progress)


def _offline(source: SourceFile, options: CompileOptions) -> LayerPlan:
    """The plan over base images of which nothing is known but their names."""
    from ...compiler import compile_dockerfile
    from ...compiler.options import UnresolvedImagesError
    from ...grammar.parse import parse

    document = parse(source)
    images: dict[ImageRequest, BaseImage] = {}
    while True:
        try:
            plan = compile_dockerfile(document, options, images)
        except UnresolvedImagesError as need:
            images |= {request: _unknown(request) for request in need.requests}
        else:
            break
    if images:
        names = ", ".join(sorted({visible(request.reference) for request in images}))
        _print_warning(
            f"base images were not looked at: {names}; their environment, user and triggers are unknown"
        )
    return plan


def _unknown(request: ImageRequest) -> BaseImage:
    from ...compiler.config import ImageConfig
    from ...compiler.options import BaseImage

    system, architecture, *variant = request.platform.split("/")
    return BaseImage("", ImageConfig(architecture=architecture, os=system, variant="".join(variant)))


def _warn(plan: LayerPlan) -> None:
    for notice in plan.notices:
        place = f"{visible(notice.file)}:{notice.line}: " if notice.line else ""
        _print_warning(f"{place}{visible(notice.message)}")


def _print_warning(text: str) -> None:
    print(f"{Style(wants_colour(sys.stderr))('yellow', 'warning:')} {text}", file=sys.stderr)
