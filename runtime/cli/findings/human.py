"""For people: the source line with a caret, what to do, and a summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ....compiler.lint.finding import Estimate
from ....compiler.lint.rule import Severity
from ....compiler.lint.runner import Found
from ...lint.run import FileResult
from ..errors import marked_line
from ..progress.words import size_text
from ..terminal import visible
from .view import View, each_finding, page_path

__all__ = ["render"]

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue", Severity.STYLE: "cyan"}


def render(results: Sequence[FileResult], view: View) -> str:
    """Findings from the top down, then how many there are."""
    blocks = ["\n".join(_finding(found, view)) for _, found in each_finding(results)]
    blocks += ["\n".join(_refused(result, view)) for result in results if result.refused]
    return "\n\n".join([*blocks, _summary(results, view)]) + "\n"


def _finding(found: Found, view: View) -> Iterator[str]:
    style, finding = view.style, found.finding
    word = style(_COLOURS[found.severity], f"{found.severity.word}:")
    yield f"{word} {style('bold', visible(finding.message))} [{found.code}]"
    yield from marked_line(found.where, style, view.columns)
    if finding.help:
        yield f"{style('cyan', 'help:')} {visible(finding.help)}"
    if finding.estimate is not None:
        yield f"{style('cyan', 'cost:')} {_estimate(finding.estimate)}"
    if finding.fixes:
        option = "--fix" if finding.fixes[0].safe else "--unsafe-fixes"
        yield f"{style('cyan', 'fix:')}  {visible(finding.fixes[0].title)} ({option})"
    yield f"{style('dim', f'see {page_path(found.rule)}, or layerc rules {found.rule.id}')}"


def _estimate(estimate: Estimate) -> str:
    parts: list[str] = []
    if estimate.seconds is not None:
        parts.append(f"{estimate.seconds:.3g} s a rebuild")
    if estimate.share is not None:
        parts.append(f"in {estimate.share:.0%} of the commits")
    if estimate.bytes is not None:
        parts.append(f"{size_text(estimate.bytes)} in the image")
    told = "an estimate" if estimate.source == "estimate" else f"from {estimate.source}"
    told = "measured" if estimate.source == "measured" else told
    return f"{', '.join(parts)} ({told})"


def _refused(result: FileResult, view: View) -> Iterator[str]:
    for refused in result.refused:
        note = view.style("yellow", "not fixed:")
        yield f"{note} {visible(str(refused.found.where))}: {visible(refused.fix.title)} [{refused.found.code}]"
        yield f"  {visible(refused.reason)}"


def _summary(results: Sequence[FileResult], view: View) -> str:
    found = [each for _, each in each_finding(results)]
    files = _count(len(results), "file")
    fixed = sum(result.fixed for result in results)
    ignored = sum(result.ignored for result in results)
    notes = [f"{fixed} fixed"] if fixed else []
    if found:
        counts = Counter(each.severity for each in found)
        kinds = (
            _count(counts[level], level.word, plural=_PLURALS[level]) for level in _ORDER if counts[level]
        )
        head = f"{_count(len(found), 'finding')} in {files}: {', '.join(kinds)}"
        safe = sum(bool(each.finding.fixes and each.finding.fixes[0].safe) for each in found)
        other = sum(bool(each.finding.fixes) for each in found) - safe
        notes += [f"{safe} can be fixed with --fix"] if safe else []
        notes += [f"{other} with --unsafe-fixes"] if other else []
    else:
        head = f"no findings in {files}"
    notes += [f"{ignored} ignored by comments"] if ignored else []
    return view.style("bold", head) + "".join(f"; {note}" for note in notes)


_ORDER = tuple(reversed(Severity))
_PLURALS = {
    Severity.ERROR: "errors",
    Severity.WARNING: "warnings",
    Severity.INFO: "info",
    Severity.STYLE: "style",
}


def _count(number: int, word: str, plural: str = "") -> str:
    return f"{number} {word if number == 1 else plural or word + 's'}"
