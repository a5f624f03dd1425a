"""The exporters. A new one is a file, a line here, and its test."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import UsageError
from ..events import Reporter
from ..oci.image import ImageManifest
from ..registry.references import InvalidReferenceError, parse_reference
from ..store import Store
from .docker import DockerExporter
from .local import LocalExporter
from .oci import OciExporter
from .oci_layout import OciLayoutExporter
from .output import Exported, Exporter, Output
from .tar import TarExporter

__all__ = ["EXPORTERS", "check", "export"]

# The type of an output, as it is written after -o, and what writes it.
EXPORTERS: tuple[tuple[str, type[Exporter]], ...] = (
    ("oci", OciExporter),
    ("oci-layout", OciLayoutExporter),
    ("docker", DockerExporter),
    ("local", LocalExporter),
    ("tar", TarExporter),
)


def check(output: Output, tags: Sequence[str] = ()) -> Exporter:
    """The exporter for ``output``. Raises :class:`UsageError` before anything is built."""
    _names(output, tags)
    for name, exporter in EXPORTERS:
        if name == output.type:
            return exporter(output)
    known = ", ".join(name for name, _ in EXPORTERS)
    raise UsageError(f"unknown output type {output.type!r}", help=f"there are: {known}")


def export(
    output: Output, images: Sequence[ImageManifest], tags: Sequence[str], store: Store, report: Reporter
) -> Exported:
    """Write the images of one build, one for each platform, to ``output``.

    ``tags`` are what ``-t`` gave; a ``name`` among the options takes their place. Raises
    :class:`UsageError`, :class:`InputError`.
    """
    return check(output, tags).export(images, _names(output, tags), store, report)


def _names(output: Output, tags: Sequence[str]) -> tuple[str, ...]:
    """Full references, each once."""
    given = output.options.get("name", "").split(",") if "name" in output.options else tags
    try:
        names = dict.fromkeys(parse_reference(name).tagged() for name in given if name)
    except InvalidReferenceError as error:
        raise UsageError(f"not a name for an image: {error.message}", help=error.help) from error
    if digested := [str(name) for name in names if name.digest]:
        raise UsageError(f"an image can not be named with a digest: {digested[0]}")
    return tuple(map(str, names))
