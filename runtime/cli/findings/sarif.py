"""SARIF 2.1.0, the OASIS format that code hosts read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from .... import __version__
from ....compiler.lint.finding import Fix
from ....compiler.lint.rule import Rule, Severity
from ....compiler.lint.runner import Found
from ....grammar.source import SourceFile, Span
from ...lint.baseline import fingerprints
from ...lint.run import FileResult
from .view import View, clean, help_uri

__all__ = ["LEVELS", "render"]

LEVELS = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "note",
    Severity.STYLE: "note",
}
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(results: Sequence[FileResult], view: View) -> str:  # noqa: ARG001  # the shape of all formats
    """One log with one run."""
    codes: dict[str, Rule] = {}
    for result in results:
        for found in result.found:
            codes.setdefault(found.code, found.rule)
    names = sorted(codes)
    run = {
        "tool": {
            "driver": {
                "name": "layerc",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(code, codes[code]) for code in names],
            }
        },
        "columnKind": "unicodeCodePoints",
        "artifacts": [{"location": {"uri": _uri(result.source.name)}} for result in results],
        "results": [
            _result(result.source, number, found, names.index(found.code), mark)
            for number, result in enumerate(results)
            for found, mark in zip(result.found, fingerprints(result.source.name, result.found), strict=True)
        ],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _rule(code: str, rule: Rule) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": code,
        "name": "".join(part.capitalize() for part in rule.name.split("-")),
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.summary},
        "help": {"text": (rule.page or "").strip(), "markdown": (rule.page or "").strip()},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {"tags": [rule.category.value, *rule.equivalents]},
    }
    if uri := help_uri(rule):
        entry["helpUri"] = uri
    return entry


def _result(source: SourceFile, artifact: int, found: Found, rule: int, fingerprint: str) -> dict[str, Any]:
    finding = found.finding
    text = finding.message if not finding.help else f"{finding.message}. {finding.help}"
    location = {"uri": _uri(source.name), "index": artifact}
    entry: dict[str, Any] = {
        "ruleId": found.code,
        "ruleIndex": rule,
        "level": LEVELS[found.severity],
        "message": {"text": clean(text)},
        "locations": [
            {"physicalLocation": {"artifactLocation": location, "region": _region(source, finding.span)}}
        ],
        "partialFingerprints": {"layerc/v1": fingerprint},
    }
    if finding.estimate is not None:
        entry["properties"] = {"estimate": finding.estimate._asdict()}
    if finding.fixes:
        entry["fixes"] = [_fix(source, location, fix) for fix in finding.fixes]
    return entry


def _fix(source: SourceFile, location: dict[str, Any], fix: Fix) -> dict[str, Any]:
    replacements = [
        {"deletedRegion": _region(source, edit.span), "insertedContent": {"text": clean(edit.text)}}
        for edit in fix.edits
    ]
    return {
        "description": {"text": clean(fix.title)},
        "artifactChanges": [{"artifactLocation": location, "replacements": replacements}],
    }


def _region(source: SourceFile, span: Span) -> dict[str, int]:
    first, last = source.line_of(span.start), source.line_of(span.end)
    return {
        "startLine": first,
        "startColumn": span.start - source.line_starts[first - 1] + 1,
        "endLine": last,
        "endColumn": span.end - source.line_starts[last - 1] + 1,
    }


def _uri(name: str) -> str:
    return quote(clean(name).replace("\\", "/"))
