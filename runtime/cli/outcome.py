"""What a build came to: for people, for programs, and in files."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from ..engine.request import BuildRequest, BuildResult, BuiltImage

__all__ = ["image_id", "metadata", "replace_file", "result_document", "summary", "write_file"]


def image_id(result: BuildResult) -> str:
    """What Docker calls the image's id: the digest of its config; of an index, the digest of that, where an
    output has one.
    """
    if result.root is not None and result.is_index:
        return result.root.digest
    return result.images[0].config_digest


def metadata(result: BuildResult, tags: tuple[str, ...]) -> dict[str, object]:
    """The document of ``--metadata-file``, with the keys of docker buildx."""
    document: dict[str, object] = {}
    if not result.is_index and len(result.images) == 1:
        document["containerimage.config.digest"] = result.images[0].config_digest
    if result.root is not None:
        document["containerimage.descriptor"] = result.root.to_document()
        document["containerimage.digest"] = result.root.digest
    if tags:
        document["image.name"] = ",".join(tags)
    return document


def result_document(result: BuildResult, tags: tuple[str, ...]) -> dict[str, object]:
    """What is printed at the end with ``--progress json``."""
    return {
        "images": [
            {
                "name": image.name,
                "platform": image.platform,
                "id": image.config_digest,
                "digest": image.digest or None,
            }
            for image in result.images
        ],
        "tags": list(tags),
        "outputs": list(result.outputs),
        "executed": result.executed,
        "cached": result.cached,
        "seconds": result.seconds,
    }


def summary(result: BuildResult, request: BuildRequest, store_root: str) -> str:
    """What is said at the end, for people."""
    from .progress.words import duration

    counts = f"{_count(result.executed, 'step')} executed, {result.cached} cached"
    lines = [f"built in {duration(result.seconds)}: {counts}"]
    several = len(result.images) > 1
    lines += [f"  image   {_digests(image, several)}" for image in result.images]
    lines += [f"  tag     {tag}" for tag in request.tags]
    lines += [f"  output  {line}" for line in result.outputs]
    if not request.outputs:
        lines.append(
            f"  kept in {store_root}; -o type=oci,dest=FILE writes it, -o type=docker loads it into Docker"
        )
    return "\n".join(lines)


def _digests(image: BuiltImage, several: bool) -> str:
    parts = [image.config_digest, *([f"manifest {image.digest}"] if image.digest else [])]
    return "  ".join([*parts, *([image.platform] if several else [])])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def write_file(path: str, text: str) -> None:
    """Raises :class:`InputError` where it can not be written."""
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"can not write {path}: {error.strerror}") from error


def replace_file(path: str, data: bytes) -> None:
    """Give a file that exists another content, at once. Raises :class:`InputError` where that can not be."""
    new = f"{path}.layerc-{os.getpid()}"
    try:
        with open(new, "wb") as file:
            shutil.copymode(path, new)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(new)
        raise InputError(f"can not write {path}: {error.strerror}") from error
