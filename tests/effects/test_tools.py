"""Profiles of tools: for each at least one case below cases/.

A case says of the effects of ``run``, in which TOOL stands for each of ``tools``: paths that ``reads`` and ``writes``
hold, that they do not hold (``ignores``, ``spares``), ``manifests``, ``caches``, ``removes`` that are among them,
``network``, words of ``volatile`` and ``unknown``. ``files`` are manifests of the context.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from layerc.compiler.effects.model import Effects, Evidence
from layerc.compiler.effects.paths import Reads, Writes
from layerc.compiler.effects.profiles import PROFILES
from layerc.compiler.effects.steps import effects_of, placed_files
from layerc.compiler.graph.layer import ImageLayer
from layerc.compiler.graph.operations import ContextPath, Copy, FromContext, Run
from layerc.compiler.optimize.facts import ContextFile, Facts

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CASES = [
    (tool, case)
    for path in sorted((HERE / "cases").glob("*.toml"))
    for case in tomllib.loads(path.read_text())["case"]
    for tool in case["tools"]
]


def effects_of_script(script: str, facts: Facts) -> Effects:
    return effects_of(ImageLayer(Run(("/bin/sh", "-c", script), (), "/app"), "parent"), facts)


@pytest.mark.parametrize(("tool", "case"), CASES, ids=[f"{tool}-{case['run'][:30]}" for tool, case in CASES])
def test_profile(tool: str, case: dict[str, Any]) -> None:
    files = case.get("files", {})
    facts = Facts(
        contexts={"": tuple(ContextFile(name, "file") for name in files)} if files else {},
        manifests={name: text.encode() for name, text in files.items()},
    )
    effects = effects_of_script(case["run"].replace("TOOL", tool), facts)
    if "unknown" in case:
        assert case["unknown"] in effects.unknown
        return
    assert effects.unknown == ""
    assert effects.evidence is Evidence.PROFILE
    assert tool in effects.tools
    assert effects.seconds > 0
    for path in case.get("reads", ()):
        assert effects.reads.conflict(Writes(names=frozenset({path}))), path
    for path in case.get("ignores", ()):
        assert not effects.reads.conflict(Writes(names=frozenset({path}))), path
    for path in case.get("writes", ()):
        assert Reads(names=frozenset({path})).conflict(effects.writes), path
    for path in case.get("spares", ()):
        assert not Reads(names=frozenset({path})).conflict(effects.writes), path
    for field in ("manifests", "caches", "removes"):
        assert set(case.get(field, ())) <= set(getattr(effects, field))
    assert effects.network is case.get("network", effects.network)
    assert case.get("volatile", "") in effects.volatile


def test_each_tool_has_a_case() -> None:
    assert {tool for tool, _ in CASES} == set(PROFILES)


def test_table_is_current() -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import make_tables
    finally:
        sys.path.pop(0)
    made = (ROOT / "compiler" / "effects" / "tool_table.py").read_text()
    assert made == make_tables.render_tools(), "run scripts/make_tables.py"


def test_which_manifest_is_in_the_image() -> None:
    files = {"a/package.json": "{}", "b/package.json": '{"scripts": {"postinstall": "x"}}'}
    facts = Facts(
        contexts={"": tuple(ContextFile(name, "file") for name in files)},
        manifests={name: text.encode() for name, text in files.items()},
    )
    run = ImageLayer(Run(("npm", "ci"), (), "/app"), "parent")
    assert "postinstall" in effects_of(run, facts).unknown
    for name, known in (("a", True), ("b", False)):
        copy = ImageLayer(Copy(FromContext(), (ContextPath(f"{name}/package.json"),), "/app/"), "parent")
        placed = placed_files([copy], facts)
        assert placed == {"/app/package.json": f"{name}/package.json"}
        assert (effects_of(run, facts, placed=placed).unknown == "") is known
