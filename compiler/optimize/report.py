"""What was changed and what was not, in words, one statement after the other."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from .draft import Draft
from .manager import Result
from .rewrite import Change, Refusal

__all__ = ["change_text", "explained", "lines_text", "refusal_text", "report", "report_document"]

SCHEMA = "layerc.optimize/1"
_WIDTH = 100  # of comments


def report(result: Result) -> str:
    """All of it as text: changes, then what was left alone, then our own bugs."""
    return "".join(f"{line}\n" for line in _lines(result))


def _lines(result: Result) -> Iterator[str]:
    for change in result.changes:
        yield change_text(change)
    for refusal in result.refusals:
        yield refusal_text(refusal)
    for problem in result.problems:
        yield f"bug in pass {problem.of}, whose work was dropped: {problem.what}"


def change_text(change: Change) -> str:
    """``lines 3-4: split COPY . . (split-copy): npm ci reads package.json alone; saves …``."""
    text = f"{lines_text(change.lines)}{change.what} ({change.of}): {change.why}"
    text += "".join(f"; {claim.text} [{claim.evidence.name.lower()}]" for claim in change.claims)
    text += f"; saves {change.saves}" if change.saves else ""
    return text + (f"; differs: {change.differs}" if change.differs else "")


def refusal_text(refusal: Refusal) -> str:
    """``line 7: not done: move COPY . . down (reorder): …; build once with layerc to …``."""
    text = f"{lines_text(refusal.lines)}not done: {refusal.what} ({refusal.of}): {refusal.why}"
    return text + (f"; {refusal.needed}" if refusal.needed else "")


def lines_text(lines: tuple[int, int]) -> str:
    """``line 3: ``, ``lines 3-5: ``, or nothing."""
    first, last = lines
    if not first:
        return ""
    return f"line {first}: " if first == last else f"lines {first}-{last}: "


def explained(result: Result) -> Draft:
    """The draft with each change as a comment above the step that it is about."""
    draft = result.draft
    for change in result.changes:
        text = f"layerc optimize: {change.what}: {change.why}" + (
            f" (differs: {change.differs})" if change.differs else ""
        )
        lines = wrap(" ".join(text.split()), _WIDTH, break_long_words=False, break_on_hyphens=False)
        comment = "".join(f"# {line}{draft.newline}" for line in lines)
        places = [step for step in draft.every if step.key in change.steps]
        step = places[0] if places else draft.every[0]
        draft = draft.commented(step, comment)
    return draft


def report_document(result: Result) -> dict[str, Any]:
    """The same for programs (``layerc.optimize/1``)."""
    return {
        "schema": SCHEMA,
        "file": result.draft.file,
        "changed": bool(result.changes),
        "rounds": result.rounds,
        "changes": [
            {
                "pass": change.of,
                "lines": list(change.lines),
                "what": change.what,
                "why": change.why,
                "evidence": change.evidence.name.lower(),
                "claims": [
                    {"text": claim.text, "evidence": claim.evidence.name.lower()} for claim in change.claims
                ],
                "saves": change.saves,
                "differs": change.differs,
            }
            for change in result.changes
        ],
        "refusals": [
            {
                "pass": refusal.of,
                "lines": list(refusal.lines),
                "what": refusal.what,
                "why": refusal.why,
                "needed": refusal.needed,
            }
            for refusal in result.refusals
        ],
        "problems": [{"pass": problem.of, "what": problem.what} for problem in result.problems],
        "dockerfile": result.draft.text,
    }
