"""Applies fixes: edits of the text that do not overlap, tried before they are kept, until none is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from ...grammar.source import SourceFile
from .finding import Edit, Fix
from .rule import Rule
from .runner import Found, Report, lint
from .settings import Choice
from .subject import Surroundings

__all__ = ["Fixed", "Refused", "apply_edits", "fix"]

# More rounds than any chain of fixes needs; fixes that undo each other end here.
_ROUNDS = 20
_UNREADABLE = ("LC001", "LC002")


class Refused(NamedTuple):
    """A fix that was tried and taken back, and why."""

    found: Found
    fix: Fix
    reason: str


class Fixed(NamedTuple):
    """``source`` is the text with fixes, ``report`` what is left in it. ``applied`` are those that were made, in
    order; their places are those of the text as it was then.
    """

    source: SourceFile
    report: Report
    applied: tuple[tuple[Found, Fix], ...]
    refused: tuple[Refused, ...]


_Candidate = tuple[Found, Fix]


def fix(
    source: SourceFile,
    surroundings: Surroundings | None = None,
    choice: Choice | None = None,
    rules: Sequence[Rule] | None = None,
    *,
    unsafe: bool = False,
) -> Fixed:
    """Fix what can be fixed safely, or with ``unsafe`` also the rest. Raises what :func:`lint` raises.

    A text that can not be parsed any more, or in which a rule finds more than before, is not kept.
    """

    def look(text: str) -> Report:
        return lint(SourceFile(source.name, text), surroundings, choice, rules)

    report = look(source.text)
    applied: list[_Candidate] = []
    refused: dict[tuple[object, ...], Refused] = {}
    for _ in range(_ROUNDS):
        candidates = [
            each for each in _candidates(report, unsafe=unsafe) if _key(report, each) not in refused
        ]
        if not candidates:
            break
        batch = _apart(candidates)
        after = look(apply_edits(report.source.text, _edits(batch)))
        if not _worse(report, after):
            applied += batch
            report = after
            continue
        # One of them does harm: each for itself tells which.
        for candidate in batch:
            after = look(apply_edits(report.source.text, _edits([candidate])))
            if reason := _worse(report, after):
                refused[_key(report, candidate)] = Refused(*candidate, reason)
            else:
                applied.append(candidate)
                report = after
                break
    return Fixed(report.source, report, tuple(applied), tuple(refused.values()))


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """``text`` with ``edits``, which do not overlap.

    >>> from ...grammar.source import Span
    >>> apply_edits("RUN a", [Edit(Span(4, 5), "b"), Edit(Span(0, 0), "# c\\n")])
    '# c\\nRUN b'
    """
    made: list[str] = []
    position = 0
    for edit in sorted(edits):
        assert edit.span.start >= position, edit
        made += (text[position : edit.span.start], edit.text)
        position = edit.span.end
    return "".join((*made, text[position:]))


def _candidates(report: Report, *, unsafe: bool) -> Iterator[_Candidate]:
    """The first fix of each finding that may be made and changes something."""
    text = report.source.text
    for found in report.found:
        for each in found.finding.fixes:
            if (each.safe or unsafe) and any(text[slice(*edit.span)] != edit.text for edit in each.edits):
                yield found, each
                break


def _edits(batch: Sequence[_Candidate]) -> list[Edit]:
    return list(dict.fromkeys(edit for _, each in batch for edit in each.edits))


def _apart(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Those that do not touch each other, the first first; a fix that is offered twice is made once."""
    taken: list[Edit] = []
    kept: list[_Candidate] = []
    for candidate in candidates:
        edits = candidate[1].edits
        if not _is_sound(edits) or _touch(edits, taken):
            continue
        taken += edits
        kept.append(candidate)
    return kept


def _touch(edits: Sequence[Edit], others: Sequence[Edit]) -> bool:
    """Whether any two have a character, or a border, in common."""
    return any(
        edit.span.start <= other.span.end and other.span.start <= edit.span.end
        for edit in edits
        for other in others
    )


def _is_sound(edits: Sequence[Edit]) -> bool:
    """Whether edits of one fix leave each other alone."""
    places = sorted(edit.span for edit in edits)
    return all(first.end <= second.start for first, second in pairwise(places))


def _key(report: Report, candidate: _Candidate) -> tuple[object, ...]:
    """A fix whatever was inserted above it."""
    found, each = candidate
    text = report.source.text
    return (found.code, each.title, tuple((text[slice(*edit.span)], edit.text) for edit in each.edits))


def _worse(before: Report, after: Report) -> str:
    """Why ``after`` may not take the place of ``before``; empty if it may."""
    old, new = (Counter(found.code for found in report.found) for report in (before, after))
    for code, count in new.items():
        if count > old[code]:
            first = next(found for found in after.found if found.code == code)
            if code in _UNREADABLE:
                return f"the file could not be built any more: {first.finding.message}"
            return (
                f"{code} would be found {'there' if not old[code] else 'once more'}: {first.finding.message}"
            )
    return ""
