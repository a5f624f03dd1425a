"""ADD: as COPY from the context, and URLs, git repositories, and archives that are unpacked."""

from __future__ import annotations

import re
from typing import ClassVar, Final, Self

from ..gitref import QUERY_HELP, GitRef, is_http, parse_git_ref
from ..graph import operations
from ..graph.operations import ContextPath, FromContext, GitTree, HttpFile, InlineFile, SourceItem
from ..site import Site
from ..stage import Stage
from .command import Command
from .files import Transfer, absolute_destination, check_mode, read_transfer, told
from .flags import flag_list, flag_switch, flag_text

__all__ = ["Add"]

_DIGEST = re.compile(r"sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}")


class Add(Command):
    """``ADD [flags] source… destination``."""

    is_step: ClassVar[bool] = True

    def __init__(self, site: Site, transfer: Transfer) -> None:
        super().__init__(site)
        self.transfer: Final = transfer

    @classmethod
    def read(cls, site: Site) -> Self:
        """Sources and destination."""
        return cls(site, read_transfer(site))

    def apply(self, stage: Stage) -> None:
        """Add the layer."""
        chown = stage.expand(self.site, flag_text(self.site, "chown"))
        chmod = stage.expand(self.site, flag_text(self.site, "chmod"))
        checksum = stage.expand(self.site, flag_text(self.site, "checksum"))
        transfer = self.transfer.expanded(stage, self.site)
        check_mode(self.site, chmod)
        sources = [self._source(path, checksum) for path in transfer.paths]
        for source in sources:
            if isinstance(source, ContextPath):
                stage.checks.copied(self.site, source.path)
        self._check_checksum(checksum, sources, transfer)
        operation = operations.Add(
            origin=FromContext(),
            sources=(*sources, *(InlineFile(name, content) for name, content, _ in transfer.inline)),
            dest=absolute_destination(stage, transfer.dest),
            chown=chown,
            chmod=chmod,
            exclude=flag_list(self.site, "exclude"),
            link=bool(flag_switch(self.site, "link")),
            unpack=flag_switch(self.site, "unpack"),
        )
        stage.add_layer(self.site, operation)
        stage.record(told("ADD", transfer, chown, chmod), layer=True)

    def _check_checksum(self, checksum: str, sources: list[SourceItem], transfer: Transfer) -> None:
        if not checksum:
            return
        if len(transfer.paths) != 1:
            raise self.site.error(
                "checksum can't be specified for multiple sources",
                help="write an ADD for each of them",
                flag="checksum",
            )
        if isinstance(sources[0], ContextPath):
            raise self.site.error(
                "checksum requires HTTP(S) or Git sources",
                help="files of the context need none: they are compared by content",
                flag="checksum",
            )
        if isinstance(sources[0], HttpFile) and not _DIGEST.fullmatch(checksum):
            raise self.site.error(
                f"invalid checksum {checksum!r}",
                help="write it as sha256: and 64 hexadecimal digits",
                flag="checksum",
            )

    def _source(self, text: str, checksum: str) -> SourceItem:
        try:
            found = parse_git_ref(text)
        except ValueError as error:
            raise self.site.error(str(error), help=QUERY_HELP, at=text) from error
        if found is not None:
            return self._git(found, checksum)
        return HttpFile(text, checksum or None) if is_http(text) else ContextPath(text)

    def _git(self, found: GitRef, checksum: str) -> GitTree:
        keep = flag_switch(self.site, "keep-git-dir")
        if None not in (keep, found.keep_git_dir) and keep != found.keep_git_dir:
            raise self.site.error(
                "inconsistent keep-git-dir configuration",
                help="the flag and the URL say different things: drop one",
                flag="keep-git-dir",
            )
        if checksum and found.checksum and checksum != found.checksum:
            raise self.site.error(
                f'checksum mismatch "{checksum}" != "{found.checksum}"',
                help="the flag and the URL say different things: drop one",
                flag="checksum",
            )
        return GitTree(
            found.remote,
            found.ref,
            found.subdir,
            keep_git_dir=bool(keep if found.keep_git_dir is None else found.keep_git_dir),
            submodules=found.submodules is not False,
            checksum=found.checksum or checksum or None,
        )
