"""Annotations of GitHub's workflows: commands on standard output."""

from __future__ import annotations

from collections.abc import Sequence

from ...lint.run import FileResult
from .sarif import LEVELS
from .view import View, clean, each_finding

__all__ = ["render"]

_KINDS = {"error": "error", "warning": "warning", "note": "notice"}


def render(results: Sequence[FileResult], view: View) -> str:  # noqa: ARG001  # the shape of all formats
    """``::warning file=…,line=…::message``."""
    lines: list[str] = []
    for result, found in each_finding(results):
        finding = found.finding
        values = {
            "file": result.source.name,
            "line": str(found.where.line),
            "endLine": str(found.end[0]),
            "title": f"{found.code} ({found.rule.name})",
        }
        if found.end[0] == found.where.line:  # columns of several lines are refused
            values |= {"col": str(found.where.column), "endColumn": str(found.end[1])}
        text = finding.message if not finding.help else f"{finding.message}\n{finding.help}"
        told = ",".join(f"{name}={_property(value)}" for name, value in values.items())
        lines.append(f"::{_KINDS[LEVELS[found.severity]]} {told}::{_data(text)}\n")
    return "".join(lines)


def _data(text: str) -> str:
    return clean(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
