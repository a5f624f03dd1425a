"""Annotations of images: ``--annotation``, and the same among an output's options."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..errors import UsageError
from ..oci.platforms import Platform, parse_platform
from .output import IMAGES, Output

__all__ = ["Annotation", "annotated", "parse_annotation", "read_annotations"]

LEVELS = ("manifest", "index", "manifest-descriptor", "index-descriptor")
_PLACE = re.compile(r"(?P<level>[a-z-]+)(?:\[(?P<platform>[A-Za-z0-9_/-]+)\])?")
_OPTION = re.compile(
    rf"annotation(?:-(?P<level>{'|'.join(LEVELS)}))?(?:\[(?P<platform>[^]]*)\])?\.(?P<key>.+)", re.DOTALL
)
_HELP = (
    "write KEY=VALUE, or PLACE:KEY=VALUE; places are manifest, index, manifest-descriptor, index-descriptor"
)


@dataclass(frozen=True, slots=True)
class Annotation:
    """``key`` with ``value`` at ``level``, one of ``LEVELS``; for one ``platform`` alone if there is one."""

    level: str
    platform: Platform | None
    key: str
    value: str

    @property
    def of_index(self) -> bool:
        """Whether only an index of several platforms has a place for it."""
        return self.level.startswith("index")


def parse_annotation(text: str) -> tuple[Annotation, ...]:
    """One value of ``--annotation``: ``[PLACE[\\[OS/ARCH\\]][,PLACE…]:]KEY=VALUE``. Raises :class:`UsageError`.

    >>> [(item.level, item.key, item.value) for item in parse_annotation("index,manifest:a=b=c")]
    [('index', 'a', 'b=c'), ('manifest', 'a', 'b=c')]
    """
    name, equals, value = text.partition("=")
    places, colon, key = name.partition(":")
    if not colon:
        places, key = "manifest", name
    if not equals or not key:
        raise UsageError(f"--annotation {text!r} is no annotation", help=_HELP)
    found = []
    for place in places.split(","):
        match = _PLACE.fullmatch(place)
        if match is None or match["level"] not in LEVELS:
            raise UsageError(f"--annotation {text!r}: there is no place {place!r}", help=_HELP)
        found.append(Annotation(match["level"], _platform(match["platform"], text), key, value))
    return tuple(found)


def _platform(text: str | None, shown: str) -> Platform | None:
    try:
        return parse_platform(text) if text else None
    except UsageError as error:
        raise UsageError(f"annotation {shown!r}: {error.message}", help=error.help) from None


def read_annotations(output: Output) -> tuple[Annotation, ...]:
    """Those of ``--annotation``, then ``annotation[-LEVEL][[PLATFORM]].KEY`` among an output's options."""
    found = list(output.annotations)
    for option, value in output.options.items():
        if option.startswith("annotation"):
            match = _OPTION.fullmatch(option)
            if match is None:
                raise UsageError(f"{option!r} is no annotation", help="write annotation[-LEVEL].KEY=VALUE")
            platform = _platform(match["platform"], option)
            found.append(Annotation(match["level"] or "manifest", platform, match["key"], value))
    if not output.index and any(item.of_index for item in found):
        raise UsageError(
            "index annotations are not supported for a single platform: there is no index",
            help="build for several platforms, or with --build-arg BUILDKIT_MULTI_PLATFORM=1",
        )
    return tuple(found)


def annotated(output: Output, annotations: Iterable[Annotation]) -> Output:
    """``output`` with annotations. Raises :class:`UsageError` where it has no place for them."""
    wanted = tuple(annotations)
    if wanted and output.type not in IMAGES:
        raise UsageError(
            f"output type={output.type} has no place for annotations",
            help=f"leave --annotation out, or write {', '.join(f'type={name}' for name in IMAGES)}",
        )
    return replace(output, annotations=wanted)
