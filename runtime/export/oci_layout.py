"""``type=oci-layout``, which is ``type=oci,tar=false``: an OCI layout as a directory."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InputError, UsageError
from ..events import Reporter
from ..oci.image import ImageManifest
from ..oci.layout import LayoutWriter
from ..store import Store
from .output import Exported, Output
from .packing import OPTIONS, PREFIXES, Packing, entry_names

__all__ = ["OciLayoutExporter"]


class OciLayoutExporter:
    """Options: those of packing. A layout that is there keeps its other images; tags move."""

    def __init__(self, output: Output) -> None:
        output.check(OPTIONS, PREFIXES)
        if output.dest in ("", "-"):
            raise UsageError(f"output type={output.type} needs a directory", help="add dest=DIR")
        self._dest = output.dest
        self._packing = Packing.read(output)

    def export(
        self, images: Sequence[ImageManifest], names: Sequence[str], store: Store, report: Reporter
    ) -> Exported:
        """Write the blobs, then the index."""
        packed = self._packing.pack(images, store, report)
        writer = LayoutWriter(self._dest)
        try:
            for layer in packed.layers:
                writer.add_file(layer, store.blobs.path(layer.digest))
            for data in packed.documents.values():
                writer.add_bytes(data)
            writer.tag(packed.root, entry_names(names, packed.created))
        except OSError as error:
            raise InputError(f"can not write {self._dest}: {error.strerror}") from error
        return Exported(
            f"OCI layout {self._dest}", packed.described, packed.manifests, packed.configs, packed.size
        )
