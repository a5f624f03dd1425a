"""What a finding about the cache costs, what causes it, and what the optimiser's passes would write instead."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from ...grammar.errors import LayercError
from ...grammar.source import Span
from ...grammar.syntax import Instruction
from .finding import Edit, Estimate, Fix
from .subject import Subject

if TYPE_CHECKING:
    from ..optimize.manager import Result
    from .order import SourceCopy

__all__ = ["broken_by", "fix_by_pass", "fix_in_context", "moved_by_passes", "rewritten", "waste_of"]

_NAMED = 3
_MOVES = "split-copy"


def broken_by(subject: Subject, copy: SourceCopy) -> tuple[str, ...]:
    """The files that a copy takes and that changed in most commits, with how many."""
    commits = subject.facts.commits
    prefixes = [posixpath.normpath("/" + path).lstrip("/") for path in copy.paths]
    counts = Counter(
        path
        for commit in commits
        for path in commit.paths
        if any(not prefix or path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)
    )
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_NAMED]
    return tuple(f"{path} ({count} of {len(commits)} commits)" for path, count in most)


def waste_of(subject: Subject, instructions: Sequence[Instruction]) -> Estimate | None:
    """The time that these run for nothing; none where neither the files' history nor an earlier build is known."""
    facts = subject.facts
    if "" not in facts.contexts or not (facts.commits or facts.observed):
        return None
    result = rewritten(subject, (_MOVES,))  # which is asked for the fix as well
    if result is None:
        return None
    from ..cost.report import wasted  # the cost model is needed for findings alone

    ids = {layer.id for each in instructions for layer in subject.layers_of(each)}
    waste = wasted(result.original, subject.facts, ids)
    if not waste.seconds:
        return None
    return Estimate(waste.source, seconds=waste.seconds, share=waste.share)


def moved_by_passes(subject: Subject, instruction: Instruction, files: Sequence[str]) -> tuple[Fix, ...]:
    """What the pass split-copy makes of the file, if it moves this COPY. There is nothing to copy first where none
    of ``files`` (patterns) is in the context.
    """
    names = (file.path.rpartition("/")[2] for file in subject.facts.contexts.get("", ()))
    if not any(fnmatchcase(name, pattern) for name in names for pattern in files):
        return ()
    return fix_in_context(subject, _MOVES, instruction, "copy what the install reads first")


def fix_in_context(subject: Subject, names: str, instruction: Instruction, title: str) -> tuple[Fix, ...]:
    """:func:`fix_by_pass`, where files of the build context are known: elsewhere, or in a mere collection of
    Dockerfiles, passes know too little to be worth their time.
    """
    files = subject.facts.contexts.get("", ())
    if all("dockerfile" in file.path.lower() for file in files):
        return ()
    return fix_by_pass(subject, names, instruction, title)


def fix_by_pass(subject: Subject, names: str, instruction: Instruction, title: str) -> tuple[Fix, ...]:
    """The edits of the passes ``names``, separated by blanks, if they change ``instruction``; safe if all base
    images are known and the passes leave the image as it is.
    """
    result = rewritten(subject, tuple(names.split()))
    if result is None or result.problems:
        return ()
    line = instruction.start_line
    if not any(change.lines[0] <= line <= change.lines[1] for change in result.changes):
        return ()
    edits = _edits(subject.source.text, result.draft.text)
    safe = not subject.evaluation.unknown and not any(change.differs for change in result.changes)
    return (Fix(title, edits, safe),) if edits else ()


def rewritten(subject: Subject, passes: tuple[str, ...]) -> Result | None:
    """What the optimiser makes of the file by these passes, or by none; none where it can not compile. Bases of
    which nothing is known count as empty images. Made once for each ``subject``.
    """
    known: dict[tuple[str, ...], Result | None] = subject.__dict__.setdefault("_rewritten", {})
    if passes not in known:
        known[passes] = _rewritten(subject, passes)
    return known[passes]


def _rewritten(subject: Subject, passes: tuple[str, ...]) -> Result | None:
    from ..optimize.manager import optimize  # only where there is something to mend
    from ..optimize.passes import PASSES

    evaluation, around = subject.evaluation, subject.surroundings
    if evaluation.error is not None:
        return None
    chosen = tuple(item for item in PASSES if item.name in passes)
    try:
        return optimize(
            subject.document,
            around.options,
            evaluation.images,
            subject.facts,
            level=max((item.level for item in chosen), default=1),
            ignored=around.ignored,
            passes=chosen,
        )
    except LayercError:
        return None


def _edits(before: str, after: str) -> tuple[Edit, ...]:
    """Edits by whole lines that make ``after`` of ``before``."""
    from difflib import SequenceMatcher  # for fixes alone

    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    return tuple(
        Edit(Span(starts[a], starts[b]), "".join(new[c:d]))
        for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        if tag != "equal"
    )
