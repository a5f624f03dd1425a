"""Runs the optimiser on the cases of corpus/optimize: Dockerfiles, and facts as TOML.

``facts.toml`` beside a Dockerfile may say (all of it is optional)::

    level = 2                          # default: that of the pass that the folder above is called after
    passes = ["split-copy", "reorder"] # default: that pass alone; [] is all
    [options]                          # fields of CompileOptions
    target = "app"
    build_args = { VERSION = "2" }
    [images."debian:bookworm-slim"]    # fields of ImageConfig; of others nothing is known but the architecture
    env = { LANG = "C.UTF-8" }
    [[context]]                        # files of the main context (of `context = "name"` else)
    path = "src/main.js"
    size = 120
    [manifests]
    "package.json" = "{}"
    [[observed]]                       # of all steps whose text begins so
    step = "RUN npm ci"
    reads = ["/app/package.json"]      # also: lists, trees; writes, directories, written_trees; seconds, size
    [[commits]]
    paths = ["src/main.js"]
    [links]                            # of all bases
    "/bin" = "/usr/bin"
    [directories]
    paths = ["/usr", "/usr/bin"]
    others = ["/root"]                 # with another mode or owner; then these are all
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from layerc.compiler.config import ImageConfig
from layerc.compiler.effects.paths import Reads, Writes
from layerc.compiler.graph.operations import Base
from layerc.compiler.graph.plan import LayerPlan
from layerc.compiler.optimize.facts import Commit, ContextFile, Facts, Observation
from layerc.compiler.optimize.manager import Result, optimize
from layerc.compiler.optimize.passes import PASSES
from layerc.compiler.options import BaseImage, CompileOptions, ImageRequest, UnresolvedImagesError
from layerc.compiler.references import parse_reference
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile

CASES = Path(__file__).parents[2] / "corpus" / "optimize"


def case_folders() -> list[Path]:
    """All cases, by pass."""
    return sorted(path.parent for path in CASES.glob("*/*/Dockerfile"))


def optimize_case(folder: Path, text: str | None = None) -> Result:
    """The result for the Dockerfile of ``folder``, or for ``text`` with its facts."""
    given = folder / "facts.toml"
    case = tomllib.loads(given.read_text()) if given.exists() else {}
    name = folder.parent.name
    own = next((item for item in PASSES if item.name == name), None)
    data = (folder / "Dockerfile").read_bytes() if text is None else text.encode("utf-8", "surrogateescape")
    return optimize_text(
        SourceFile.from_bytes("Dockerfile", data),
        case,
        level=case.get("level", own.level if own else 1),
        only=case.get("passes", [name] if own else []),
    )


def optimize_text(
    source: SourceFile,
    case: Mapping[str, Any] | None = None,
    level: int = 1,
    only: tuple[str, ...] | list[str] = (),
) -> Result:
    """The result for ``source`` with what ``case`` says."""
    case = case or {}
    options = CompileOptions(**case.get("options", {}))
    images = case.get("images", {})
    document = parse(source)

    def again(known: Mapping[ImageRequest, BaseImage]) -> Result:
        plan = optimize(document, options, known, Facts(), 0).plan
        return optimize(document, options, known, facts_of(case, plan), level, only=only)

    return with_images(again, images)


_Answer = TypeVar("_Answer")


def with_images(
    wanted: Callable[[Mapping[ImageRequest, BaseImage]], _Answer], images: Mapping[str, Mapping[str, Any]]
) -> _Answer:
    """What ``wanted`` gives when it has all images that it asks for."""
    known: dict[ImageRequest, BaseImage] = {}
    while True:
        try:
            return wanted(known)
        except UnresolvedImagesError as need:
            known |= {request: _image(request, images) for request in need.requests}


def _image(request: ImageRequest, images: Mapping[str, Mapping[str, Any]]) -> BaseImage:
    system, architecture = request.platform.split("/")[:2]
    named = {str(parse_reference(name).tagged()): fields for name, fields in images.items()}
    fields = {key: _frozen(value) for key, value in named.get(request.reference, {}).items()}
    return BaseImage("", ImageConfig(architecture=architecture, os=system, **fields))


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple(value.items())
    return tuple(value) if isinstance(value, list) else value


def facts_of(case: Mapping[str, Any], plan: LayerPlan) -> Facts:
    """The facts that ``case`` tells of ``plan``."""
    contexts: dict[str, list[ContextFile]] = {}
    for entry in case.get("context", ()):
        file = ContextFile(
            entry["path"], entry.get("kind", "file"), entry.get("size", 0), entry.get("target", "")
        )
        contexts.setdefault(entry.get("context", ""), []).append(file)
    bases = [layer.id for layer in plan.layers if isinstance(layer.operation, Base)]
    return Facts(
        observed={
            layer.id: _observation(entry)
            for layer in plan.layers
            for entry in case.get("observed", ())
            if layer.provenance.text.startswith(entry["step"])
        },
        contexts={name: tuple(sorted(files)) for name, files in contexts.items()},
        manifests={path: text.encode() for path, text in case.get("manifests", {}).items()},
        commits=tuple(
            Commit(
                entry.get("id", f"c{number}"),
                entry.get("time", -number),
                tuple(entry["paths"]),
                frozenset(entry.get("moved", ())),
            )
            for number, entry in enumerate(case.get("commits", ()))
        ),
        links=dict.fromkeys(bases, case.get("links", {})),
        directories=dict.fromkeys(bases, frozenset(case.get("directories", {}).get("paths", ()))),
        others=dict.fromkeys(bases, frozenset(case["directories"]["others"]))
        if "others" in case.get("directories", ())
        else {},
    )


def _observation(entry: Mapping[str, Any]) -> Observation:
    def paths(key: str) -> frozenset[str]:
        return frozenset(entry.get(key, ()))

    reads = Reads(paths("reads"), paths("lists"), paths("trees")) if "reads" in entry else None
    writes = (
        Writes(paths("writes"), paths("directories"), paths("written_trees")) if "writes" in entry else None
    )
    return Observation(reads, writes, entry.get("seconds"), entry.get("size"))
