"""Counting of words."""

from collections import Counter


def tally(text: str) -> list[tuple[str, int]]:
    """Words with their counts, the most frequent first, equal ones in alphabetical order."""
    counts = Counter(text.lower().split())
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
