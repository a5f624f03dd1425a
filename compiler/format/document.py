"""A whole file in the style: what stands between instructions, and how it begins and ends."""

from __future__ import annotations

import re

from ...grammar.errors import DockerfileError
from ...grammar.lines import SPACE, read_directive
from ...grammar.parse import parse
from ...grammar.source import SourceFile
from ...grammar.syntax import Blank, Comment, Directive, Document, Instruction
from .instruction import format_instruction
from .sameness import Sameness

__all__ = ["format_document"]

_BOM = "\ufeff"
_OFF = re.compile(r"#+[ \t]*layerc[ \t]+fmt[ \t]*=[ \t]*off\b")


def format_document(document: Document) -> str:
    """The text of ``document`` in the style of docs/formatting.md. It compiles to the same layers and image
    configs; where a change would not be safe the text stays as it is.

    >>> print(format_document(parse(SourceFile("D", "from  a  as b\\nrun x &&\\\\\\n y"))), end="")
    FROM a AS b
    RUN x && \\
        y
    """
    same = Sameness(document)
    text = _Writer(document, same).run()
    try:
        after = parse(SourceFile(document.source.name, text))
    except DockerfileError:
        return document.source.text
    return text if same.same_documents(document, after) else document.source.text


class _Writer:
    def __init__(self, document: Document, same: Sameness) -> None:
        self.document = document
        self.same = same
        source = document.source.text
        self.line_end = "\r\n" if source[: source.find("\n")].endswith("\r") else "\n"
        self.written: list[str] = []
        self.wants_blank = False
        # Where the comments begin that stand directly above what comes next; -1 if there are none.
        self.comments = -1
        self.keeps_next = False
        self.stages = 0

    def run(self) -> str:
        """The text."""
        items = self.document.items
        begun = 0
        if items and items[0].text == _BOM:
            self.written.append(_BOM)
            begun = 1
        for index, item in enumerate(items[begun:]):
            match item:
                case Blank():
                    self.wants_blank = bool(index) or _hides_directive(self.document, item)
                    self.comments = -1
                    self.keeps_next = False
                case Comment():
                    self.add_blank()
                    if self.comments < 0:
                        self.comments = len(self.written)
                    text = item.text.strip(SPACE)
                    self.keeps_next |= _OFF.match(text) is not None
                    self.add(text + _line_end(item.text))
                case Directive():
                    self.add(_directive(item) + _line_end(item.text))
                case Instruction():
                    self.add_instruction(item)
        return "".join(self.written)

    def add_instruction(self, instruction: Instruction) -> None:
        """One instruction; an empty line parts it from the one above if it begins a further stage."""
        if instruction.keyword == "FROM":
            self.stages += 1
            if self.stages > 1 and not self.wants_blank:
                place = len(self.written) if self.comments < 0 else self.comments
                if self.written[place - 1] != self.line_end:
                    self.written.insert(place, self.line_end)
        self.add_blank()
        self.add(instruction.text if self.keeps_next else format_instruction(instruction, self.same))
        self.comments = -1
        self.keeps_next = False

    def add_blank(self) -> None:
        """The empty line that is due, if one is."""
        if self.wants_blank:
            self.written.append(self.line_end)
        self.wants_blank = False

    def add(self, text: str) -> None:
        """A text that ends a line, be it the last one."""
        self.written.append(text if text.endswith("\n") else text + self.line_end)


def _line_end(text: str) -> str:
    return text[len(text.rstrip("\r\n")) :]


def _directive(item: Directive) -> str:
    """A directive behind blanks is none to whoever looks for the front end: it stays as it is."""
    if not item.text.startswith("#"):
        return item.text.rstrip("\r\n")
    return f"# {item.name}={item.value}"


def _hides_directive(document: Document, blank: Blank) -> bool:
    """Whether a comment at the top would become a directive without the empty lines above it."""
    rest = document.source.text[blank.span.end :].partition("\n")[0].strip(SPACE)
    return rest.startswith("#") and read_directive(rest) is not None
