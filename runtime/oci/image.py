"""``ImageManifest``: the ordered list of layers that make an image, with its config.

Source: OCI image spec, "Image Manifest" and "Image Configuration".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Self

from ...compiler.config import HistoryItem, ImageConfig
from ..errors import IntegrityError, SourceError
from . import media_types
from .checks import check_config
from .descriptor import Descriptor
from .digests import of_bytes
from .documents import MAX_CONFIG, Manifest, dump_json, load_json
from .platforms import Platform

__all__ = ["ImageManifest", "chain_ids"]


class _Image(NamedTuple):
    config_bytes: bytes
    layers: tuple[Descriptor, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    media_type: str = media_types.OCI_MANIFEST
    config_media_type: str = media_types.OCI_CONFIG
    epoch: int | None = None
    base_layers: int = 0
    rates: tuple[float, ...] = ()


class ImageManifest(_Image):
    """An image. ``config_bytes`` is the config document exactly as its digest needs it.

    ``layers`` are descriptors, bottom first, one for each of :attr:`diff_ids`; they are empty on an image
    that was just assembled: only an exporter decides how layers are compressed, and so what their blobs are
    (:meth:`with_layers`). Of an assembled image, ``epoch`` is the Unix time of SOURCE_DATE_EPOCH, if it is set,
    and ``base_layers`` tells how many of its lowest layers are those of its base image; ``rates``, if they were
    asked for, are the chances of each of the others to be another one in the image's next version.
    """

    @classmethod
    def from_config(cls, document: Mapping[str, Any]) -> Self:
        """A new image with this config document. Equal documents give equal bytes, whatever their order."""
        check_config(document, "the image config")
        return cls(dump_json(dict(sorted(document.items()))))

    @classmethod
    def read(cls, manifest: Manifest, config_bytes: bytes, what: str) -> Self:
        """Join a manifest and its config; both may be a stranger's.

        Raises :class:`SourceError` for a config that is none, :class:`IntegrityError` where it does not fit.
        """
        if manifest.config.media_type not in media_types.CONFIGS:
            raise SourceError(
                f"{what} is no container image: its config is {manifest.config.media_type[:100]!r}",
                help="it may be an artifact of another kind, such as a Helm chart or a signature",
            )
        if (
            len(config_bytes) != manifest.config.size
            or of_bytes(config_bytes, manifest.config.digest) != manifest.config.digest
        ):
            raise IntegrityError(f"the config of {what} does not match its digest {manifest.config.digest}")
        image = cls(
            config_bytes,
            manifest.layers,
            manifest.annotations,
            manifest.media_type,
            manifest.config.media_type,
        )
        check_config(image.document, f"the config of {what}")
        if len(image.diff_ids) != len(image.layers):
            raise IntegrityError(
                f"the config of {what} lists {len(image.diff_ids)} layers, its manifest {len(image.layers)}"
            )
        return image

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """The config document, parsed. Treat it as read-only."""
        return load_json(self.config_bytes, "the image config", MAX_CONFIG)

    @property
    def diff_ids(self) -> tuple[str, ...]:
        """Digests of the uncompressed layers, bottom first."""
        return tuple((self.document.get("rootfs") or {}).get("diff_ids") or ())

    @property
    def config(self) -> ImageConfig:
        """The config as the compiler sees it."""
        return ImageConfig.from_document(self.document)

    @property
    def history(self) -> tuple[HistoryItem, ...]:
        """All items, oldest first."""
        return tuple(_history_item(item) for item in self.document.get("history") or ())

    @property
    def matched_history(self) -> tuple[HistoryItem, ...]:
        """The history with exactly one item that is not empty for each layer.

        Not every tool writes it so. As BuildKit does it: items beyond the layers count as empty, and layers
        that no item tells of get one.
        """
        items: list[HistoryItem] = []
        left = len(self.diff_ids)
        for item in self.history:
            items.append(item if item.empty_layer or left else item._replace(empty_layer=True))
            left -= not items[-1].empty_layer
        return (
            *items,
            *(HistoryItem(comment="layerc: not in the base image's history") for _ in range(left)),
        )

    @property
    def platform(self) -> Platform:
        """What the image runs on, normalised."""
        return Platform.from_document(self.document).normalized()

    @property
    def config_descriptor(self) -> Descriptor:
        """The config's descriptor; its digest is what Docker calls the image's id."""
        return Descriptor(self.config_media_type, of_bytes(self.config_bytes), len(self.config_bytes))

    def with_diff_ids(self, diff_ids: Sequence[str]) -> Self:
        """The image over other layers, of which its history is true as well."""
        if len(diff_ids) != len(self.diff_ids):
            raise ValueError(f"{len(diff_ids)} layers in the place of {len(self.diff_ids)}")
        rootfs = {**self.document["rootfs"], "diff_ids": list(diff_ids)}
        return self._replace(config_bytes=dump_json({**self.document, "rootfs": rootfs}))

    def with_layers(self, layers: Sequence[Descriptor]) -> Self:
        """The image with the blobs of its layers, one for each diff ID."""
        if len(layers) != len(self.diff_ids):
            raise ValueError(f"{len(layers)} blobs for {len(self.diff_ids)} layers")
        return self._replace(layers=tuple(layers))

    def to_bytes(self) -> bytes:
        """The manifest document."""
        if len(self.layers) != len(self.diff_ids):
            raise ValueError("the image's layers have no blobs yet")
        manifest = Manifest(self.config_descriptor, self.layers, self.media_type, self.annotations)
        return manifest.to_bytes()

    def descriptor(self) -> Descriptor:
        """The manifest's descriptor, with the platform as an index wants it."""
        data = self.to_bytes()
        return Descriptor(self.media_type, of_bytes(data), len(data), platform=self.platform)


def chain_ids(diff_ids: Sequence[str]) -> tuple[str, ...]:
    """The chain ID of each layer's stack: it names the layers from the bottom up to that one."""
    chain: list[str] = []
    for diff_id in diff_ids:
        chain.append(of_bytes(f"{chain[-1]} {diff_id}".encode()) if chain else diff_id)
    return tuple(chain)


def _history_item(item: Mapping[str, Any]) -> HistoryItem:
    return HistoryItem(
        created_by=item.get("created_by") or "",
        empty_layer=bool(item.get("empty_layer")),
        comment=item.get("comment") or "",
        author=item.get("author") or "",
        created=item.get("created"),
    )
