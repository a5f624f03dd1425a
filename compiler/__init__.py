"""Tree to graph of layers: pure functions over immutable values.

The door is :func:`compile_dockerfile`. Its parts are imported when it is called: who only reads plans (a
build with nothing to do) pays for none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..grammar.syntax import Document
    from .graph.layer import ImageLayer
    from .graph.plan import LayerPlan
    from .options import BaseImage, CompileOptions, ImageRequest

__all__ = ["compile_dockerfile"]


def compile_dockerfile(
    document: Document,
    options: CompileOptions,
    images: Mapping[ImageRequest, BaseImage],
    ignored: Callable[[str], bool] | None = None,
) -> LayerPlan:
    """Compile a Dockerfile to a plan: one image for each of ``options.platforms``.

    Raises ``CompileError`` where the text has no meaning, and ``UnresolvedImagesError`` with all images that
    must be known first: hand them in, by request, and call again. No platform means that of the build, and
    the config keeps what the base image says. ``ignored`` tells the paths that ``.dockerignore`` excludes.
    """
    from .checks import ARGUMENT, Checks
    from .graph.plan import LayerPlan
    from .lower import lower_for, used_layers
    from .options import UnresolvedImagesError
    from .program import check_style, read_program

    checks = Checks(document, options.build_args.get(ARGUMENT), ignored)
    checks.empty_continuations()
    # 1. Every instruction is checked, and the text is cut into stages.
    program = read_program(document)
    check_style(program, checks)
    # 2. For each platform, what the target needs is evaluated into layers and an image config.
    layers: dict[str, ImageLayer] = {}
    lowered = [
        lower_for(platform, program, options, images, checks, layers)
        for platform in options.platforms or (None,)
    ]
    if missing := frozenset(request for _, requests in lowered for request in requests):
        raise UnresolvedImagesError(missing)
    checks.unused_arguments(options.build_args, program.declared)
    checks.raise_if_errors()
    # 3. What no image needs is left out.
    plans = tuple(image for image, _ in lowered)
    return LayerPlan(used_layers(layers, plans), plans, checks.notices)
