"""corpus/optimize: what each pass makes of a Dockerfile, what it says, and laws that hold for all of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from optimizing import case_folders, optimize_case

from layerc.compiler.optimize.draft import Draft
from layerc.compiler.optimize.passes import PASSES
from layerc.compiler.optimize.report import explained, report, report_document
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile

SCHEMA = Path(__file__).parents[2] / "docs" / "optimize.schema.json"
FOLDERS = [pytest.param(folder, id=f"{folder.parent.name}/{folder.name}") for folder in case_folders()]


@pytest.mark.parametrize("folder", FOLDERS)
def test_golden(folder: Path, golden: Callable[[Path, str], None]) -> None:
    result = optimize_case(folder)
    assert not result.problems
    golden(folder / "expected.Dockerfile", result.draft.text)
    golden(folder / "report.txt", report(result))


@pytest.mark.parametrize("folder", FOLDERS)
def test_laws(folder: Path) -> None:
    result = optimize_case(folder)
    again = optimize_case(folder, result.draft.text)
    assert again.draft.text == result.draft.text, "the output is no fixed point"
    assert not again.changes
    assert bool(result.changes) == (result.draft.text != optimize_given(folder))
    given = optimize_given(folder)
    for step in result.draft.every:
        if step.lines[0] and step.origin and step.text.rstrip() not in given:
            assert any(step.key in change.steps for change in result.changes), step.text
    document = json.loads(json.dumps(report_document(result)))
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(document)
    told = explained(result).source
    assert [each.text for each in parse(told).instructions] == [
        each.text for each in parse(result.draft.source).instructions
    ]


def optimize_given(folder: Path) -> str:
    return (folder / "Dockerfile").read_bytes().decode("utf-8", "surrogateescape")


def test_every_pass_has_cases_that_change_something_and_some_that_do_not() -> None:
    for item in PASSES:
        results = [optimize_case(folder) for folder in case_folders() if folder.parent.name == item.name]
        assert any(result.changes for result in results), item.name
        assert any(not result.changes for result in results), item.name


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_draft_is_its_file(folder: Path) -> None:
    data = (folder / "Dockerfile").read_bytes()
    assert Draft.of(parse(SourceFile.from_bytes("Dockerfile", data))).source.to_bytes() == data
