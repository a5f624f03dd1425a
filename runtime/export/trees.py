"""The final tree of an image, for exporters that write files instead of layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import UsageError
from ..oci.image import ImageManifest
from ..snapshot.entry import Entry
from ..snapshot.view import StackView
from ..store import Store

__all__ = ["NANO", "entries", "platform_directories", "refuse_overlaps"]


NANO = 10**9


def entries(view: StackView, epoch: int | None = None) -> Iterator[tuple[Entry, str]]:
    """All entries below the root, each with the path of the entry that it is a hard link to (or empty).

    Names of one file share a key; where an upper layer replaced one of them, it is a file of its own. If there
    is an ``epoch`` (the Unix time of SOURCE_DATE_EPOCH), it is the time of all, as in BuildKit.
    """
    seen: dict[tuple[object, ...], str] = {}
    for entry in view.walk():
        if not entry.path:
            continue
        first = ""
        if entry.kind != "directory":
            key = (
                entry.link or entry.path,
                *entry[1:7],
                entry.target,
                entry.device,
                entry.digest,
                entry.xattrs,
            )
            first = seen.setdefault(key, entry.path)
        time = entry.mtime_ns if epoch is None else epoch * NANO
        yield entry._replace(link="", mtime_ns=time), "" if first == entry.path else first


def platform_directories(images: Sequence[ImageManifest], split: bool) -> list[tuple[str, ImageManifest]]:
    """Each image with the directory that it goes to: one a platform where they are kept apart."""
    return [(str(image.platform).replace("/", "_") if split else "", image) for image in images]


def refuse_overlaps(images: Sequence[ImageManifest], store: Store) -> None:
    """Raises :class:`UsageError` where images that shall go to one directory have the same file."""
    owners: dict[str, ImageManifest] = {}
    for image in images:
        for entry in StackView(store, image.diff_ids).walk():
            other = owners.setdefault(entry.path, image) if entry.kind != "directory" else image
            if other is not image:
                raise UsageError(
                    f"{entry.path} is in the images of {other.platform} and {image.platform}, "
                    "which would be written into one directory",
                    help="leave out platform-split=false",
                )
