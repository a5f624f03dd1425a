"""Media types of the OCI image spec and of Docker's schema 2, and what may be done with each."""

from __future__ import annotations

from ..errors import SourceError
from .descriptor import Descriptor

__all__ = [
    "CONFIGS",
    "INDEXES",
    "MANIFESTS",
    "as_docker",
    "as_oci",
    "compression_of",
    "is_layer",
    "layer_media_type",
]

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_MANIFEST_V1 = "application/vnd.docker.distribution.manifest.v1+json"
DOCKER_MANIFEST_V1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar"
OCI_NONDISTRIBUTABLE_LAYER = "application/vnd.oci.image.layer.nondistributable.v1.tar"

INDEXES = (OCI_INDEX, DOCKER_INDEX)
MANIFESTS = (OCI_MANIFEST, DOCKER_MANIFEST)
CONFIGS = (OCI_CONFIG, DOCKER_CONFIG)

_LAYERS = {
    f"{base}{suffix}": compression
    for base, suffixes in {
        OCI_LAYER: {"": "uncompressed", "+gzip": "gzip", "+zstd": "zstd"},
        OCI_NONDISTRIBUTABLE_LAYER: {"": "uncompressed", "+gzip": "gzip", "+zstd": "zstd"},
        DOCKER_LAYER: {"": "uncompressed", ".gzip": "gzip", ".zstd": "zstd"},
        DOCKER_FOREIGN_LAYER: {"": "uncompressed", ".gzip": "gzip"},
    }.items()
    for suffix, compression in suffixes.items()
}


def is_layer(media_type: str) -> bool:
    """Whether a blob of this type is a file system layer."""
    return media_type in _LAYERS


def compression_of(media_type: str) -> str:
    """``gzip``, ``zstd`` or ``uncompressed``. Raises :class:`SourceError` for what is no layer."""
    try:
        return _LAYERS[media_type]
    except KeyError:
        raise SourceError(f"not a file system layer: media type {media_type[:100]!r}") from None


def layer_media_type(compression: str) -> str:
    """The OCI media type of a layer that is compressed so."""
    return OCI_LAYER if compression == "uncompressed" else f"{OCI_LAYER}+{compression}"


def as_docker(layer: Descriptor) -> Descriptor:
    """The same layer under Docker's media type."""
    compression = compression_of(layer.media_type)
    suffix = "" if compression == "uncompressed" else f".{compression}"
    return layer.with_(media_type=f"{DOCKER_LAYER}{suffix}", urls=(), annotations=())


def as_oci(layer: Descriptor) -> Descriptor:
    """The same layer under OCI's own media type, distributable (as BuildKit exports it)."""
    return layer.with_(media_type=layer_media_type(compression_of(layer.media_type)), urls=())
