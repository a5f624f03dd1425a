"""Golden plans of corpus/cases, and laws that hold for each of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from compiling import CASES, compile_case
from jsonschema import Draft202012Validator

from layerc.compiler.emit.plan_json import emit
from layerc.compiler.graph.graph import LayerGraph
from layerc.compiler.graph.invariants import check
from layerc.compiler.graph.plan import LayerPlan
from layerc.grammar.errors import CompileError

SCHEMA = Path(__file__).parents[2] / "docs" / "plan.schema.json"
FOLDERS = [pytest.param(folder, id=folder.name) for folder in sorted(CASES.iterdir())]


@pytest.mark.parametrize("folder", FOLDERS)
def test_golden_plan(folder: Path, golden: Callable[[Path, str], None]) -> None:
    try:
        plan = compile_case(folder)
    except CompileError as error:
        golden(folder / "plan-error.txt", f"{error.where}: {error.message}\n{error.help or ''}\n")
        return
    assert not (folder / "plan-error.txt").exists()
    golden(folder / "plan.json", emit(plan))


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=path.parent.name) for path in CASES.glob("*/plan.json")]
)
def test_a_plan_and_its_document_are_one(path: Path) -> None:
    document = json.loads(path.read_text())
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(document)
    plan = LayerPlan.from_document(document)
    assert json.loads(emit(plan)) == document
    graph = LayerGraph.from_plan(plan)
    check(graph)
    assert graph.to_plan() == plan
    assert graph.to_plan().notices == plan.notices
