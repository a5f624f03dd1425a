"""``layerc rules``: the linter's rules, and the documentation of each."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from ...compiler.lint.pages import render_page
from ...compiler.lint.rule import Rule
from ..errors import UsageError
from .terminal import Style, wants_colour

if TYPE_CHECKING:
    from .parser import ArgumentParser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.usage = "layerc rules [--json] [RULE…]"
    parser.add_argument(
        "rules", metavar="RULE", nargs="*", help="an id, a name, a prefix (LC1) or a category (default: all)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """A list, or the page of a rule."""
    from ...compiler.lint.choosing import UnknownRuleError, find_rules
    from ...compiler.lint.rules import RULES

    try:
        named = [rule for word in arguments.rules for rule in find_rules(RULES, word)]
    except UnknownRuleError as error:
        meant = f"did you mean {error.meant}?" if error.meant else "layerc rules lists all rules"
        raise UsageError(str(error), help=meant) from error
    if arguments.rules and not named:
        raise UsageError(
            f"{arguments.rules[0]} is a rule of hadolint that we do not have", help="docs/linting.md says why"
        )
    rules = list(dict.fromkeys(named)) or list(RULES)
    if arguments.json:
        import json

        print(json.dumps([_document(rule) for rule in rules], indent=1))
    elif len(rules) == 1 and arguments.rules:
        sys.stdout.write(render_page(rules[0]))
    else:
        style = Style(wants_colour(sys.stdout))
        room = max(len(rule.id) for rule in rules)
        for rule in rules:
            marks = "".join((" fix" if rule.fixable else "    ", "" if rule.default else " off"))
            print(f"{style('bold', rule.id.ljust(room))}  {rule.severity.word:<7}{marks}  {rule.summary}")
    return 0


def _document(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": rule.name,
        "severity": rule.severity.word,
        "category": rule.category.value,
        "since": rule.since,
        "fixable": rule.fixable,
        "default": rule.default,
        "equivalents": list(rule.equivalents),
        "summary": rule.summary,
        "page": render_page(rule),
    }
