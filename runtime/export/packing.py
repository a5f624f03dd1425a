"""From images of the store to documents and blobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ...compiler.config import rfc3339
from ..errors import UsageError
from ..events import Notice, Reporter
from ..oci import media_types
from ..oci.compression import KINDS, check_level
from ..oci.descriptor import Descriptor
from ..oci.digests import of_bytes
from ..oci.documents import Index
from ..oci.image import ImageManifest, chain_ids
from ..oci.layout import CONTAINERD_NAME, REF_NAME
from ..oci.platforms import Platform
from ..store import Store
from .annotations import Annotation, read_annotations
from .layers import LayerPacker, PackedLayer
from .output import Output

__all__ = ["OPTIONS", "PREFIXES", "Packed", "Packing", "entry_names"]

# The options that all exporters of images share.
OPTIONS = (
    "name",
    "compression",
    "compression-level",
    "force-compression",
    "max-layers",
    "oci-mediatypes",
    "rewrite-timestamp",
    "tar",
)
PREFIXES = ("annotation.", "annotation[", "annotation-")

_PARALLEL = 4


@dataclass(frozen=True, slots=True)
class Packed:
    """An image with blobs for all that it is made of. ``root`` is what names it: the manifest, or the index
    of several platforms. ``documents`` are by digest; the layers' blobs are in the store. ``created`` is the
    time that an entry of a layout names.
    """

    root: Descriptor
    images: tuple[ImageManifest, ...]
    documents: Mapping[str, bytes]
    created: str = ""

    @property
    def described(self) -> Descriptor:
        """``root`` as ``--metadata-file`` tells of it: with the time, as it stands in a layout's index."""
        return self.root.annotated(_time_note(self.created))

    @property
    def layers(self) -> tuple[Descriptor, ...]:
        """All layers, each once."""
        return tuple(dict.fromkeys(layer for image in self.images for layer in image.layers))

    @property
    def manifests(self) -> tuple[str, ...]:
        """Digests of the single images."""
        return tuple(image.descriptor().digest for image in self.images)

    @property
    def configs(self) -> tuple[str, ...]:
        """Digests of their configs."""
        return tuple(image.config_descriptor.digest for image in self.images)

    @property
    def size(self) -> int:
        """Bytes of all blobs."""
        return sum(map(len, self.documents.values())) + sum(layer.size for layer in self.layers)


