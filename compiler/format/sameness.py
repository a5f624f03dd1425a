"""Whether a formatted text still says the same: what every change of the formatter is tried by."""

from __future__ import annotations

import re

from ...grammar.directives import find_directive
from ...grammar.errors import DockerfileError
from ...grammar.lines import Reader
from ...grammar.parse import parse
from ...grammar.source import SourceFile
from ...grammar.syntax import Blank, Comment, Directive, Document, Heredoc, Instruction
from ..shell.program import canonical_command, has_script

__all__ = ["Sameness"]

_SHELL = ("/bin/sh", "-c")
_WINDOWS = re.compile(r"windows|nanoserver|servercore|powershell", re.IGNORECASE)


class Sameness:
    """Compares instructions of ``document`` with what is made of them: keyword, flags, values and heredocs are
    equal. Scripts of RUN need only be the same words to the shell, where one of sh's kind reads all scripts of the
    file.
    """

    def __init__(self, document: Document) -> None:
        self.escape = document.escape
        self._variables = tuple(_variables(document))
        self._knows_shell = document.escape == "\\" and all(map(_is_plain, document.instructions))
        self._head = "" if document.escape == "\\" else f"# escape={document.escape}\n"

    def holds(self, instruction: Instruction, text: str) -> bool:
        """Whether ``text``, in the place of ``instruction``, is one instruction that says the same."""
        before = self._head if instruction.keyword == "FROM" else f"{self._head}FROM scratch\n"
        try:
            document = parse(SourceFile("", before + text))
        except DockerfileError:
            return False
        items = document.items[-1:]
        if len(document.instructions) != 1 + (instruction.keyword != "FROM") or not items:
            return False
        last = items[0]
        return (
            isinstance(last, Instruction)
            and last.text == text
            and self._are_same(instruction, last, _trigger(last, document.source, self.escape))
        )

    def same_documents(self, before: Document, after: Document) -> bool:
        """Whether both have the same directives, comments and instructions, in the same order."""
        if before.escape != after.escape or before.directives != after.directives:
            return False
        for name in ("syntax", "check"):
            one, other = (find_directive(each.source, name) for each in (before, after))
            if (one and one.words) != (other and other.words):
                return False
        old = [item for item in before.items if not isinstance(item, Blank)]
        new = [item for item in after.items if not isinstance(item, Blank)]
        if len(old) != len(new):
            return False
        for one_item, other_item in zip(old, new, strict=True):
            match one_item, other_item:
                case Instruction(), Instruction():
                    trigger = _trigger(other_item, after.source, self.escape)
                    if not self._are_same(one_item, other_item, trigger):
                        return False
                case (Comment(), Comment()):
                    if one_item.text.strip() != other_item.text.strip():
                        return False
                case (Directive(), Directive()):
                    pass
                case _:
                    return False
        return True

    def _are_same(self, before: Instruction, after: Instruction, trigger: str) -> bool:
        if before.keyword == "ONBUILD":
            source = SourceFile("", before.text)
            return after.keyword == "ONBUILD" and trigger == _trigger(before, source, self.escape, start=0)
        if (before.keyword, before.exec_form) != (after.keyword, after.exec_form):
            return False
        if [(flag.name, flag.value, flag.raw) for flag in before.flags] != [
            (flag.name, flag.value, flag.raw) for flag in after.flags
        ]:
            return False
        if list(map(_content, before.heredocs)) != list(map(_content, after.heredocs)):
            return False
        return _values(before) == _values(after) or self._same_script(before, after)

    def reads_script(self, instruction: Instruction) -> bool:
        """Whether the instruction is a RUN whose script is understood, so that blanks between words are free."""
        if instruction.keyword != "RUN" or instruction.exec_form or instruction.heredocs:
            return False
        script = "".join(instruction.args)
        return self._knows_shell and self._canonical(script) == self._canonical(f"{script} ")

    def _same_script(self, before: Instruction, after: Instruction) -> bool:
        one, other = "".join(before.args), "".join(after.args)
        return self.reads_script(before) and self._canonical(one) == self._canonical(other)

    def _canonical(self, script: str) -> tuple[str, ...]:
        return canonical_command((*_SHELL, script), self._variables)


def _content(heredoc: Heredoc) -> tuple[object, ...]:
    return heredoc[:5]


def _values(instruction: Instruction) -> tuple[str, ...]:
    """The arguments, with the words that mean the same in any letter case in one."""
    args = instruction.args
    if instruction.keyword == "FROM" and len(args) == 3:
        return (args[0], args[1].upper(), args[2])
    if instruction.keyword == "HEALTHCHECK" and args:
        return (args[0].upper(), *args[1:])
    return args


def _trigger(instruction: Instruction, source: SourceFile, escape: str, start: int | None = None) -> str:
    """What ONBUILD leaves in the image: its line as it is, with the blanks at the end."""
    if instruction.keyword != "ONBUILD":
        return ""
    reader = Reader(source)
    reader.escape = escape
    reader.position = instruction.span.start if start is None else start
    first = reader.position
    line = reader.logical_line(first, reader.next_line())
    return line.joined.lstrip()[len("ONBUILD") :].lstrip()


def _variables(document: Document) -> set[str]:
    """Names of variables that the file sets."""
    names: set[str] = set()
    for instruction in document.instructions:
        if instruction.keyword == "ENV":
            names.update(instruction.args[::2])
        elif instruction.keyword == "ARG":
            names.update(word.partition("=")[0] for word in instruction.args)
    return names


def _is_plain(instruction: Instruction) -> bool:
    """Whether the instruction leaves scripts to a shell of sh's kind."""
    if instruction.keyword == "SHELL":
        return has_script((*instruction.args, ""))
    if instruction.keyword == "FROM":
        return (
            _WINDOWS.search(" ".join((*instruction.args, *(flag.raw for flag in instruction.flags)))) is None
        )
    return True
