"""What Docker's build checks say of a Dockerfile, as ``--call=check`` shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ...grammar.errors import CompileError
from ...grammar.syntax import Document
from ..checks import ARGUMENT, Checks
from ..graph.plan import Notice
from ..lower import bind_stages, evaluate_stages
from ..options import BaseImage, CompileOptions, ImageRequest, UnresolvedImagesError
from ..program import check_style, read_program

__all__ = ["CheckReport", "check_dockerfile"]


class CheckReport(NamedTuple):
    """Warnings in the order in which they were found, and the error that ended the check, if one did."""

    notices: tuple[Notice, ...]
    error: CompileError | None = None


def check_dockerfile(
    document: Document,
    options: CompileOptions,
    images: Mapping[ImageRequest, BaseImage],
    ignored: Callable[[str], bool] | None = None,
) -> CheckReport:
    """Check every stage, or what ``options.target`` needs, for the first platform.

    Raises ``UnresolvedImagesError`` as compiling does. The other arguments are those of
    :func:`~layerc.compiler.compile_dockerfile`.
    """
    try:
        checks = Checks(document, options.build_args.get(ARGUMENT), ignored)
    except CompileError as error:
        return CheckReport((), error)
    checks.empty_continuations()
    try:
        program = read_program(document)
        check_style(program, checks)
        lowering = bind_stages(next(iter(options.platforms), None), program, options, images, checks, {})
        if missing := evaluate_stages(lowering, every=not options.target):
            raise UnresolvedImagesError(frozenset(missing), checks.notices)
        checks.raise_if_errors()
    except CompileError as error:
        return CheckReport(checks.notices, error)
    return CheckReport(checks.notices)
