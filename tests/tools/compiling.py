"""The folders of corpus/cases, compiled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from layerc.compiler import compile_dockerfile
from layerc.compiler.config import HistoryItem, ImageConfig
from layerc.compiler.graph.plan import LayerPlan
from layerc.compiler.options import (
    BaseImage,
    CompileOptions,
    ImageRequest,
    NamedContext,
    UnresolvedImagesError,
)
from layerc.compiler.references import parse_reference
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile

CASES = Path(__file__).parents[2] / "corpus" / "cases"


def compile_text(text: str, images: dict[str, Any] | None = None, **options: Any) -> LayerPlan:
    """Compile ``text``; images that ``images`` does not declare have an empty config."""
    return compile_source(SourceFile("Dockerfile", text), images or {}, CompileOptions(**options))


def compile_source(source: SourceFile, images: dict[str, Any], options: CompileOptions) -> LayerPlan:
    document = parse(source)
    known: dict[ImageRequest, BaseImage] = {}
    for _ in range(5):
        try:
            return compile_dockerfile(document, options, known)
        except UnresolvedImagesError as error:
            known |= {request: image(request, images) for request in error.requests}
    raise AssertionError("the compiler keeps asking for images")


def image(request: ImageRequest, images: dict[str, Any]) -> BaseImage:
    """What images.json says of the requested image, by its short or full name."""
    for name, entry in images.items():
        if str(parse_reference(name).tagged()) == request.reference:
            history = tuple(HistoryItem(**item) for item in entry.get("history", ()))
            return BaseImage(entry.get("digest", ""), ImageConfig.from_document(entry["config"]), history)
    return BaseImage("", ImageConfig())


def compile_case(folder: Path) -> LayerPlan:
    """The plan of a case: Dockerfile, and optionally images.json and options.json."""
    source = SourceFile.from_bytes("Dockerfile", (folder / "Dockerfile").read_bytes())
    return compile_source(source, read_json(folder / "images.json"), read_options(folder / "options.json"))


def read_json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


def read_options(path: Path) -> CompileOptions:
    """CompileOptions from JSON; ``contexts`` are name to [kind, value]."""
    given = read_json(path)
    given.pop("comment", None)
    given["contexts"] = {
        name: NamedContext(name, kind, value) for name, (kind, value) in given.get("contexts", {}).items()
    }
    for name in ("platforms", "ulimits"):
        if name in given:
            given[name] = tuple(given[name])
    for name in ("labels", "extra_hosts"):
        if name in given:
            given[name] = tuple(tuple(pair) for pair in given[name])
    return CompileOptions(**given)
