"""``type=oci``: an OCI layout in a tar."""

from __future__ import annotations

from collections.abc import Sequence

from ..events import Reporter
from ..oci.image import ImageManifest
from ..store import Store
from .files import opened, write_archive
from .output import Exported, Output
from .packing import OPTIONS, PREFIXES, Packing

__all__ = ["OciExporter"]


class OciExporter:
    """Options: those of packing. Without ``dest`` it goes to standard output."""

    def __init__(self, output: Output) -> None:
        output.check(OPTIONS, PREFIXES)
        self._dest = output.dest or "-"
        self._packing = Packing.read(output)

    def export(
        self, images: Sequence[ImageManifest], names: Sequence[str], store: Store, report: Reporter
    ) -> Exported:
        """Write the archive."""
        packed = self._packing.pack(images, store, report)
        with opened(self._dest, "an OCI archive") as target:
            write_archive(packed, names, store, target, {})
        where = "standard output" if self._dest == "-" else self._dest
        return Exported(
            f"OCI archive {where}", packed.described, packed.manifests, packed.configs, packed.size
        )
