"""``name=value`` lists, as ENV and LABEL take them."""

from __future__ import annotations

from ..site import Site
from .command import at_least_one
from .flags import read_flags

__all__ = ["is_legacy", "read_pairs"]


def read_pairs(site: Site) -> tuple[tuple[str, str], ...]:
    """Names and values, not expanded. Raises ``CompileError`` for an empty name."""
    read_flags(site)
    args = at_least_one(site)
    pairs = tuple(zip(args[::2], args[1::2], strict=True))
    if any(not name for name, _ in pairs):
        raise site.error(f"{site.instruction.keyword} names can not be blank")
    return pairs


def is_legacy(site: Site) -> bool:
    """Whether it is the old form ``ENV name value``."""
    span = site.instruction.args_span
    words = site.document.source.text[span.start : span.end].split(None, 1)
    return bool(words) and "=" not in words[0]
