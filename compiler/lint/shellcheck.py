"""What ShellCheck is asked about a Dockerfile's scripts, and its answers put in their places."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from ...grammar.source import Span
from .finding import Edit, Finding, Fix
from .plain_scripts import is_plain
from .rule import Severity
from .script import RunScript
from .variables import known_variables

if TYPE_CHECKING:
    from .subject import Subject

__all__ = ["Answer", "Replacement", "findings", "question_of", "questions_of"]

_SHELLS = frozenset(("sh", "bash", "dash", "ash", "ksh"))
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_USED = re.compile(r"\$\{?[#!]?([A-Za-z_][A-Za-z0-9_]*)", re.ASCII)
_SET = re.compile(r"\b([A-Za-z_][A-Za-z0-9_]*)\+?=|\bfor\s+([A-Za-z_][A-Za-z0-9_]*)\s", re.ASCII)
# What every step may have without declaring it.
_PROXIES = frozenset(
    name for word in ("HTTP", "HTTPS", "FTP", "NO") for name in (f"{word}_PROXY", f"{word.lower()}_proxy")
)
_BLANKS = 2291  # several blanks between words of echo
_ALWAYS = _PROXIES | {"HOME", "PATH", "PWD", "OLDPWD", "USER", "HOSTNAME", "RANDOM", "UID", "IFS"}
_WIKI = "https://www.shellcheck.net/wiki/SC"


class Replacement(NamedTuple):
    """One edit of a fix: lines and columns count from 1. ``after`` says that text is put behind what is before."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str
    after: bool


class Answer(NamedTuple):
    """One comment of ShellCheck on a script. ``level`` is ``error``, ``warning``, ``info`` or ``style``."""

    line: int
    column: int
    end_line: int
    end_column: int
    level: str
    code: int
    message: str
    fix: tuple[Replacement, ...] = ()


def questions_of(subject: Subject) -> Iterator[tuple[RunScript, str]]:
    """Each script that ShellCheck can read and may find something in, with the text that it is asked about."""
    for script in subject.scripts:
        if script.shell_name in _SHELLS and script.text.strip() and not is_plain(script.text):
            yield script, question_of(subject, script)


def question_of(subject: Subject, script: RunScript) -> str:
    """The script below a line that names its shell, and one for each variable that is known to be set."""
    text = script.text
    known = known_variables(subject, script.stage, script.instruction)
    used = set(_USED.findall(text))
    # Each line costs ShellCheck as much as a short script. Of a name that is not set it tells which may be meant.
    names = (known | _PROXIES) & used
    if not used <= known | _ALWAYS | {name for found in _SET.findall(text) for name in found}:
        names |= known
    exports = [f"export {name}=1\n" for name in sorted(names) if _NAME.fullmatch(name)]
    if text.startswith("#!"):  # told by the first line
        text = f"##{text[2:]}"
    return f"#!/bin/{script.shell_name}\n{''.join(exports)}{text}\n"


def findings(script: RunScript, question: str, answers: tuple[Answer, ...]) -> Iterator[Finding]:
    """``answers`` to ``question`` as findings; those about the lines above the script are left out."""
    place = _Place(script, question)
    for answer in answers:
        span = place.span(answer.line, answer.column, answer.end_line, answer.end_column)
        if span is not None and not (answer.code == _BLANKS and _is_broken(script, span)):
            yield Finding(
                span,
                answer.message.rstrip("."),
                f"{_WIKI}{answer.code}",
                fixes=place.fixes(answer),
                code=f"SC{answer.code}",
                severity=Severity.of(answer.level),
            )


def _is_broken(script: RunScript, span: Span) -> bool:
    """Whether a continuation is within ``span``: the blanks that indent the next line are no part of the words."""
    return any(span.start < offset < span.end for offset in script.offsets)


class _Place:
    """Lines and columns of a question as positions in its script, and as places in the file."""

    def __init__(self, script: RunScript, question: str) -> None:
        self._script = script
        above = question[: len(question) - 1 - len(script.text)].count("\n")
        starts = [0]
        for line in script.text.split("\n"):
            starts.append(starts[-1] + len(line) + 1)
        self._starts: Mapping[int, int] = {above + 1 + n: start for n, start in enumerate(starts[:-1])}

    def _position(self, line: int, column: int) -> int | None:
        start = self._starts.get(line)
        return None if start is None else min(start + column - 1, len(self._script.text))

    def span(self, line: int, column: int, end_line: int, end_column: int) -> Span | None:
        start, end = self._position(line, column), self._position(end_line, end_column)
        if start is None:
            return None
        return self._script.span(start, max(start if end is None else end, start))

    def fixes(self, answer: Answer) -> tuple[Fix, ...]:
        """The fix, if each of its edits is in one piece of the file, and no two are in one place."""
        edits: list[Edit] = []
        for each in answer.fix:
            start = self._position(each.line, each.column)
            end = self._position(each.end_line, each.end_column)
            if start is None or end is None or "\n" in each.text:
                return ()
            if start == end:
                first = (
                    self._script.offset(start - 1) + 1 if each.after and start else self._script.offset(start)
                )
                span = Span(first, first)
            else:
                span = self._script.span(start, end)
                if span.end - span.start != end - start:
                    return ()
            edits.append(Edit(span, each.text))
        places = [edit.span for edit in edits]
        if not edits or len(set(places)) != len(places):
            return ()
        return (Fix("do what ShellCheck proposes", tuple(sorted(edits))),)
