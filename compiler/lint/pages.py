"""A rule's documentation page, read out of its docstring.

The first line is the summary. What follows up to the first heading tells the problem; ``## Bad``, ``## Good`` and
``## When to ignore`` follow in this order. Examples are fenced blocks: ``dockerfile`` begins one, and blocks after
it belong to it: ``dockerignore`` (its patterns), ``files`` (what the build context holds, one path a line) and
``toml`` (settings, as under ``[tool.layerc.lint]``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from .rule import Rule

__all__ = ["SECTIONS", "Example", "Page", "read_page", "render_page"]

SECTIONS = ("Bad", "Good", "When to ignore")
_FENCE = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    """A Dockerfile, and the texts of other blocks by kind."""

    dockerfile: str
    around: Mapping[str, str]


class Page(NamedTuple):
    """The parts of a page. ``problem`` and ``ignore`` are Markdown."""

    summary: str
    problem: str
    bad: tuple[Example, ...]
    good: tuple[Example, ...]
    ignore: str


def read_page(rule: Rule) -> Page:
    """The page of ``rule``. Raises ``ValueError`` where a part is missing."""
    text = (rule.page or "").strip()
    head, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    sections = {title: body.strip() for title, _, body in (part.partition("\n") for part in parts)}
    if tuple(sections) != SECTIONS:
        raise ValueError(
            f"the page of {rule.id} has the sections {', '.join(sections)}; wanted: {', '.join(SECTIONS)}"
        )
    summary, _, problem = head.partition("\n")
    bad, good = _examples(sections["Bad"]), _examples(sections["Good"])
    if not (summary.endswith(".") and problem.strip() and bad and good and sections["When to ignore"]):
        raise ValueError(f"the page of {rule.id} lacks a part")
    return Page(summary.rstrip("."), problem.strip(), bad, good, sections["When to ignore"])


def _examples(text: str) -> tuple[Example, ...]:
    found: list[Example] = []
    for match in _FENCE.finditer(text):
        if match["kind"] == "dockerfile":
            found.append(Example(match["text"], {}))
        elif found:
            last = found[-1]
            found[-1] = last._replace(around={**last.around, match["kind"]: match["text"]})
    return tuple(found)


def render_page(rule: Rule) -> str:
    """The page as Markdown, with the rule's metadata below its title."""
    summary, _, rest = (rule.page or "").strip().partition("\n")
    facts = [
        f"`{rule.severity.word}`",
        f"category `{rule.category.value}`",
        f"since {rule.since}",
        "has fixes" if rule.fixable else "no fixes",
    ]
    if not rule.default:
        facts.append("off by default")
    if rule.equivalents:
        facts.append("also known as " + ", ".join(f"`{name}`" for name in rule.equivalents))
    return f"# {rule.id}: {rule.name}\n\n{summary}\n\n{' · '.join(facts)}\n\n{rest.strip()}\n"
