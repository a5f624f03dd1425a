"""From a request to a plan: resolve what the text names, compile, remember.

A compiled plan is remembered under its inputs (text, options, identities of base images), so that a build
with nothing to do parses nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ... import __version__
from ...compiler.graph.canonical import canonical_json, sha256_hex
from ...compiler.graph.plan import LayerPlan
from ...compiler.options import ImageRequest, NamedContext, UnresolvedImagesError
from ...compiler.path_patterns import PatternMatcher
from ...grammar.source import Location
from ..sources.ignore import excluded_paths, load_ignore_file
from ..store.store import Store
from .images import Images
from .request import BuildRequest

__all__ = ["compile_request", "ignored_files"]

_KIND = "plan"
# Raise when the form of the remembered values changes, or what operations are held to mean the same.
_FORMAT = 5


def compile_request(request: BuildRequest, store: Store, images: Images) -> LayerPlan:
    """The plan of ``request``. Raises ``DockerfileError`` and :class:`SourceError`."""
    if request.plan is not None:
        return request.plan
    ignore = ignored_files(request)
    key = _key(request, ignore)
    known = store.record(_KIND, key)
    contexts = request.options.contexts
    if known is not None and (plan := _remembered(json.loads(known), images, contexts)) is not None:
        return plan
    plan, asked = _compile(request, images, ignore)
    identities = [[_request_document(item), images.resolve([item])[item].digest] for item in asked]
    meanings = [layer.meaning for layer in plan.layers]
    value = canonical_json({"images": identities, "plan": plan.to_document(), "meanings": meanings})
    store.add_record(_KIND, key, value.encode("utf-8", "surrogateescape"))
    return plan


def ignored_files(request: BuildRequest) -> PatternMatcher:
    """What ``.dockerignore`` says; only directories have one. Raises :class:`SourceError`."""
    if isinstance(request.context, str):
        return load_ignore_file(request.context, request.dockerfile_path)
    return PatternMatcher(())


def _compile(
    request: BuildRequest, images: Images, ignore: PatternMatcher
) -> tuple[LayerPlan, list[ImageRequest]]:
    # Imported here: a build that finds its plan needs neither the parser nor the compiler.
    from ...compiler import compile_dockerfile
    from ...compiler.definitions import read_document

    assert request.dockerfile is not None
    options = request.options
    document = read_document(request.dockerfile, options.target, options.contexts)
    excluded = excluded_paths(ignore)
    asked: dict[ImageRequest, None] = {}
    while True:
        try:
            plan = compile_dockerfile(document, options, images.resolve(asked), excluded)
        except UnresolvedImagesError as need:
            asked |= dict.fromkeys(sorted(need.requests, key=lambda item: (item.reference, item.platform)))
        else:
            return plan, list(asked)


def _key(request: BuildRequest, ignore: PatternMatcher) -> str:
    assert request.dockerfile is not None
    options = request.options._asdict()
    options |= {"build_args": dict(options["build_args"]), "contexts": dict(options["contexts"])}
    patterns = [[pattern.text, pattern.exclusion] for pattern in ignore.patterns]
    name, text = request.dockerfile.name, request.dockerfile.text
    return sha256_hex(canonical_json([__version__, _FORMAT, name, text, options, patterns]))


def _remembered(
    value: dict[str, Any], images: Images, contexts: Mapping[str, NamedContext]
) -> LayerPlan | None:
    """The plan, if the images that it was made for are still the same."""
    wanted = [(_request(item, contexts), digest) for item, digest in value["images"]]
    now = images.resolve([request for request, _ in wanted])
    if any(now[request].digest != digest for request, digest in wanted):
        return None
    return LayerPlan.from_document(value["plan"], value["meanings"])


def _request_document(request: ImageRequest) -> dict[str, Any]:
    """A context is noted by its name only: its URL may hold a password. The key is made of all contexts."""
    context, where = request.context, request.where
    return request._asdict() | {"context": context and context.name, "where": where and where._asdict()}


def _request(document: dict[str, Any], contexts: Mapping[str, NamedContext]) -> ImageRequest:
    context, where = document["context"], document["where"]
    return ImageRequest(
        document["reference"],
        document["platform"],
        None if context is None else contexts[context],
        None if where is None else Location(**where),
        document["help"],
    )
