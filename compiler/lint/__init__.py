"""The linter: rules over one Dockerfile, what is ignored, and fixes. The door is :func:`lint`.

A rule is one file in ``rules/`` and one entry of the tuple there; docs/development.md tells how to add one.
"""

from .calls import Call, CallWord
from .finding import Edit, Estimate, Finding, Fix
from .rule import Category, Rule, Severity
from .runner import Found, Report, lint
from .script import RunScript
from .settings import Choice, Settings
from .subject import StageView, Subject, Surroundings

__all__ = [
    "Call",
    "CallWord",
    "Category",
    "Choice",
    "Edit",
    "Estimate",
    "Finding",
    "Fix",
    "Found",
    "Report",
    "Rule",
    "RunScript",
    "Settings",
    "Severity",
    "StageView",
    "Subject",
    "Surroundings",
    "lint",
]
