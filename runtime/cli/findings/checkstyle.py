"""Checkstyle's XML."""

from __future__ import annotations

from collections.abc import Sequence

from ....compiler.lint.rule import Severity
from ...lint.run import FileResult
from .view import View, xml_text

__all__ = ["render"]

_SEVERITIES = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "info",
    Severity.STYLE: "info",
}


def render(results: Sequence[FileResult], view: View) -> str:  # noqa: ARG001  # the shape of all formats
    """A file element for each file, those without findings as well."""
    lines = ['<?xml version="1.0" encoding="utf-8"?>', '<checkstyle version="4.3">']
    for result in results:
        lines.append(f'  <file name="{xml_text(result.source.name)}">')
        lines += (
            f'    <error line="{found.where.line}" column="{found.where.column}" '
            f'severity="{_SEVERITIES[found.severity]}" message="{xml_text(found.finding.message)}" '
            f'source="{xml_text(found.code)}"/>'
            for found in result.found
        )
        lines.append("  </file>")
    return "\n".join([*lines, "</checkstyle>", ""])
