"""What a rule finds: a place, words, what it costs, and edits that would mend it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from ...grammar.source import Span
from .rule import Severity

__all__ = ["Edit", "Estimate", "Finding", "Fix"]


class Edit(NamedTuple):
    """Put ``text`` in place of the characters of ``span``; an empty span inserts."""

    span: Span
    text: str


class Fix(NamedTuple):
    """Edits that belong together: all are made, or none. A ``safe`` one leaves the built image as it is, to its
    config and its files; any other needs the user's eye. ``title`` is an imperative: "remove the flag".
    """

    title: str
    edits: tuple[Edit, ...]
    safe: bool = False

    @classmethod
    def replace(cls, title: str, span: Span, text: str, *, safe: bool = False) -> Fix:
        """A fix of one edit."""
        return cls(title, (Edit(span, text),), safe)


class Estimate(NamedTuple):
    """What the finding costs: ``seconds`` each time, in ``share`` of the commits (0 to 1), or ``bytes`` of the
    image. None where nothing is known. ``source`` says how that is known: ``measured`` in builds of this file,
    from the ``history`` of commits, or an ``estimate``.
    """

    source: Literal["measured", "history", "estimate"]
    seconds: float | None = None
    share: float | None = None
    bytes: int | None = None


class Finding(NamedTuple):
    """One place that breaks a rule. ``span`` is as narrow as can be: the word, not the instruction.

    ``message`` is one sentence without a final stop; ``help`` says what to do. ``code`` and ``severity`` stand in
    for the rule's own, where a rule speaks for many (ShellCheck's), ``equivalents`` for the rule's where this
    finding has only some of them. ``fixes`` come best first: one is applied.
    """

    span: Span
    message: str
    help: str = ""
    estimate: Estimate | None = None
    fixes: tuple[Fix, ...] = ()
    code: str = ""
    severity: Severity | None = None
    equivalents: tuple[str, ...] = ()
