"""Comments that speak to linters: ``# layerc ignore=…``, hadolint's, and Docker's ``# check=…``.

A comment speaks of the instruction below it; others and empty lines may stand between, as for Docker's. With
``global`` it speaks of the whole file, wherever it stands, with ``stage`` (above a FROM) of that stage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ...grammar.directives import find_directive
from ...grammar.source import Span
from ...grammar.syntax import Comment, Directive, Document, Instruction
from ..checks.wanted import Wanted

__all__ = ["Ignored", "Pragmas"]

_IGNORE = re.compile(
    r"#+[ \t]*(?P<tool>layerc|hadolint)[ \t]+(?:(?P<reach>global|stage)[ \t]+)?ignore[ \t]*=[ \t]*"
    r"(?P<ids>[\w-]+(?:[ \t]*,[ \t]*[\w-]+)*),?(?P<reason>.*)",
)
_CHECK = re.compile(r"#[ \t]*check[ \t]*=[ \t]*(?P<value>\S+).*", re.IGNORECASE)
_SHELL = re.compile(r"#+[ \t]*(?:layerc|hadolint)[ \t]+shell[ \t]*=[ \t]*(?P<name>\S+).*")


class Ignored(NamedTuple):
    """``name`` is to be ignored within ``reach``; ``span`` is where the comment says so, ``tool`` whose words they
    are: ``layerc``, ``hadolint`` or ``docker``.
    """

    name: str
    reach: Span
    span: Span
    tool: str
    reason: str = ""


class Pragmas(NamedTuple):
    """``shells`` are places from which on another shell runs the steps. ``experimental`` are checks that the file
    asks for, ``error`` says that it calls findings of Docker's checks errors.
    """

    ignored: tuple[Ignored, ...] = ()
    shells: tuple[tuple[int, str], ...] = ()
    experimental: frozenset[str] = frozenset()
    error: bool = False

    @classmethod
    def of(cls, document: Document) -> Pragmas:
        """Read all comments of ``document``."""
        ignored: list[Ignored] = []
        shells: list[tuple[int, str]] = []
        whole = Span(0, len(document.source.text) + 1)
        experimental, error = frozenset[str](), False
        directive = find_directive(document.source, "check")
        if directive is not None and (wanted := _wanted(directive.value)) is not None:
            experimental, error = wanted.experimental, wanted.error
            place = next(
                (
                    each.span
                    for each in document.items
                    if isinstance(each, Directive) and each.name == "check"
                ),
                Span(0, 0),
            )
            ignored += _skipped(document, wanted, place, whole)
        for comment, instruction in _with_targets(document):
            text = comment.text.strip()
            if match := _SHELL.fullmatch(text):
                shells.append((comment.span.start, match["name"]))
            elif match := _IGNORE.match(text):
                ignored += _ignored(document, comment, match, instruction, whole)
        for comment, wanted, instruction in _checks(document):
            experimental |= wanted.experimental
            ignored += _skipped(document, wanted, comment.span, instruction.span)
        return cls(tuple(ignored), tuple(shells), experimental, error)


def _with_targets(document: Document) -> Iterator[tuple[Comment, Instruction | None]]:
    """Each comment with the instruction below it."""
    waiting: list[Comment] = []
    for item in document.items:
        if isinstance(item, Comment):
            waiting.append(item)
        elif isinstance(item, Instruction):
            yield from ((comment, item) for comment in waiting)
            waiting.clear()
    yield from ((comment, None) for comment in waiting)


def _checks(document: Document) -> Iterator[tuple[Comment, Wanted, Instruction]]:
    """``# check=…`` above instructions: the first one counts, and an empty comment parts them from what follows."""
    above: list[Comment] = []
    for item in document.items:
        if isinstance(item, Comment):
            above = [*above, item] if item.text.strip(" \t\r\n\ufeff") != "#" else []
        elif isinstance(item, Instruction):
            for comment in above:
                if match := _CHECK.fullmatch(comment.text.strip()):
                    wanted = _wanted(match["value"])
                    if wanted is not None:
                        yield comment, wanted, item
                    break
            above = []


def _ignored(
    document: Document, comment: Comment, match: re.Match[str], instruction: Instruction | None, whole: Span
) -> Iterator[Ignored]:
    if match["reach"] == "global":
        reach = whole
    elif instruction is None:
        return
    elif match["reach"] == "stage":
        reach = _stage(document, instruction)
    else:
        reach = instruction.span
    first = comment.span.start + len(comment.text) - len(comment.text.lstrip()) + match.start("ids")
    for name in re.finditer(r"[\w-]+", match["ids"]):
        span = Span(first + name.start(), first + name.end())
        yield Ignored(name[0], reach, span, match["tool"], match["reason"].strip(" \t#;:"))


def _stage(document: Document, from_: Instruction) -> Span:
    later = (
        each.span.start
        for each in document.instructions
        if each.keyword == "FROM" and each.span.start > from_.span.start
    )
    return Span(from_.span.start, next(later, len(document.source.text) + 1))


def _wanted(text: str) -> Wanted | None:
    try:
        return Wanted.parse(text)
    except ValueError:
        return None  # compiling tells the user


def _skipped(document: Document, wanted: Wanted, place: Span, reach: Span) -> Iterator[Ignored]:
    for name in sorted(wanted.skip - {""}):
        start = document.source.text.find(name, place.start, place.end)
        span = place if start < 0 else Span(start, start + len(name))
        yield Ignored(name, reach, span, "docker")
