"""COPY: files of the context, of another stage or image, or out of heredocs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from ..gitref import is_http, parse_git_ref
from ..graph import operations
from ..graph.operations import ContextPath, InlineFile
from ..site import Site
from ..stage import Stage
from ..words import WordError, Words
from .command import Command
from .files import Transfer, absolute_destination, check_mode, read_transfer, told
from .flags import Flags, read_flags

__all__ = ["Copy"]


@dataclass(frozen=True, slots=True, eq=False)
class Copy(Command):
    """``COPY [flags] source… destination``."""

    flags: Flags
    transfer: Transfer

    is_step: ClassVar[bool] = True

    @classmethod
    def read(cls, site: Site) -> Self:
        """Check flags and arguments; ``--from`` takes no variables."""
        transfer = read_transfer(site)
        flags = read_flags(
            site, texts=("chown", "from", "chmod"), switches=("link", "parents"), lists=("exclude",)
        )
        return cls(site, flags, transfer)

    def mentions(self) -> tuple[str, ...]:
        """The value of ``--from``."""
        name = self.flags.text("from")
        if not name:
            return ()
        try:
            expanded = Words(self.site.document.escape).expand(name, {}).text
        except WordError as error:
            raise self.site.word_error(error) from error
        if expanded != name:
            raise self.site.error(
                "variable expansion is not supported for --from",
                help="define a stage with FROM, using an ARG from before the first FROM, and copy from it",
            )
        return (name,)

    def apply(self, stage: Stage) -> None:
        """Add the layer."""
        chown = stage.expand(self.site, self.flags.text("chown"))
        chmod = stage.expand(self.site, self.flags.text("chmod"))
        transfer = self.transfer.expanded(stage, self.site)
        check_mode(self.site, chmod)
        for path in transfer.paths:
            self._check_source(path)
        parents = self.flags.switch("parents")
        origin, inputs = stage.origin(self.site, self.flags.text("from"), "copy")
        operation = operations.Copy(
            origin=origin,
            sources=(
                *(ContextPath(path) for path in transfer.paths),
                *(InlineFile(name, content) for name, content, _ in transfer.inline),
            ),
            dest=absolute_destination(stage, transfer.dest),
            chown=chown,
            chmod=chmod,
            exclude=self.flags.list("exclude"),
            parents=parents,
            link=self.flags.switch("link"),
        )
        stage.add_layer(self.site, operation, inputs)
        stage.record(told("COPY", transfer, chown, chmod, parents=parents), layer=True)

    def _check_source(self, path: str) -> None:
        try:
            is_git = parse_git_ref(path) is not None
        except ValueError as error:
            raise self.site.error(str(error)) from error
        if is_git or is_http(path):
            what = "a git ref" if is_git else "a URL"
            raise self.site.error(f"source can't be {what} for COPY", help="use ADD for it")