@dataclass(frozen=True, slots=True)
class Packing:
    """How an image becomes blobs. With ``index`` there is an index even of one platform. With ``rewrite`` no file
    of the image's own layers is younger than its epoch. There are at most ``max_layers`` above those of the base.
    """

    kind: str = "gzip"
    level: int | None = None
    force: bool = False
    oci: bool = True
    index: bool = False
    rewrite: bool | None = None
    annotations: tuple[Annotation, ...] = ()
    max_layers: int | None = None

    @classmethod
    def read(cls, output: Output, *, oci: bool = True) -> Packing:
        """From an output's options. Raises :class:`UsageError`."""
        kind = output.options.get("compression") or "gzip"
        if kind not in KINDS:
            raise UsageError(f"unknown compression {kind!r}", help=f"there are: {', '.join(KINDS)}")
        text = output.options.get("compression-level", "")
        level = int(text) if text.isascii() and text.isdigit() else None
        if text and level is None:
            raise UsageError(f"output option compression-level={text} is not a number")
        try:
            check_level(kind, level)
        except ValueError as error:
            raise UsageError(f"output option compression-level: {error}") from None
        force = output.flag("force-compression", False)
        annotations = read_annotations(output)
        oci = output.flag("oci-mediatypes", oci)
        if not oci and any(item.level != "manifest" for item in annotations):
            raise UsageError(
                "annotations of an index and of descriptors need the OCI's media types",
                help="annotate the manifest, or add oci-mediatypes=true to the output",
            )
        rewrite = output.flag("rewrite-timestamp", False) if "rewrite-timestamp" in output.options else None
        limit = _max_layers(output)
        return cls(kind, level, force, oci, output.index, rewrite, annotations, limit)

    def pack(self, images: Sequence[ImageManifest], store: Store, report: Reporter) -> Packed:
        """Compress what is not compressed yet, and write the documents. Raises :class:`UsageError` for an
        annotation of a platform that is not there.
        """
        self._check_platforms(images)
        packed = tuple(self._image(image, store, report) for image in images)
        documents = {image.descriptor().digest: image.to_bytes() for image in packed}
        documents |= {image.config_descriptor.digest: image.config_bytes for image in packed}
        entries = tuple(self._entry(image) for image in packed)
        created = max(map(_created, packed), default="")
        if len(packed) == 1 and not self.index:
            return Packed(entries[0], packed, documents, created)
        media_type = media_types.OCI_INDEX if self.oci else media_types.DOCKER_INDEX
        data = Index(entries, media_type, self._annotated("index", None)).to_bytes()
        root = Descriptor(media_type, of_bytes(data), len(data), self._annotated("index-descriptor", None))
        return Packed(root, packed, {root.digest: data, **documents}, created)

    def _image(self, image: ImageManifest, store: Store, report: Reporter) -> ImageManifest:
        latest = None if self.rewrite is False else image.epoch
        if self.rewrite and latest is None:
            report(Notice("rewrite-timestamp does nothing without --build-arg SOURCE_DATE_EPOCH=SECONDS"))
        packer = LayerPacker(self.kind, self.level, self.force, store, report)
        diff_ids, chains = image.diff_ids, chain_ids(image.diff_ids)

        def pack(group: range) -> PackedLayer:
            # Layers of the base image stay what they are elsewhere.
            time = None if group.start < image.base_layers else latest
            if len(group) == 1:
                return packer.pack(diff_ids[group.start], chains[group.start], time)
            return packer.pack_group(diff_ids[: group.start], diff_ids[group.start : group.stop], time)

        groups = self._groups(image, store)
        with ThreadPoolExecutor(_PARALLEL, "pack") as pool:
            layers = list(pool.map(pack, groups))
        packed = [layer.diff_id for layer in layers]
        if len(groups) < len(diff_ids):
            from .squash import regrouped

            image = regrouped(image, groups, packed)
        elif latest is not None:
            image = image.with_diff_ids(packed)
        image = image.with_layers([layer.blob for layer in layers])
        image = image._replace(annotations=self._annotated("manifest", image.platform))
        if self.oci:
            return image
        return image._replace(
            layers=tuple(media_types.as_docker(layer) for layer in image.layers),
            media_type=media_types.DOCKER_MANIFEST,
            config_media_type=media_types.DOCKER_CONFIG,
        )

    def _groups(self, image: ImageManifest, store: Store) -> Sequence[range]:
        if self.max_layers is None:
            return [range(number, number + 1) for number in range(len(image.diff_ids))]
        from .squash import groups_of

        return groups_of(image, self.max_layers, store)

    def _entry(self, image: ImageManifest) -> Descriptor:
        return image.descriptor().with_(annotations=self._annotated("manifest-descriptor", image.platform))

    def _annotated(self, level: str, platform: Platform | None) -> tuple[tuple[str, str], ...]:
        found = {
            item.key: item.value
            for item in self.annotations
            if item.level == level and (item.of_index or item.platform in (None, platform))
        }
        return tuple(sorted(found.items()))

    def _check_platforms(self, images: Sequence[ImageManifest]) -> None:
        there = {image.platform for image in images}
        missing = {item.platform for item in self.annotations if item.platform and not item.of_index} - there
        # One image may be one of several builds, each for a platform, with the same annotations.
        if missing and len(images) > 1:
            shown = ", ".join(sorted(map(str, missing)))
            raise UsageError(f"annotations are for {shown}, which is not built", help="see --platform")


def _max_layers(output: Output) -> int | None:
    text = output.options.get("max-layers", "")
    if text and (not text.isascii() or not text.isdigit() or int(text) < 1):
        raise UsageError(
            f"output option max-layers={text} is not a number from 1 up",
            help="it counts the layers above those of the base image",
        )
    return int(text) if text else None


def _time_note(time: str) -> dict[str, str]:
    return {"org.opencontainers.image.created": time} if time else {}


def entry_names(names: Sequence[str], created: str) -> list[dict[str, str]]:
    """Annotations of the entries of a layout's index, one for each name, as containerd writes them."""
    common = _time_note(created)
    return [
        {CONTAINERD_NAME: name, REF_NAME: name.rpartition("/")[2].partition(":")[2], **common}
        for name in names
    ] or [common]


def _created(image: ImageManifest) -> str:
    return str(image.document.get("created") or "") if image.epoch is None else rfc3339(image.epoch)
