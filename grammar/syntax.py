"""The lossless syntax tree: frozen nodes that, read in order, hold every character of the source.

A :class:`Document`'s items tile its text: ``"".join(item.text for item in document.items)`` is the text.
Values (``args``, ``flags`` …) are what the official parser gives for the same text. Nodes are named tuples:
a file has hundreds, and a frozen dataclass takes several times as long to make.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from .source import SourceFile, Span

__all__ = ["Blank", "Comment", "Directive", "Document", "Flag", "Heredoc", "Instruction", "Item"]


class Flag(NamedTuple):
    """``--name`` or ``--name=value`` before an instruction's arguments. ``raw`` is the whole word."""

    name: str
    value: str | None
    raw: str
    span: Span


class Heredoc(NamedTuple):
    """``<<NAME`` with its body.

    ``expand`` is false for a quoted delimiter, ``chomp`` true for ``<<-`` (leading tabs are stripped when
    the content is used; ``content`` itself is as the official parser gives it). ``file_descriptor`` is the
    digits before ``<<``, as written. ``span`` covers the content and the line that ends it.
    """

    name: str
    content: str
    expand: bool
    chomp: bool
    file_descriptor: str
    span: Span


class Instruction(NamedTuple):
    """One instruction with its continuation lines and heredoc bodies.

    ``keyword`` is upper case. ``exec_form`` says that the arguments were a JSON array. ``args`` are the
    values as the official parser gives them: the shell form is one string with continuations joined, ENV and
    LABEL are key, value, key, value. ``child`` is what ONBUILD holds; heredocs are listed by both. ``text``
    is the exact source, line end and heredoc bodies included; ``span`` covers it (a child's begins at its
    keyword). ``args_span`` covers the arguments as written (first to last character), without heredoc bodies.
    """

    keyword: str
    flags: tuple[Flag, ...]
    args: tuple[str, ...]
    exec_form: bool
    heredocs: tuple[Heredoc, ...]
    text: str
    span: Span
    keyword_span: Span
    args_span: Span
    start_line: int
    end_line: int
    child: Instruction | None = None
    kind: Literal["instruction"] = "instruction"


class Comment(NamedTuple):
    """A comment line between instructions (inside a continuation it belongs to the instruction)."""

    text: str
    span: Span
    kind: Literal["comment"] = "comment"


class Blank(NamedTuple):
    """White space between items: empty lines, a byte order mark."""

    text: str
    span: Span
    kind: Literal["blank"] = "blank"


class Directive(NamedTuple):
    """A parser directive at the top: ``# name=value``; ``name`` is lower case."""

    name: str
    value: str
    text: str
    span: Span
    kind: Literal["directive"] = "directive"


Item = Instruction | Comment | Blank | Directive


class Document(NamedTuple):
    """A parsed Dockerfile. ``escape`` is the escape character in force."""

    source: SourceFile
    items: tuple[Item, ...]
    escape: str

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        """The instructions, in order."""
        return tuple(item for item in self.items if isinstance(item, Instruction))

    @property
    def directives(self) -> dict[str, str]:
        """Parser directives by lower-case name."""
        return {item.name: item.value for item in self.items if isinstance(item, Directive)}
