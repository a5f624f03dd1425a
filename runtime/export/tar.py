"""``type=tar``: the root file system in a tar."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from ..errors import UsageError
from ..events import Reporter, TaskFinished, TaskStarted
from ..oci.image import ImageManifest
from ..snapshot.entry import Entry
from ..snapshot.stream import LayerStream
from ..snapshot.view import StackView
from ..store import Store
from .files import opened
from .output import Exported, Output
from .trees import NANO, entries, platform_directories

__all__ = ["TarExporter"]


class TarExporter:
    """Options: ``platform-split`` (a directory for each platform; the default where there are several)."""

    def __init__(self, output: Output) -> None:
        output.check(("name", "platform-split"))
        self._output = output
        self._dest = output.dest or "-"
        output.flag("platform-split", False)

    def export(
        self,
        images: Sequence[ImageManifest],
        names: Sequence[str],  # noqa: ARG002  # a tree has no name
        store: Store,
        report: Reporter,
    ) -> Exported:
        """Write the archive."""
        split = self._output.flag("platform-split", len(images) > 1 or self._output.index)
        if not split and len(images) > 1:
            raise UsageError(
                "a tar keeps several platforms apart",
                help="leave out platform-split=false, or write a directory",
            )
        directories = platform_directories(images, split)
        start = monotonic()
        report(TaskStarted("export tar", "write the root file system"))
        with opened(self._dest, "a tar") as target:
            stream = LayerStream(target.write)
            for directory, image in directories:
                if directory:
                    time = (image.epoch or 0) * NANO
                    stream.entry(Entry(directory, "directory", 0o755, mtime_ns=time))
                _write(StackView(store, image.diff_ids), image.epoch, directory, stream)
            stream.finish()
        report(TaskFinished("export tar", monotonic() - start))
        where = "standard output" if self._dest == "-" else self._dest
        return Exported(f"root file system in {where}", size=stream.size)


def _write(view: StackView, epoch: int | None, directory: str, stream: LayerStream) -> None:
    prefix = f"{directory}/" if directory else ""
    for entry, link in entries(view, epoch):
        moved = entry._replace(path=prefix + entry.path, link=prefix + link if link else "")
        if entry.kind == "file" and not link:
            with view.open(entry.path) as content:
                stream.file(moved, content)
        else:
            stream.entry(moved)
