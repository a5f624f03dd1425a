"""What COPY and ADD share: sources, destination, ownership and modes."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..gotext import join_path
from ..heredocs import chomp, read_heredoc_word
from ..site import Site
from ..stage import Stage

__all__ = ["Transfer", "absolute_destination", "check_mode", "read_transfer", "told"]

_SYMBOLIC = re.compile(r"[augo]*(?:[-+=](?:[rwxXstugo]*))+(?:,[augo]*(?:[-+=](?:[rwxXstugo]*))+)*")


class Transfer(NamedTuple):
    """Paths (or URLs), heredocs as (name, content, expand), and where they go. Not expanded yet."""

    paths: tuple[str, ...]
    inline: tuple[tuple[str, str, bool], ...]
    dest: str

    def expanded(self, stage: Stage, site: Site) -> Transfer:
        """With variables in paths, in the destination, and in heredocs whose delimiter is not quoted."""
        return Transfer(
            tuple(stage.expand(site, path) for path in self.paths),
            tuple(
                (name, stage.expand_heredoc(site, content) if expand else content, expand)
                for name, content, expand in self.inline
            ),
            stage.expand(site, self.dest),
        )


def read_transfer(site: Site) -> Transfer:
    """Sources and destination."""
    *sources, dest = site.instruction.args
    bodies = {heredoc.name: heredoc for heredoc in site.instruction.heredocs}
    paths: list[str] = []
    inline: list[tuple[str, str, bool]] = []
    for source in sources:
        word = read_heredoc_word(source)
        if word is None:
            paths.append(source)
            continue
        body = bodies.get(word.name)
        content = "" if body is None else chomp(body.content) if word.chomp else body.content
        inline.append((word.name, content, body is not None and body.expand))
    return Transfer(tuple(paths), tuple(inline), dest)


def absolute_destination(stage: Stage, dest: str) -> str:
    """``dest`` from the working directory on; a final ``/`` or ``/.`` is kept, it says "a directory"."""
    if dest.startswith("/"):
        return dest
    text = dest if dest not in ("", ".") else "./"
    path = join_path(stage.config.workdir or "/", text)
    if text.endswith("/") and not path.endswith("/"):
        return path + "/"
    if text.endswith("/."):
        return (path if path == "/" else path + "/") + "."
    return path


def check_mode(site: Site, mode: str) -> None:
    """Refuse a ``--chmod`` that is neither octal up to 07777 nor symbolic (``u=rwX,go=rX``)."""
    if not mode or _SYMBOLIC.fullmatch(mode):
        return
    if re.fullmatch(r"[0-7]+", mode) and int(mode, 8) <= 0o7777:
        return
    raise site.error(
        f"invalid chmod parameter: '{mode}'. it should be octal string and between 0 and 07777",
        help="or symbolic, such as u=rwX,go=rX",
        flag="chmod",
    )


def told(keyword: str, transfer: Transfer, chown: str, chmod: str, *, parents: bool = False) -> str:
    """The instruction as history shows it."""
    flags = (("--parents", parents), (f"--chown={chown}", chown), (f"--chmod={chmod}", chmod))
    shown = [flag for flag, given in flags if given]
    heredocs = [f"<<{name}" for name, _, _ in transfer.inline]
    return " ".join([keyword, *shown, *transfer.paths, *heredocs, transfer.dest, "# buildkit"])
