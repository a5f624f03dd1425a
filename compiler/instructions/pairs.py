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
    text, name = site.document.source.text[span.start : span.end], site.instruction.args[0]
    if not text.startswith(name):  # a continuation parts it
        text = site.logical_line().text.split(None, 1)[1]
    return not text.startswith(f"{name}=")
