"""COPY: files of the context, of another stage or image, or out of heredocs."""

from __future__ import annotations

from typing import ClassVar, Final, Self

from ..gitref import QUERY_HELP, is_http, parse_git_ref
from ..graph import operations
from ..graph.operations import ContextPath, InlineFile
from ..site import Site
from ..stage import Stage
from ..words import WordError, Words
from .command import Command
from .files import Transfer, absolute_destination, check_mode, read_transfer, told
from .flags import flag_list, flag_switch, flag_text

__all__ = ["Copy"]


class Copy(Command):
    """``COPY [flags] source… destination``."""

    is_step: ClassVar[bool] = True

    def __init__(self, site: Site, transfer: Transfer) -> None:
        super().__init__(site)
        self.transfer: Final = transfer

    @classmethod
    def read(cls, site: Site) -> Self:
        """Sources and destination."""
        return cls(site, read_transfer(site))

    def mentions(self) -> tuple[str, ...]:
        """The value of ``--from``."""
        name = flag_text(self.site, "from")
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
                flag="from",
            )
        return (name,)

    def apply(self, stage: Stage) -> None:
        """Add the layer."""
        chown = stage.expand(self.site, flag_text(self.site, "chown"))
        chmod = stage.expand(self.site, flag_text(self.site, "chmod"))
        transfer = self.transfer.expanded(stage, self.site)
        check_mode(self.site, chmod)
        for path in transfer.paths:
            self._check_source(path)
            if not flag_text(self.site, "from"):
                stage.checks.copied(self.site, path)
        parents = bool(flag_switch(self.site, "parents"))
        origin, inputs = stage.origin(self.site, flag_text(self.site, "from"), "copy")
        operation = operations.Copy(
            origin=origin,
            sources=(
                *(ContextPath(path) for path in transfer.paths),
                *(InlineFile(name, content) for name, content, _ in transfer.inline),
            ),
            dest=absolute_destination(stage, transfer.dest),
            chown=chown,
            chmod=chmod,
            exclude=flag_list(self.site, "exclude"),
            parents=parents,
            link=bool(flag_switch(self.site, "link")),
        )
        stage.add_layer(self.site, operation, inputs)
        stage.record(told("COPY", transfer, chown, chmod, parents=parents), layer=True)

    def _check_source(self, path: str) -> None:
        try:
            is_git = parse_git_ref(path) is not None
        except ValueError as error:
            raise self.site.error(str(error), help=QUERY_HELP, at=path) from error
        if is_git or is_http(path):
            what = "a git ref" if is_git else "a URL"
            raise self.site.error(f"source can't be {what} for COPY", help="use ADD for it", at=path)
