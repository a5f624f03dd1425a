"""Descriptors: what is referred to, by digest. Source: OCI image spec, "Content Descriptors"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from .digests import parse_digest
from .platforms import Platform

__all__ = ["Descriptor"]


class _Descriptor(NamedTuple):
    media_type: str
    digest: str
    size: int
    annotations: tuple[tuple[str, str], ...] = ()
    platform: Platform | None = None
    urls: tuple[str, ...] = ()
    artifact_type: str = ""


class Descriptor(_Descriptor):
    """A reference to a blob: media type, digest (``sha256:<hex>``) and size in bytes.

    ``platform`` stands on entries of an index. ``urls`` are other places of the content (kept, never used).
    Raises ``ValueError`` for a digest or a size that can not be one.
    """

    __slots__ = ()

    def __new__(
        cls,
        media_type: str,
        digest: str,
        size: int,
        annotations: tuple[tuple[str, str], ...] = (),
        platform: Platform | None = None,
        urls: tuple[str, ...] = (),
        artifact_type: str = "",
    ) -> Self:
        """Check it."""
        parse_digest(digest)
        if not 0 <= size < 1 << 63:
            raise ValueError(f"a size can not be {size}")
        return super().__new__(cls, media_type, digest, size, annotations, platform, urls, artifact_type)

    def with_(self, **changes: Any) -> Self:
        """A copy with ``changes``."""
        return type(self)(**{**self._asdict(), **changes})

    def annotation(self, key: str) -> str | None:
        """The annotation ``key``, or none."""
        return dict(self.annotations).get(key)

    def annotated(self, annotations: Mapping[str, str]) -> Self:
        """A copy with these annotations besides its own."""
        return self.with_(annotations=tuple(sorted({**dict(self.annotations), **annotations}.items())))

    def to_document(self) -> dict[str, Any]:
        """The JSON object; absent where empty."""
        document: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.urls:
            document["urls"] = list(self.urls)
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        if self.platform is not None:
            document["platform"] = self.platform.to_document()
        if self.artifact_type:
            document["artifactType"] = self.artifact_type
        return document

    @classmethod
    def from_document(cls, document: Any) -> Descriptor:
        """Read a JSON object. Raises ``ValueError`` where it is no descriptor."""
        if not isinstance(document, Mapping):
            raise ValueError("a descriptor must be an object")
        media_type, digest, size = (document.get(key) for key in ("mediaType", "digest", "size"))
        if not isinstance(media_type, str) or not isinstance(digest, str):
            raise ValueError("a descriptor needs mediaType and digest")
        if not isinstance(size, int) or isinstance(size, bool):
            raise ValueError("a descriptor needs a size")
        platform = document.get("platform")
        return cls(
            media_type,
            digest,
            size,
            annotations=string_map(document.get("annotations"), "annotations"),
            platform=None if not isinstance(platform, Mapping) else Platform.from_document(platform),
            urls=_strings(document.get("urls")),
            artifact_type=str(document.get("artifactType") or ""),
        )


def string_map(value: Any, what: str) -> tuple[tuple[str, str], ...]:
    """A JSON object of strings as sorted pairs; none is empty. Raises ``ValueError``."""
    if value is None:
        return ()
    if not isinstance(value, Mapping) or not all(isinstance(text, str) for text in value.values()):
        raise ValueError(f"{what} must map strings to strings")
    return tuple(sorted(value.items()))


def _strings(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError("urls must be strings")
    return tuple(value)
