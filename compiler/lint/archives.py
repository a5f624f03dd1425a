"""Names of archives."""

from __future__ import annotations

__all__ = ["is_archive"]

_ENDINGS = (
    *(".tar", ".Z", ".bz2", ".gz", ".lz", ".lzma", ".tZ", ".tb2"),
    *(".tbz", ".tbz2", ".tgz", ".tlz", ".tpz", ".txz", ".xz"),
)


def is_archive(path: str) -> bool:
    """Whether the name of ``path`` is one of an archive, or of a compressed file."""
    return path.endswith(_ENDINGS)
