"""``-o``/``--output``: what is written, and where. The syntax is that of the docker command."""

from __future__ import annotations

import csv
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from ..errors import UsageError
from ..events import Reporter
from ..oci.descriptor import Descriptor
from ..oci.image import ImageManifest
from ..store import Store

if TYPE_CHECKING:
    from .annotations import Annotation

__all__ = ["IMAGES", "Exported", "Exporter", "Output", "parse_output"]

# Types that hold images; the others hold files.
IMAGES = ("oci", "oci-layout", "docker")


@dataclass(frozen=True, slots=True)
class Output:
    """One output. ``dest`` is a path, ``-`` for standard output, or empty where none is given; ``options``
    are the other attributes as the user wrote them.

    From elsewhere come ``annotations`` (``--annotation``) and ``index``: whether images are told apart by their
    platforms, even if there is but one.
    """

    type: str
    dest: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    annotations: tuple[Annotation, ...] = ()
    index: bool = False

    def check(self, allowed: Collection[str], prefixes: Sequence[str] = ()) -> None:
        """Raises :class:`UsageError` for an option that is none of ``allowed``."""
        for key in self.options:
            if key not in allowed and not key.startswith(tuple(prefixes)):
                known = ", ".join(sorted(("type", "dest", *allowed)))
                raise UsageError(f"output type={self.type} has no option {key!r}", help=f"it has: {known}")

    def with_max_layers(self, most: int) -> Output:
        """The output with that many layers at most, where it has layers and says nothing of its own."""
        if self.type not in IMAGES or "max-layers" in self.options:
            return self
        return replace(self, options={**self.options, "max-layers": str(most)})

    def flag(self, key: str, default: bool) -> bool:
        """A yes or no, as Go reads it. Raises :class:`UsageError`."""
        text = self.options.get(key, "")
        if not text:
            return default
        if text in ("1", "t", "T", "true", "TRUE", "True"):
            return True
        if text in ("0", "f", "F", "false", "FALSE", "False"):
            return False
        raise UsageError(f"output option {key}={text} is neither true nor false")


@dataclass(frozen=True, slots=True)
class Exported:
    """What an exporter wrote. ``root`` is the manifest, or the index of several platforms; none where the form
    has neither. ``manifests`` and ``configs`` are the digests of the single images' documents, in their order.
    """

    summary: str
    root: Descriptor | None = None
    manifests: tuple[str, ...] = ()
    configs: tuple[str, ...] = ()
    size: int = 0

    @property
    def digest(self) -> str:
        """The digest of ``root``, or empty."""
        return self.root.digest if self.root else ""


class Exporter(Protocol):
    """Writes images of one build, one for each platform."""

    def __init__(self, output: Output) -> None:
        """Take the options. Raises :class:`UsageError` for those that make no sense."""

    def export(
        self, images: Sequence[ImageManifest], names: Sequence[str], store: Store, report: Reporter
    ) -> Exported:
        """Write ``images``, whose layers the store has, under ``names`` (full references).

        Raises :class:`InputError` where the destination can not be written.
        """
        ...


def parse_output(text: str) -> Output:
    """Read one ``-o`` value: ``type=TYPE[,KEY=VALUE]…``, a directory, or ``-`` for a tar on standard output.

    Raises :class:`UsageError`.

    >>> parse_output("type=oci,dest=out.tar").dest
    'out.tar'
    >>> parse_output("out")
    Output(type='local', dest='out', options={})
    """
    try:
        (fields,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError) as error:
        raise UsageError(f"output {text!r} can not be read: {error}", help=_HELP) from None
    if len(fields) == 1 and fields[0] == text and not text.startswith("type="):
        return _short(text)
    options: dict[str, str] = {}
    for item in fields:
        key, equals, value = item.partition("=")
        key = key.strip()
        key = key if key.startswith("annotation") else key.lower()
        if not equals or not key:
            raise UsageError(f"output {text!r}: {item!r} is not KEY=VALUE", help=_HELP)
        options[key] = value
    if "output" in options:
        raise UsageError(f"output {text!r}: write dest={options['output']} instead of output=")
    kind = options.pop("type", "")
    if not kind:
        raise UsageError(f"output {text!r} has no type", help=_HELP)
    return _normalised(Output(kind, os.path.expanduser(options.pop("dest", "")), options))


def _short(text: str) -> Output:
    if not text:
        raise UsageError("the output is empty", help=_HELP)
    return Output("tar", "-") if text == "-" else Output("local", text)


def _normalised(output: Output) -> Output:
    """``type=oci,tar=false`` is a directory: ``type=oci-layout``."""
    options = dict(output.options)
    if output.type == "oci" and not output.flag("tar", True):
        del options["tar"]
        return Output("oci-layout", output.dest, options)
    return output


_HELP = "write type=TYPE,dest=PATH, a directory, or - for a tar on standard output"
