"""Which ids there are in this process's user namespace."""

from __future__ import annotations

from typing import Literal

__all__ = ["is_mapped"]


def is_mapped(kind: Literal["uid", "gid"], number: int) -> bool:
    """Whether files and processes can have this id."""
    with open(f"/proc/self/{kind}_map", encoding="ascii") as file:
        ranges = [tuple(map(int, line.split())) for line in file]
    return any(first <= number < first + count for first, _, count in ranges)
