"""What formats share: what they are handed, and texts made harmless."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ....compiler.checks import find_rule
from ....compiler.lint.rule import Rule
from ....compiler.lint.runner import Found
from ...lint.run import FileResult
from ..terminal import Style

__all__ = ["View", "clean", "each_finding", "help_uri", "page_path", "xml_text"]


class View(NamedTuple):
    """Where it is shown. ``unsafe`` says that unsafe fixes were asked for."""

    style: Style
    columns: int = 100


def each_finding(results: Sequence[FileResult]) -> Iterator[tuple[FileResult, Found]]:
    """All findings with their files, in order."""
    for result in results:
        for found in result.found:
            yield result, found


def clean(text: str) -> str:
    """``text`` with bytes that are no UTF-8 as the replacement character: other tools read nothing else.

    >>> clean("a\\udcff")
    'a\\ufffd'
    """
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


_XML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\t": "&#9;"})


def xml_text(text: str) -> str:
    """``text`` for XML, attributes as well; characters that XML can not hold are replaced."""
    kept = (char if char >= " " or char in "\t\n" else "\ufffd" for char in clean(text))
    return "".join("\ufffd" if char in "\ufffe\uffff" else char for char in kept).translate(_XML)


def page_path(rule: Rule) -> str:
    """Where the rule's page is in our documentation."""
    return f"docs/rules/{rule.id}.md"


def help_uri(rule: Rule) -> str:
    """A page of the web that explains the rule: Docker's and hadolint's have one. Empty for our own."""
    check = find_rule(rule.id)
    if check is not None:
        return check.url
    for name in (rule.id, *rule.equivalents):
        if name.startswith("DL"):
            return f"https://github.com/hadolint/hadolint/wiki/{name}"
    return ""
