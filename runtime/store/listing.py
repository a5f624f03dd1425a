"""What is in the index, to be shown: layers with their use, blobs that stand alone, sizes of the other tables."""

from __future__ import annotations

from collections.abc import Iterator

from .index import Index
from .values import LayerUse

__all__ = ["layer_uses", "loose_blobs", "table_sizes"]


def layer_uses(index: Index) -> Iterator[LayerUse]:
    """All layers, in the order in which they were made."""
    chains = {row[0]: (row[1], row[2]) for row in index.rows("SELECT number, parent, diff_id FROM chains")}
    uses: dict[str, tuple[float, float, int]] = {}
    for chain, used, seconds in index.rows(
        "SELECT chain, max(used), max(seconds) FROM results GROUP BY chain ORDER BY chain"
    ):
        number = chain
        while number in chains:
            number, diff_id = chains[number]
            before = uses.get(diff_id, (0.0, 0.0, 0))
            uses[diff_id] = (max(before[0], used), max(before[1], seconds), before[2] + 1)
    packed: dict[str, int] = dict(
        index.rows(
            "SELECT diff_id, sum(blobs.size) FROM layer_blobs JOIN blobs USING (digest) GROUP BY diff_id"
        )
    )
    for diff_id, disk, used in index.rows("SELECT diff_id, disk, used FROM layers ORDER BY snapshot"):
        last, seconds, needed = uses.get(diff_id, (used, 0.0, 0))
        yield LayerUse(diff_id, disk + packed.get(diff_id, 0), last, seconds, needed)


def loose_blobs(index: Index) -> list[tuple[str, int, float]]:
    """Digest, size and last use of blobs that are no archive of a layer."""
    return [
        (row[0], row[1], row[2])
        for row in index.rows(
            "SELECT digest, size, used FROM blobs WHERE digest NOT IN (SELECT digest FROM layer_blobs) "
            "ORDER BY number"
        )
    ]


def table_sizes(index: Index) -> list[tuple[str, int, int]]:
    """Counts and bytes of what the index itself holds."""
    return [
        (table, *index.row(f"SELECT count(*), coalesce(sum(length(value)), 0) FROM {table}"))  # noqa: S608
        for table in ("traces", "records")
    ]
