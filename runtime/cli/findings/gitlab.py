"""GitLab's code quality report (a subset of Code Climate's)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ....compiler.lint.rule import Severity
from ...lint.baseline import fingerprints
from ...lint.run import FileResult
from .view import View, clean

__all__ = ["render"]

_SEVERITIES = {
    Severity.ERROR: "critical",
    Severity.WARNING: "major",
    Severity.INFO: "minor",
    Severity.STYLE: "info",
}


def render(results: Sequence[FileResult], view: View) -> str:  # noqa: ARG001  # the shape of all formats
    """A list of issues."""
    issues = [
        {
            "type": "issue",
            "check_name": found.code,
            "description": clean(found.finding.message),
            "categories": ["Style" if found.rule.category.value == "style" else "Bug Risk"],
            "severity": _SEVERITIES[found.severity],
            "fingerprint": fingerprint,
            "location": {
                "path": clean(result.source.name),
                "lines": {"begin": found.where.line, "end": found.end[0]},
            },
        }
        for result in results
        for found, fingerprint in zip(
            result.found, fingerprints(result.source.name, result.found), strict=True
        )
    ]
    return json.dumps(issues, indent=1) + "\n"
