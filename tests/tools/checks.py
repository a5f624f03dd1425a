"""The cases of corpus/checks: Dockerfiles, and what ``--call`` answers about them.

``expected.json`` holds the documents without their ``sources``: ``check``, ``targets`` and ``outline`` (the last two
may be ``{"error": …}``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from compiling import image, read_options

from layerc.compiler.call import check_dockerfile, list_targets, outline_dockerfile
from layerc.compiler.options import BaseImage, CompileOptions, ImageRequest, UnresolvedImagesError
from layerc.grammar.errors import LayercError
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile
from layerc.runtime.cli.answers.documents import check_document, outline_document, targets_document
from layerc.runtime.engine.call import Checked
from layerc.runtime.sources.ignore import excluded_paths, load_ignore_file

Answer = TypeVar("Answer")
CHECKS = Path(__file__).parents[2] / "corpus" / "checks"


def answers(folder: Path) -> dict[str, Any]:
    """What layerc answers about a case. Base images that options.json does not make a context are empty."""
    source = SourceFile.from_bytes("Dockerfile", (folder / "Dockerfile").read_bytes())
    options = read_options(folder / "options.json")
    return {
        "check": _without_sources(check_document(_check(folder, source, options))),
        "outline": _or_error(
            lambda: outline_document(
                source, resolved(lambda known: outline_dockerfile(parse(source), options, known))
            )
        ),
        "targets": _or_error(lambda: targets_document(source, list_targets(parse(source)))),
    }


def _check(folder: Path, source: SourceFile, options: CompileOptions) -> Checked:
    ignored = excluded_paths(load_ignore_file(str(folder)))
    try:
        document = parse(source)
    except LayercError as error:
        return Checked(source, (), error)
    report = resolved(lambda known: check_dockerfile(document, options, known, ignored))
    return Checked(source, report.notices, report.error)


def resolved(
    ask: Callable[[Mapping[ImageRequest, BaseImage]], Answer],
    find: Callable[[ImageRequest], BaseImage] = lambda request: image(request, {}),
) -> Answer:
    """``ask`` with the images that it turns out to need."""
    known: dict[ImageRequest, BaseImage] = {}
    for _ in range(5):
        try:
            return ask(known)
        except UnresolvedImagesError as need:
            known |= {request: find(request) for request in need.requests}
    raise AssertionError("the compiler keeps asking for images")


def _or_error(answer: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return _without_sources(answer())
    except LayercError as error:
        return {"error": error.message}


def _without_sources(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "sources"}


def expected(folder: Path) -> dict[str, Any]:
    """What the file says."""
    found: dict[str, Any] = json.loads((folder / "expected.json").read_text())
    return found
