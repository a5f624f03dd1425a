"""Why a step was found or had to run: values that the engine makes, events carry and ``layerc explain`` shows."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

__all__ = ["Cause", "Change", "Decision", "Earlier", "Level"]

Level = Literal["definition", "content", "trace"]

# For steps that were found: `same` (the same definition), `equal` (what is below or beside it was made again, with
# equal content), `unread` (that changed, but nothing that the step takes from it). For steps that ran: `no-cache`;
# `base` (an image had to be brought in); `new`; `operation` (the instruction itself changed); `context` (what it
# takes from outside: files, URLs, commits); `stage` (what it takes from other stages); `parent` (the tree that it
# runs on); `collected` (an equal result was there and is gone); `unknown`.
Cause = Literal[
    "same",
    "equal",
    "unread",
    "no-cache",
    "base",
    "new",
    "operation",
    "context",
    "stage",
    "parent",
    "collected",
    "unknown",
]


class Change(NamedTuple):
    """One path that decided: ``change`` is ``added``, ``removed``, ``content``, ``mode``, ``owner``, ….

    ``before`` and ``after`` are the beginnings of the contents' digests, or modes, owners, targets; empty where
    there is none.
    """

    path: str
    change: str
    before: str = ""
    after: str = ""

    def __str__(self) -> str:
        """For people: ``app.py changed (content)``."""
        return f"{self.path} {self.change if self.change in _WHOLE else f'changed ({self.change})'}"


_WHOLE = ("added", "removed", "added to a listed directory", "removed from a listed directory")


class Earlier(NamedTuple):
    """The run that came nearest: when it was (Unix time), and the seconds that it took."""

    when: float
    seconds: float


class Decision(NamedTuple):
    """What was decided for one step.

    ``level`` says how it was found; none: it ran. ``subject`` is what the cause is about: an aspect of the
    instruction, a context, a stage, an option. ``changes`` are the first paths that decided, ``more`` whether there
    are others. ``note`` is what else is worth knowing, such as why there was no trace.
    """

    level: Level | None
    cause: Cause
    subject: str = ""
    changes: tuple[Change, ...] = ()
    more: bool = False
    earlier: Earlier | None = None
    note: str = ""

    @property
    def is_hit(self) -> bool:
        """Whether the step need not run."""
        return self.level is not None

    def to_document(self) -> dict[str, Any]:
        """All of it as JSON-ready data."""
        return self._asdict() | {
            "changes": [change._asdict() for change in self.changes],
            "earlier": None if self.earlier is None else self.earlier._asdict(),
        }

    @property
    def reason(self) -> str:
        """The decision in one line; nothing for a base image."""
        if self.cause == "base":
            return ""
        words = _WORDS[self.cause].format(subject=self.subject or _SUBJECTS.get(self.cause, ""))
        if not self.changes:
            return words
        paths = ", ".join(map(str, self.changes)) + (", …" if self.more else "")
        if self.cause == "context":
            return paths
        if self.cause == "stage" and self.subject:
            return f"in {self.subject}: {paths}"
        return paths if self.note == "" else f"{words}: {paths}"


_SUBJECTS = {
    "context": "what it copies",
    "stage": "what it takes from another stage",
    "operation": "the instruction",
}
_WORDS: dict[str, str] = {
    "same": "nothing changed",
    "equal": "what it builds on was made again, with equal content",
    "unread": "nothing of what changed is read",
    "no-cache": "asked for with {subject}",
    "new": "not built before",
    "operation": "{subject} changed",
    "context": "{subject} changed",
    "stage": "{subject} changed",
    "parent": "the layer below it changed",
    "collected": "its earlier result is gone from the store",
    "unknown": "a file of it is not in the store",
}
