"""All rules, in order. A rule is one file here and one entry of this tuple."""

from ..rule import Rule
from . import (
    lc001,
    lc002,
    lc003,
    stage_name_casing,
)

__all__ = ["RULES"]

RULES: tuple[Rule, ...] = (
    # LC0xx: the file itself, and what is said to the linter.
    lc001.RULE,
    lc002.RULE,
    lc003.RULE,
    # Docker's build checks, in Docker's order.
    stage_name_casing.RULE,
    # LC1xx: the cache.
    # hadolint's.
)
