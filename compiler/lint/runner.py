"""Runs rules over a file: chooses them, drops what the file ignores, and orders what is left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ...grammar.errors import DockerfileError
from ...grammar.parse import parse
from ...grammar.source import Location, SourceFile
from ..checks import find_rule
from .choosing import Chosen, choose, names_of
from .finding import Finding
from .places import span_of
from .pragmas import Ignored
from .rule import Rule, Severity
from .settings import Choice
from .subject import Subject, Surroundings

__all__ = ["Found", "Report", "lint", "place"]


class Found(NamedTuple):
    """A finding with its rule's verdict: ``code`` is what is shown and ignored by, ``severity`` as chosen.

    ``end`` is the line and column (from 1) behind the marked text, which may be lines below ``where``.
    """

    rule: Rule
    code: str
    severity: Severity
    finding: Finding
    where: Location
    end: tuple[int, int]


class Report(NamedTuple):
    """What is found in ``source``, from the top down; what its comments ignore; how many rules ran."""

    source: SourceFile
    found: tuple[Found, ...]
    ignored: tuple[tuple[Found, Ignored], ...] = ()


def lint(
    source: SourceFile,
    surroundings: Surroundings | None = None,
    choice: Choice | None = None,
    rules: Sequence[Rule] | None = None,
    subject: Subject | None = None,
) -> Report:
    """Check ``source`` by ``rules`` (default: all). What can not be parsed is a finding. ``subject`` is that of
    ``source`` and ``surroundings``, if it is there already.

    Raises ``UnknownRuleError`` for a word in ``choice`` that names no rule.
    """
    if rules is None:
        from .rules import RULES  # they import what this package offers

        rules = RULES
    choice = Choice() if choice is None else choice
    try:
        subject = subject or Subject(parse(source), surroundings)
    except DockerfileError as error:
        chosen = choose(rules, choice)
        return Report(source, tuple(_syntax(source, error, chosen)))
    chosen = choose(rules, choice, subject.pragmas.experimental if choice.pragmas else frozenset())
    found = [
        made
        for rule in chosen.rules
        for finding in rule.check(subject)
        if (made := _found(source, chosen, rule, finding))
    ]
    found = sorted(dict.fromkeys(found), key=_order)
    if not choice.pragmas:
        return Report(source, tuple(found))
    kept: list[Found] = []
    dropped: list[tuple[Found, Ignored]] = []
    for each in found:
        by = _ignored_by(each, subject.pragmas.ignored)
        if by is None:
            kept.append(each)
        else:
            dropped.append((each, by))
    return Report(source, tuple(kept), tuple(dropped))


def _order(found: Found) -> tuple[int, int, str, str]:
    return (*found.finding.span, found.code, found.finding.message)


def _found(source: SourceFile, chosen: Chosen, rule: Rule, finding: Finding) -> Found | None:
    if not chosen.wants(rule, finding):
        return None
    return place(source, rule, finding, chosen.severity(rule, finding))


def place(source: SourceFile, rule: Rule, finding: Finding, severity: Severity) -> Found:
    """``finding`` with its lines and columns in ``source``."""
    last = max(finding.span.end, finding.span.start)
    line = source.line_of(last)
    end = (line, last - source.line_starts[line - 1] + 1)
    return Found(rule, finding.code or rule.id, severity, finding, source.location(finding.span), end)


def _ignored_by(found: Found, ignored: Sequence[Ignored]) -> Ignored | None:
    names = names_of(found.rule, found.finding)
    start = found.finding.span.start
    for each in ignored:
        if each.reach.start <= start < each.reach.end and _means(each, names, found.rule):
            return each
    return None


def _means(ignored: Ignored, names: Sequence[str], rule: Rule) -> bool:
    """Whether a comment means a finding of these names. Docker's mean its own checks, without experimental ones."""
    word = ignored.name.lower()
    if ignored.tool == "docker":
        check = find_rule(rule.id)
        if check is not None and check.experimental:
            return False
        return word in names or (word == "all" and check is not None)
    return word in names or (word == "all" and ignored.tool == "layerc")


def _syntax(source: SourceFile, error: DockerfileError, chosen: Chosen) -> Iterator[Found]:
    from .rules.lc001 import RULE

    if RULE in chosen.rules:
        finding = Finding(span_of(source, error.where), error.message, error.help or "")
        if (found := _found(source, chosen, RULE, finding)) is not None:
            yield found
