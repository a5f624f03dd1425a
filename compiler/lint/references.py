"""Names of images as they are written, variables and all."""

from __future__ import annotations

from typing import NamedTuple

from .stages import StageView

__all__ = ["ImageName", "split_image", "untagged_base"]


class ImageName(NamedTuple):
    """Each part is empty where it is not written."""

    registry: str
    name: str
    tag: str
    digest: str


def split_image(text: str) -> ImageName:
    """The parts of the image name ``text``, which need not be right.

    >>> split_image("localhost:5000/a/b:1")
    ImageName(registry='localhost:5000', name='a/b', tag='1', digest='')
    """
    text, _, digest = text.strip("\"'").partition("@")
    first, slash, rest = text.partition("/")
    registry = first if slash and ("." in first or ":" in first or first == "localhost") else ""
    name = rest if registry else text
    folder, slash, last = name.rpartition("/")
    last, _, tag = _outside_braces(last)
    return ImageName(registry, f"{folder}{slash}{last}", tag, digest)


def _outside_braces(text: str) -> tuple[str, str, str]:
    """``text`` cut at its first colon that is not part of ``${…}``."""
    depth = 0
    for at, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if char == ":" and depth == 0:
            return text[:at], ":", text[at + 1 :]
    return text, "", ""


def untagged_base(stage: StageView) -> bool:
    """Whether the stage's base is an image by its name alone."""
    image = split_image(stage.base)
    if stage.base == "scratch" or stage.parent is not None or stage.base.lstrip("\"'").startswith("$"):
        return False
    return not image.tag and not image.digest
