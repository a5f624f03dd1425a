"""Which command lines hand a script to a shell that we know."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .spelling import canonical_script

__all__ = ["CHANGING", "canonical_command", "has_script"]

_SHELLS = frozenset(("sh", "ash", "dash", "bash"))
_PLACES = ("", "/bin/", "/usr/bin/")
_OPTIONS = re.compile(r"[-+][ceufxho]+")
_LONG = frozenset(("pipefail", "errexit", "nounset", "xtrace", "noglob"))
#: Variables by which a shell reads more before its script, or reads it otherwise.
CHANGING = frozenset(("BASH_ENV", "ENV", "SHELLOPTS", "BASHOPTS", "PS4", "BASH_XTRACEFD"))


def has_script(argv: Sequence[str]) -> bool:
    """Whether the last word of ``argv`` is the script of a known shell: ``["/bin/sh", "-c", …]``."""
    if len(argv) < 3:
        return False
    name = argv[0].rpartition("/")[2]
    if name not in _SHELLS or argv[0] not in (prefix + name for prefix in _PLACES):
        return False
    given = False
    long = 0
    for word in argv[1:-1]:
        if long and word in _LONG:
            long -= 1
        elif not long and _OPTIONS.fullmatch(word):
            given |= word[0] == "-" and "c" in word
            long = word.count("o")
        else:
            return False
    return given and not long


def canonical_command(argv: tuple[str, ...], variables: Sequence[str]) -> tuple[str, ...]:
    """``argv`` with its script, if it has one, in the canonical spelling. ``variables`` are the names in its
    environment.
    """
    if not has_script(argv) or not CHANGING.isdisjoint(variables):
        return argv
    script = canonical_script(argv[-1])
    return (
        argv if script.startswith(("-", "+")) else (*argv[:-1], script)
    )  # the shell may take it for options
