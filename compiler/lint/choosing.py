"""Which rules run, and how severe they are: words of configs and command lines against the rules."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import NamedTuple

from ..suggest import nearest
from .finding import Finding
from .hadolint_ids import HADOLINT_IDS
from .rule import Category, Rule, Severity
from .settings import Choice

__all__ = ["Chosen", "UnknownRuleError", "check_words", "choose", "find_rules", "names_of"]

_ALL = "all"
_BY_NAME = 1000
_SHELLCHECK = re.compile(r"sc[0-9]{4}")
_PREFIX = re.compile(r"[a-z]{2,}[0-9]*")
_Words = tuple[str, ...]


class UnknownRuleError(ValueError):
    """``word`` names no rule; ``meant`` is a rule that may have been meant, or empty."""

    def __init__(self, word: str, meant: str = "") -> None:
        super().__init__(f"there is no rule {word!r}")
        self.word = word
        self.meant = meant


class Chosen(NamedTuple):
    """The rules that run, in order, and the words by which they were chosen."""

    rules: tuple[Rule, ...]
    choice: Choice

    def wants(self, rule: Rule, finding: Finding) -> bool:
        """Whether this finding is wanted: its code or its equivalents may be fewer than its rule's."""
        return _wanted(self.choice, names_of(rule, finding), rule)

    def severity(self, rule: Rule, finding: Finding) -> Severity:
        """That of the most exact word that means the finding, or else its own."""
        names = names_of(rule, finding)
        best = rule.severity if finding.severity is None else finding.severity
        exact = 0
        for word, severity in self.choice.severity.items():
            if (how := _matches(word.lower(), names, rule)) > exact:
                best, exact = severity, how
        return best


def names_of(rule: Rule, finding: Finding) -> tuple[str, ...]:
    """All that users may call ``finding``, in lower case, the most exact first."""
    own = (finding.code,) if finding.code else (finding.equivalents or rule.equivalents)
    return _lower(*own, rule.id, rule.name)


def choose(rules: Sequence[Rule], choice: Choice, wanted: Collection[str] = ()) -> Chosen:
    """The rules that ``choice`` leaves, with those that the file itself asks for by name (``wanted``).

    Raises :class:`UnknownRuleError`.
    """
    severity = tuple(choice.severity.items())
    words = (choice.select, choice.extend, choice.ignore, severity, choice.pragmas)
    return _choose(tuple(rules), words, tuple(wanted))


@lru_cache(maxsize=32)  # most files of a run have one config
def _choose(
    rules: tuple[Rule, ...],
    words: tuple[_Words, _Words, _Words, tuple[tuple[str, Severity], ...], bool],
    wanted: tuple[str, ...],
) -> Chosen:
    select, extended, ignore, severity, pragmas = words
    choice = Choice(select, extended, ignore, dict(severity), pragmas)
    check_words(rules, (*choice.select, *choice.extend, *choice.ignore, *choice.severity))
    extend = (
        *choice.extend,
        *(rule.id for rule in rules if rule.id in wanted or (_ALL in wanted and _is_experimental(rule))),
    )
    choice = choice._replace(extend=extend)
    kept = tuple(rule for rule in rules if _runs(rule, choice))
    return Chosen(kept, choice)


def _is_experimental(rule: Rule) -> bool:
    from ..checks import find_rule

    check = find_rule(rule.id)
    return check is not None and check.experimental


def _runs(rule: Rule, choice: Choice) -> bool:
    """Whether any of the rule's findings can be wanted."""
    words = (*choice.select, *choice.extend)
    if rule.speaks_for and any(word.lower().startswith(rule.speaks_for.lower()) for word in words):
        return True
    kinds = rule.equivalents or (rule.id,)
    return any(_wanted(choice, _lower(kind, rule.id, rule.name), rule) for kind in kinds)


def _lower(*names: str) -> tuple[str, ...]:
    return tuple(name.lower() for name in names)


def _wanted(choice: Choice, names: tuple[str, ...], rule: Rule) -> bool:
    """The more exact word wins; of two that are as exact, the one that ignores."""

    def best(words: Sequence[str]) -> int:
        return max((_matches(word.lower(), names, rule) for word in words), default=0)

    taken = max(best(choice.select), best(choice.extend))
    if not taken and (choice.select or not rule.default):
        return False
    left = best(choice.ignore)
    return not left or taken > left


def _matches(word: str, names: tuple[str, ...], rule: Rule) -> int:
    """How exactly ``word`` means a rule of these names: not (0), as all, as its category, by a prefix, by name."""
    if word in names:
        return _BY_NAME - names.index(word)
    if word == _ALL:
        return 1
    if word == rule.category.value:
        return 2
    if _PREFIX.fullmatch(word) and any(_is_numbered(name) and name.startswith(word) for name in names):
        return 2 + len(word)
    return 0


def _is_numbered(name: str) -> bool:
    return re.fullmatch(r"[a-z]{2,}[0-9]{3,}", name) is not None


def find_rules(rules: Sequence[Rule], word: str) -> tuple[Rule, ...]:
    """The rules that ``word`` means. Raises :class:`UnknownRuleError`."""
    check_words(rules, (word,))
    word = word.lower()
    exact = tuple(rule for rule in rules if word in _lower(*rule.names))
    return exact or tuple(
        rule for rule in rules if _matches(word, _lower(*rule.names), rule) or _speaks(rule, word)
    )


def _speaks(rule: Rule, word: str) -> bool:
    return bool(rule.speaks_for) and word.startswith(rule.speaks_for.lower())


def check_words(rules: Sequence[Rule], words: Collection[str]) -> None:
    """Raises :class:`UnknownRuleError` for the first of ``words`` that means no rule of ours or of hadolint's."""
    for word in words:
        if not _is_known(rules, word.lower()):
            known = [name for rule in rules for name in rule.names]
            raise UnknownRuleError(word, nearest(word, [*known, *HADOLINT_IDS]) or "")


def _is_known(rules: Sequence[Rule], word: str) -> bool:
    if word == _ALL or _SHELLCHECK.fullmatch(word) or word.upper() in HADOLINT_IDS:
        return True
    if word in (category.value for category in Category):
        return True
    return any(
        _matches(word, _lower(*rule.names), rule) or word == rule.speaks_for.lower() != "" for rule in rules
    )
