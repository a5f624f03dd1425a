"""Docker's build checks: which there are (``rules.py``), which are wanted, and what was found."""

from .collector import ARGUMENT, Checks
from .rules import RULES, Rule, find_rule

__all__ = ["ARGUMENT", "RULES", "Checks", "Rule", "find_rule"]
