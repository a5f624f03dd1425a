"""Comments that belong to an instruction: descriptions, and ``# check=…`` for it alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..grammar.syntax import Comment, Document, Instruction

__all__ = ["comments_above", "description"]


def comments_above(document: Document) -> Mapping[int, tuple[str, ...]]:
    """For each instruction with comments above it: its offset, and their texts from the top down.

    Empty lines do not part them from it, an empty comment does; so do directives.
    """
    found: dict[int, tuple[str, ...]] = {}
    above: list[str] = []
    for item in document.items:
        if isinstance(item, Comment):
            text = _text(item)
            above = [*above, text] if text else []
        elif isinstance(item, Instruction):
            if above:
                found[item.span.start] = tuple(above)
            above = []
    return found


def _text(comment: Comment) -> str:
    # BuildKit cuts the first character before it looks for blanks: an indented comment keeps its mark.
    return comment.text.removeprefix("\ufeff")[1:].strip()


def description(comments: Iterable[str], name: str) -> str:
    """What ``# NAME text`` says of the argument or stage ``name``; empty if nothing does.

    >>> description(["VERSION of the tool", "DEBUG slow"], "DEBUG")
    'slow'
    """
    if not name:
        return ""
    start = f"{name} "
    return next((text[len(start) :] for text in comments if text.startswith(start)), "")
