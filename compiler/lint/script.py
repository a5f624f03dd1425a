"""The text that RUN hands to a shell, and where each character of it stands in the Dockerfile."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from ...grammar.lines import Reader
from ...grammar.shell_parse import parse_script
from ...grammar.shell_syntax import Script, UnknownSyntaxError
from ...grammar.source import Span
from ...grammar.syntax import Document, Heredoc, Instruction
from ..heredocs import read_heredoc_word
from .stages import StageView

__all__ = ["DEFAULT_SHELL", "RunScript", "read_script"]

DEFAULT_SHELL = ("/bin/sh", "-c")


class RunScript(NamedTuple):
    """``text`` is what the shell gets: continuations are joined, comment lines between them are gone, heredoc
    bodies follow their line. ``shell`` is SHELL as it is in force. Piece n of the text begins at ``joints[n]`` and
    stands at ``offsets[n]`` of the source.
    """

    instruction: Instruction
    stage: StageView
    text: str
    shell: tuple[str, ...]
    joints: tuple[int, ...]
    offsets: tuple[int, ...]

    def offset(self, position: int) -> int:
        """Where the character at ``position`` of ``text`` stands in the source."""
        piece = max(bisect_right(self.joints, position) - 1, 0)
        return self.offsets[piece] + position - self.joints[piece]

    def span(self, start: int, end: int) -> Span:
        """The source range of ``text[start:end]``; it may run over continuations."""
        first = self.offset(start)
        return Span(first, self.offset(end - 1) + 1 if end > start else first)

    @property
    def is_posix(self) -> bool:
        """Whether a shell of sh's kind reads it."""
        return self.shell_name in ("sh", "bash", "dash", "ash", "ksh", "zsh")

    @property
    def tree(self) -> Script | None:
        """The script's syntax tree (its places are positions in ``text``, for :meth:`span`); none where the script
        is for another kind of shell, or has what our grammar does not know.
        """
        if not self.is_posix:
            return None
        try:
            return parse_script(self.text)
        except UnknownSyntaxError:
            return None

    @property
    def shell_name(self) -> str:
        """``sh``, ``bash``, ``powershell`` …: the last part of the shell's path, without ``.exe``."""
        name = self.shell[0].replace("\\", "/").rpartition("/")[2] if self.shell else ""
        return name.lower().removesuffix(".exe")


def read_script(
    document: Document, stage: StageView, instruction: Instruction, shells: Sequence[tuple[int, str]] = ()
) -> RunScript | None:
    """The script of a RUN; none for the exec form. ``shells`` are what comments say, by offset."""
    if instruction.exec_form or not instruction.args:
        return None
    shell = _shell_at(stage, instruction, shells)
    if instruction.heredocs and read_heredoc_word(" ".join(instruction.args)) is not None:
        pieces = _heredoc_pieces(document, instruction.heredocs[0])
        if pieces[0][0].startswith("#!"):
            words = pieces[0][0].partition("\n")[0][2:].split()
            shell = tuple(words[1:] if words and words[0].endswith("/env") else words)
    else:
        pieces = _line_pieces(document, instruction)
        for heredoc in instruction.heredocs:
            span = heredoc.span
            pieces += [
                ("\n", max(span.start - 1, 0)),
                (document.source.text[span.start : span.end], span.start),
            ]
        # Bodies end with the line of their delimiter, the last one without its line end.
        if instruction.heredocs:
            text, start = pieces[-1]
            pieces[-1] = (text.rstrip("\r\n"), start)
    text = "".join(piece for piece, _ in pieces)
    joints, position = [], 0
    for piece, _ in pieces:
        joints.append(position)
        position += len(piece)
    return RunScript(instruction, stage, text, shell, tuple(joints), tuple(start for _, start in pieces))


def _line_pieces(document: Document, instruction: Instruction) -> list[tuple[str, int]]:
    """The arguments, continuations joined, as pieces of the source."""
    reader = Reader(document.source)
    reader.escape = document.escape
    reader.position = instruction.args_span.start
    line = reader.logical_line(instruction.args_span.start, reader.next_line())
    text = line.text
    pieces: list[tuple[str, int]] = []
    start = 0
    while start < len(text):
        first = line.offset(start)
        # The piece goes on as long as positions do.
        low, high = start + 1, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if line.offset(middle - 1) - first == middle - 1 - start:
                low = middle
            else:
                high = middle - 1
        pieces.append((text[start:low], first))
        start = low
    return pieces or [("", instruction.args_span.start)]


def _heredoc_pieces(document: Document, heredoc: Heredoc) -> list[tuple[str, int]]:
    start = heredoc.span.start
    body = document.source.text[start : start + len(heredoc.content)]
    if not heredoc.chomp:
        return [(body, start)]
    pieces = []
    for line in body.splitlines(keepends=True):
        cut = line.lstrip("\t")
        pieces.append((cut, start + len(line) - len(cut)))
        start += len(line)
    return pieces or [("", start)]


def _shell_at(
    stage: StageView, instruction: Instruction, shells: Sequence[tuple[int, str]]
) -> tuple[str, ...]:
    """What SHELL or a comment says last above ``instruction``; inherited from the stages below."""
    limit = instruction.span.start
    view: StageView | None = stage
    while view is not None:
        start = view.from_.span.start
        end = min(limit, view.span.end)
        found = [(each.span.start, each.args) for each in view.of("SHELL") if each.args]
        found += [(offset, (name,)) for offset, name in shells]
        inside = [item for item in found if start <= item[0] < end]
        if inside:
            return max(inside)[1]
        view = view.parent
    return DEFAULT_SHELL
