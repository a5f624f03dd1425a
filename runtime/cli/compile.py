"""``layerc compile``: a Dockerfile to its plan, as JSON or drawn."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from ...compiler.emit.annotation import NO_ANNOTATIONS
from ...compiler.emit.table import EMITTERS
from .options import add_compile_options, add_store_option, compile_options
from .privileges import become_root
from .terminal import Style, visible, wants_colour

if TYPE_CHECKING:
    from ...compiler.emit.annotation import Annotations
    from ...compiler.graph.plan import LayerPlan
    from ...compiler.options import BaseImage, ImageRequest
    from ..engine.request import BuildRequest
    from .parser import ArgumentParser

__all__ = ["add_arguments", "run"]

_EPILOG = """\
examples:
  layerc compile . > plan.json                     resolve the base images, write the plan
  layerc build -f plan.json .                      build it
  layerc compile --format html . > plan.html       a page that shows what the last build did
  layerc compile --format mermaid --offline .      draw it without looking at base images
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.usage = "layerc compile [OPTIONS] [PATH | URL | -]"
    parser.description = (
        "Compile a Dockerfile or layer definitions (TOML, JSON) and print the plan:\n"
        "the graph of layers and the images made of them."
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
        "--plain",
        action="store_true",
        help="in pictures, show the plan alone and not what the last build did",
    )
    group.add_argument(
        "--offline", action="store_true", help="do not look at base images: their configs count as empty"
    )
    group.add_argument("--pull", action="store_true", help="ask registries for newer base images")
    add_store_option(group)


def run(arguments: argparse.Namespace) -> int:
    """Compile and print."""
    from ..engine.request import BuildRequest, SshForward
    from .context import find_definition

    if not os.path.isdir(arguments.path):
        become_root()  # a context that has to be unpacked keeps its owners
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
    plan = (_offline if arguments.offline else _resolved)(request, arguments.store)
    _warn(plan)
    emitter = next(emitter for emitter in EMITTERS if emitter.name == arguments.format)
    known = (
        NO_ANNOTATIONS if arguments.plain or not emitter.is_picture else _last_build(arguments, request, plan)
    )
    sys.stdout.write(emitter.emit(plan, known))
    return 0


def _last_build(arguments: argparse.Namespace, request: BuildRequest, plan: LayerPlan) -> Annotations:
    from ..engine.last_build import last_build
    from ..store.store import default_root

    return last_build(arguments.store or default_root(), request, plan)


def _resolved(request: BuildRequest, store_root: str | None) -> LayerPlan:
    from ..engine.build import compile_only
    from ..store.store import Store
    from .progress import open_progress

    with Store.open(store_root) as store, open_progress("auto", sys.stderr) as progress:
        return compile_only(request, store, progress)


def _with_dockerfile(request: BuildRequest, store_root: str | None) -> BuildRequest:
    """``request`` with its Dockerfile, which lies in a context that is not on this machine."""
    from ..engine.build import read_dockerfile
    from ..store.store import Store
    from .progress import open_progress

    with Store.open(store_root) as store, open_progress("auto", sys.stderr) as progress:
        return read_dockerfile(request, store, progress)


def _offline(request: BuildRequest, store_root: str | None) -> LayerPlan:
    """The plan over base images of which nothing is known but their names."""
    from ...compiler import compile_dockerfile
    from ...compiler.definitions import read_document
    from ...compiler.options import UnresolvedImagesError

    if request.dockerfile is None:
        request = _with_dockerfile(request, store_root)
    assert request.dockerfile is not None
    options = request.options
    document = read_document(request.dockerfile, options.target, options.contexts)
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
