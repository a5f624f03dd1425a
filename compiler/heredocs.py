"""The word ``<<NAME`` among an instruction's arguments."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .words import WordError, Words

__all__ = ["HeredocWord", "chomp", "read_heredoc_word"]

_WORD = re.compile(r"(\d*)<<(-?)\s*([^<]*)", re.ASCII)
_LEADING_TABS = re.compile(r"^\t+", re.MULTILINE)
_NAME = Words(skip_unset=True)


@dataclass(frozen=True, slots=True)
class HeredocWord:
    """A name and whether leading tabs go (``<<-``)."""

    name: str
    chomp: bool


def read_heredoc_word(text: str) -> HeredocWord | None:
    """``text`` as the opening word of a heredoc, or none.

    >>> read_heredoc_word("<<-'END'")
    HeredocWord(name='END', chomp=True)
    """
    match = _WORD.fullmatch(text)
    if match is None or not match[3]:
        return None
    try:
        words = _NAME.expand(match[3], {}).words
    except WordError:
        return None
    return HeredocWord(words[0], match[2] == "-") if len(words) == 1 else None


def chomp(content: str) -> str:
    """``content`` without the tabs that begin its lines."""
    return _LEADING_TABS.sub("", content)
