"""JSON (``layerc.lint/1``): all that is known of each finding, fixes included."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ....compiler.lint.runner import Found
from ....grammar.source import SourceFile
from ...lint.run import FileResult
from .view import View, clean, each_finding, page_path

__all__ = ["render"]


def render(results: Sequence[FileResult], view: View) -> str:  # noqa: ARG001  # the shape of all formats
    """One document for all files."""
    document = {
        "schema": "layerc.lint/1",
        "files": [clean(result.source.name) for result in results],
        "findings": [_finding(result.source, found) for result, found in each_finding(results)],
        "fixed": sum(result.fixed for result in results),
        "ignored": sum(result.ignored for result in results),
    }
    return json.dumps(document, indent=1) + "\n"


def _finding(source: SourceFile, found: Found) -> dict[str, Any]:
    finding, rule = found.finding, found.rule
    return {
        "file": clean(source.name),
        "line": found.where.line,
        "column": found.where.column,
        "end_line": found.end[0],
        "end_column": found.end[1],
        "rule": rule.id,
        "code": found.code,
        "name": rule.name,
        "equivalents": list(finding.equivalents or rule.equivalents),
        "severity": found.severity.word,
        "category": rule.category.value,
        "message": clean(finding.message),
        "help": clean(finding.help),
        "estimate": None if finding.estimate is None else finding.estimate._asdict(),
        "fixes": [
            {
                "title": clean(fix.title),
                "safe": fix.safe,
                "edits": [
                    {"start": edit.span.start, "end": edit.span.end, "text": clean(edit.text)}
                    for edit in fix.edits
                ],
            }
            for fix in finding.fixes
        ],
        "page": page_path(rule),
    }
