"""Docker's build checks as rules: their names, and what their messages are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from ...grammar.source import Span
from ...grammar.syntax import Instruction
from ..checks import find_rule
from ..graph.plan import Notice
from .subject import Subject

__all__ = ["checked", "variable_span"]


@cache
def _pattern(name: str) -> re.Pattern[str]:
    rule = find_rule(name)
    assert rule is not None, name
    parts = re.split(r"\{(\w+)\}", rule.detail)
    seen: set[str] = set()
    made = ""
    for index, part in enumerate(parts):
        if index % 2 == 0:
            made += re.escape(part)
        else:
            made += rf"(?P={part})" if part in seen else rf"(?P<{part}>.*)"
            seen.add(part)
    return re.compile(made, re.DOTALL)


def checked(subject: Subject, name: str) -> Iterator[tuple[str, Mapping[str, str], Instruction]]:
    """Each warning of the check ``name``: its message, the fields of it, and the instruction that it is about."""
    for notice, instruction in subject.noticed(name):
        yield notice.message, _fields(notice), instruction


def _fields(notice: Notice) -> Mapping[str, str]:
    match = _pattern(notice.rule).fullmatch(notice.message)
    assert match is not None, notice.message
    return match.groupdict()


def variable_span(subject: Subject, instruction: Instruction, name: str) -> Span:
    """Where ``$name`` or ``${name…}`` stands in ``instruction``, flags and heredocs included."""
    whole = instruction.span
    pattern = re.compile(rf"\$(?:\{{{re.escape(name)}\b[^}}]*\}}?|{re.escape(name)}(?![A-Za-z0-9_]))")
    match = pattern.search(subject.source.text, whole.start, whole.end)
    return Span(*match.span()) if match else subject.find(instruction, "")
