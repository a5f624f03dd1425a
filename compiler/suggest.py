"""Did you mean …? The nearest of the known names, if one is near enough."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["nearest", "suggestion"]

_TOO_FAR = 3


def nearest(name: str, known: Iterable[str], *, exact_case: bool = False) -> str | None:
    """The known name at the smallest edit distance (letter case aside), or none.

    Three slips are too many, and in a short name fewer. With ``exact_case`` letter case counts and length
    does not, as in the words of Docker's build checks.

    >>> nearest("form", ["FROM", "RUN", "COPY"])
    'FROM'
    """
    best, best_distance = None, _TOO_FAR if exact_case else min(_TOO_FAR, len(name))
    folded = name if exact_case else name.lower()
    for candidate in known:
        compared = candidate if exact_case else candidate.lower()
        distance = _distance(folded, compared, best_distance)
        if distance < best_distance and candidate != name:
            best, best_distance = candidate, distance
    return best


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """The nearest known name as a sentence of help, or none."""
    found = nearest(name, known)
    return None if found is None else f"did you mean {found}?"


def _distance(left: str, right: str, limit: int) -> int:
    """Levenshtein's distance, or at least ``limit`` where it is not below that."""
    if abs(len(left) - len(right)) >= limit:
        return limit
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        previous, row = row, [i]
        for j, b in enumerate(right, 1):
            row.append(min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a != b)))
    return row[-1]
