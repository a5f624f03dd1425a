"""What a rule is: metadata, a documentation page, and a function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .finding import Finding
    from .subject import Subject

__all__ = ["Category", "Rule", "Severity"]


class Severity(IntEnum):
    """How bad it is, as hadolint says it; they compare by that."""

    STYLE = 1
    INFO = 2
    WARNING = 3
    ERROR = 4

    @property
    def word(self) -> str:
        """The lower-case name, as in configs and outputs."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Severity:
        """The severity called ``word``. Raises ``ValueError``."""
        try:
            return cls[word.upper()]
        except KeyError:
            raise ValueError(f"{word!r} is no severity: style, info, warning or error") from None


class Category(Enum):
    """What a rule is about."""

    CACHE = "cache"
    CORRECTNESS = "correctness"
    SECURITY = "security"
    STYLE = "style"
    SHELL = "shell"


class Rule(NamedTuple):
    """``id`` is what users write: ``LC101`` for our own, hadolint's ``DL3006`` or Docker's ``StageNameCasing`` for
    theirs; ``name`` is the same in words (``untagged-base``). ``equivalents`` are ids of other linters that mean
    this rule, and are accepted wherever an id is. ``page`` is the module's docstring: its documentation.
    ``fixable`` says that it may offer fixes; a rule that is not ``default`` must be selected.
    ``speaks_for`` is a prefix of the codes that the rule's findings may carry (``SC``), empty for its own id.
    """

    id: str
    name: str
    severity: Severity
    category: Category
    since: str
    check: Callable[[Subject], Iterator[Finding]]
    page: str | None
    equivalents: tuple[str, ...] = ()
    fixable: bool = False
    default: bool = True
    speaks_for: str = ""

    @property
    def summary(self) -> str:
        """The first line of the page, without the final stop."""
        return (self.page or self.name).strip().splitlines()[0].rstrip(".")

    @property
    def names(self) -> tuple[str, ...]:
        """All that users may call it."""
        return (self.id, self.name, *self.equivalents)
