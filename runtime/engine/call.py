"""Questions to a Dockerfile that build nothing, with what they need from outside: its text, its base images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from ...compiler.call import Outline, check_dockerfile, outline_dockerfile
from ...compiler.definitions import read_document
from ...compiler.graph.plan import Notice
from ...compiler.options import BaseImage, ImageRequest, UnresolvedImagesError
from ...grammar.errors import LayercError
from ...grammar.source import SourceFile
from ..events import Reporter
from ..sources.ignore import excluded_paths
from ..store.store import Store
from .build import opened
from .compile import ignored_files
from .images import Images
from .request import BuildRequest

__all__ = ["Checked", "ask_check", "ask_outline"]

_Answer = TypeVar("_Answer")
_Known = Mapping[ImageRequest, BaseImage]


@dataclass(frozen=True, slots=True)
class Checked:
    """The warnings in ``source``, and the error that ended the check, if one did."""

    source: SourceFile
    notices: tuple[Notice, ...]
    error: LayercError | None = None


def ask_outline(request: BuildRequest, store: Store, reporter: Reporter) -> tuple[SourceFile, Outline]:
    """The Dockerfile and the outline of the target. Raises ``LayercError``."""
    with opened(request, store, reporter) as (request, images):
        assert request.dockerfile is not None
        options = request.options
        document = read_document(request.dockerfile, options.target, options.contexts)
        outline = _with_images(images, lambda known: outline_dockerfile(document, options, known))
        return request.dockerfile, outline


def ask_check(request: BuildRequest, store: Store, reporter: Reporter) -> Checked:
    """What the build checks say. Raises ``LayercError`` only where there is no Dockerfile to check."""
    with opened(request, store, reporter) as (request, images):
        assert request.dockerfile is not None
        source, options = request.dockerfile, request.options
        try:
            document = read_document(source, options.target, options.contexts)
            ignored = excluded_paths(ignored_files(request))
        except LayercError as error:
            return Checked(source, (), error)

        def ask(known: _Known) -> Checked:
            report = check_dockerfile(document, options, known, ignored)
            return Checked(source, report.notices, report.error)

        return _with_images(images, ask, lambda error, notices: Checked(source, notices, error))


def _with_images(
    images: Images,
    ask: Callable[[_Known], _Answer],
    failed: Callable[[LayercError, tuple[Notice, ...]], _Answer] | None = None,
) -> _Answer:
    """``ask`` with the images that it turns out to need. Where one can not be had, ``failed`` is handed the
    error and what was found before it; without it, the error is raised.
    """
    wanted: dict[ImageRequest, None] = {}
    notices: tuple[Notice, ...] = ()
    while True:
        try:
            known = images.resolve(wanted)
        except LayercError as error:
            if failed is None:
                raise
            return failed(error, notices)
        try:
            return ask(known)
        except UnresolvedImagesError as need:
            wanted |= dict.fromkeys(sorted(need.requests, key=lambda item: (item.reference, item.platform)))
            notices = need.notices
