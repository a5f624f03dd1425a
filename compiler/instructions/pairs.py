"""``name=value`` lists, as ENV and LABEL take them."""

from __future__ import annotations

from ..site import Site

__all__ = ["is_legacy", "read_pairs"]


def read_pairs(site: Site) -> tuple[tuple[str, str], ...]:
    """Names and values, not expanded."""
    args = site.instruction.args
    return tuple(zip(args[::2], args[1::2], strict=True))


def is_legacy(site: Site) -> bool:
    """Whether it is the old form ``ENV name value``."""
    span = site.instruction.args_span
    words = site.document.source.text[span.start : span.end].split(None, 1)
    return bool(words) and "=" not in words[0]
