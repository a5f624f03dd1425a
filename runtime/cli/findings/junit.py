"""JUnit's XML: a test suite for each file, a failure for each finding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...lint.run import FileResult
from .view import View, xml_text

__all__ = ["render"]


def render(results: Sequence[FileResult], view: View) -> str:  # noqa: ARG001  # the shape of all formats
    """A file without findings is one test that passed."""
    total = sum(max(len(result.found), 1) for result in results)
    failures = sum(len(result.found) for result in results)
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<testsuites name="layerc lint" tests="{total}" failures="{failures}">',
    ]
    for result in results:
        lines += _suite(result)
    return "\n".join([*lines, "</testsuites>", ""])


def _suite(result: FileResult) -> Iterator[str]:
    name, count = xml_text(result.source.name), len(result.found)
    yield f'  <testsuite name="{name}" tests="{max(count, 1)}" failures="{count}" errors="0" skipped="0">'
    if not count:
        yield f'    <testcase classname="{name}" name="lint"/>'
    for found in result.found:
        place = xml_text(str(found.where))
        yield f'    <testcase classname="{name}" name="{xml_text(found.code)} {place}">'
        told = xml_text(found.finding.message)
        yield f'      <failure type="{found.severity.word}" message="{told}">{place}: {told}</failure>'
        yield "    </testcase>"
    yield "  </testsuite>"
