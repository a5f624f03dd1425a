"""The word ``<<NAME`` among an instruction's arguments, and what ``<<-`` does to a body."""

from __future__ import annotations

import re

from ..grammar.heredoc import HeredocStart, HeredocWordError, parse_heredoc_word

__all__ = ["chomp", "read_heredoc_word"]

_LEADING_TABS = re.compile(r"^\t+", re.MULTILINE)


def read_heredoc_word(text: str) -> HeredocStart | None:
    """``text`` as the opening word of a heredoc, or none.

    >>> read_heredoc_word("<<-'END'").name
    'END'
    """
    try:
        return parse_heredoc_word(text)
    except HeredocWordError:
        return None


def chomp(content: str) -> str:
    """``content`` without the tabs that begin its lines."""
    return _LEADING_TABS.sub("", content)
