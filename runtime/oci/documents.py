"""Manifests and indexes as values.

Source: OCI image spec, "Image Manifest" and "Image Index"; Docker's schema 2.

Documents come from strangers: they are limited in size and checked before anything in them is used. What is
wrong with one is a :class:`SourceError`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import SourceError
from . import media_types
from .descriptor import Descriptor, string_map
from .platforms import Platform

__all__ = ["MAX_CONFIG", "MAX_DOCUMENT", "Index", "Manifest", "dump_json", "load_json", "read_document"]

# Registries accept manifests of up to 4 MiB. A config may be larger: it holds the whole history.
MAX_DOCUMENT = 4 << 20
MAX_CONFIG = 8 << 20
# More layers than any engine mounts; a limit so that a small document can not ask for endless work.
MAX_ENTRIES = 4096


class Manifest(NamedTuple):
    """One image: its config and its layers, bottom first."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    media_type: str = media_types.OCI_MANIFEST
    annotations: tuple[tuple[str, str], ...] = ()
    artifact_type: str = ""
    subject: Descriptor | None = None

    def to_bytes(self) -> bytes:
        """The document."""
        document: dict[str, Any] = {"schemaVersion": 2, "mediaType": self.media_type}
        if self.artifact_type:
            document["artifactType"] = self.artifact_type
        document["config"] = self.config.to_document()
        document["layers"] = [layer.to_document() for layer in self.layers]
        if self.subject is not None:
            document["subject"] = self.subject.to_document()
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        return dump_json(document)


class Index(NamedTuple):
    """Several manifests: one image for several platforms, or the images of a layout."""

    manifests: tuple[Descriptor, ...]
    media_type: str = media_types.OCI_INDEX
    annotations: tuple[tuple[str, str], ...] = ()

    def to_bytes(self) -> bytes:
        """The document."""
        document: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "manifests": [entry.to_document() for entry in self.manifests],
        }
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        return dump_json(document)

    def choose(self, platform: Platform) -> Descriptor | None:
        """The entry that fits ``platform`` best, or none; among equals the first. An entry that does not say
        for what it is counts as fitting, but only where no other does. Attestations never count.
        """
        best: tuple[int, Descriptor] | None = None
        unsaid: Descriptor | None = None
        for entry in self.manifests:
            if entry.media_type not in media_types.MANIFESTS + media_types.INDEXES:
                continue
            if entry.platform is None:
                unsaid = unsaid or entry
            elif (rank := platform.rank(entry.platform)) is not None and (best is None or rank < best[0]):
                best = (rank, entry)
        return best[1] if best else unsaid


def dump_json(document: Any) -> bytes:
    """``document`` as compact JSON in UTF-8; keys in their order."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def load_json(data: bytes, what: str, limit: int = MAX_DOCUMENT) -> dict[str, Any]:
    """The JSON object in ``data``. Raises :class:`SourceError` (``what`` names the document in it)."""
    if len(data) > limit:
        raise SourceError(f"{what} is too large: {len(data)} bytes, at most {limit} are accepted")
    try:
        document = json.loads(data.decode(), parse_constant=_no_constant)
        if b"\\u" in data:  # a lone surrogate can not be written again
            dump_json(document)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{what} is not valid JSON: {error}") from None
    if not isinstance(document, dict):
        raise SourceError(f"{what} is not a JSON object")
    return document


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def read_document(data: bytes, what: str, media_type: str = "") -> Manifest | Index:
    """Read a manifest or an index. ``media_type`` is what referred to it as, or empty where nothing did.

    The document's own ``mediaType`` must not contradict it, and a document that could be read both ways is
    refused (it would mean one thing here and another elsewhere).
    """
    document = load_json(data, what)
    declared = document.get("mediaType") or media_type
    if declared in (media_types.DOCKER_MANIFEST_V1, media_types.DOCKER_MANIFEST_V1_SIGNED) or (
        document.get("schemaVersion") == 1
    ):
        raise SourceError(
            f"{what} has the old Docker format (schema 1), which is not supported",
            help="push the image again with a current version of Docker",
        )
    if document.get("schemaVersion") != 2:
        raise SourceError(f"{what} is not a manifest: schemaVersion is not 2")
    if media_type and declared != media_type:
        raise SourceError(f"{what} says that it is {declared!r}, but is referred to as {media_type!r}")
    if "manifests" in document and ("layers" in document or "config" in document):
        raise SourceError(f"{what} claims to be a manifest and an index at once")
    is_index = declared in media_types.INDEXES if declared else "manifests" in document
    if declared and declared not in media_types.INDEXES + media_types.MANIFESTS:
        raise SourceError(f"{what} is no image: its media type is {str(declared)[:100]!r}")
    try:
        return _index(document, declared) if is_index else _manifest(document, declared)
    except ValueError as error:
        raise SourceError(f"{what} is malformed: {error}") from None


def _index(document: Mapping[str, Any], media_type: str) -> Index:
    return Index(
        _descriptors(document, "manifests"),
        media_type or media_types.OCI_INDEX,
        string_map(document.get("annotations"), "annotations"),
    )


def _manifest(document: Mapping[str, Any], media_type: str) -> Manifest:
    subject = document.get("subject")
    return Manifest(
        Descriptor.from_document(document.get("config")),
        _descriptors(document, "layers"),
        media_type or media_types.OCI_MANIFEST,
        string_map(document.get("annotations"), "annotations"),
        str(document.get("artifactType") or ""),
        None if subject is None else Descriptor.from_document(subject),
    )


def _descriptors(document: Mapping[str, Any], key: str) -> tuple[Descriptor, ...]:
    entries = document.get(key)
    if entries is None and key == "manifests":
        entries = []
    if not isinstance(entries, list):
        raise ValueError(f"{key} must be a list")
    if len(entries) > MAX_ENTRIES:
        raise ValueError(f"{key} has {len(entries)} entries, at most {MAX_ENTRIES} are accepted")
    return tuple(Descriptor.from_document(entry) for entry in entries)
