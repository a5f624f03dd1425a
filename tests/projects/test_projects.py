"""Every corpus project: it builds and runs, a second build runs nothing, an edit runs what depends on it and gives
what a clean build gives; and what the optimiser makes of it, by what was seen of its build, is the same image.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from projects import (
    OPTIMISED,
    Edit,
    ImageCase,
    Podman,
    expected_reruns,
    layerc,
    layerc_arguments,
    load_projects,
)
from proving import prove, request_of
from treediff import compare_configs, compare_trees, read_image

from layerc.runtime.snapshot.mount import enter_mount_namespace
from layerc.runtime.store import Store

PROJECTS = load_projects()
Bases = Mapping[str, Mapping[str, str]]

pytestmark = pytest.mark.root


@pytest.mark.engine
@pytest.mark.parametrize("case", [case for p in PROJECTS for case in p.images], ids=lambda case: case.name)
def test_builds_and_runs(case: ImageCase, bases: Bases, store: Path, podman: Podman, tmp_path: Path) -> None:
    layout = tmp_path / "image"
    words = layerc_arguments(case.project, bases, target=case.target, arguments=case.arguments)
    words += [f"--store={store}", "--progress=json"]
    built = layerc(*words, f"--output=type=oci-layout,dest={layout}")
    assert built.status == 0, built.stderr
    for program in case.programs:
        ran = podman.run(layout, program.arguments)
        assert (ran.stdout, ran.returncode) == (program.stdout, 0), ran.stderr
    again = layerc(*words)
    assert (again.status, again.ran) == (0, [])
    assert again.events[-1]["event"] == "build-finished"
    assert again.events[-1]["executed"] == 0


@pytest.mark.parametrize("edit", [edit for p in PROJECTS for edit in p.edits], ids=lambda edit: edit.name)
def test_an_edit_runs_what_depends_on_it(edit: Edit, bases: Bases, store: Path, tmp_path: Path) -> None:
    folder = edit.project.copy(tmp_path)
    words = layerc_arguments(edit.project, bases, folder=folder, target=edit.target)
    words += [f"--store={store}", "--progress=json"]
    assert layerc(*words).status == 0
    edit.apply(folder)
    incremental, clean = tmp_path / "incremental.tar", tmp_path / "clean.tar"
    built = layerc(*words, f"--output=type=oci,dest={incremental}")
    assert built.status == 0, built.stderr
    compile_words = layerc_arguments(
        edit.project, bases, command="compile", folder=folder, target=edit.target
    )
    plan = layerc(*compile_words, environment={"LAYERC_HOME": str(store)})
    assert plan.status == 0, plan.stderr
    assert built.ran == expected_reruns(edit, json.loads(plan.stdout))
    if edit.file in edit.project.secrets.values():
        return  # what a secret holds is no part of what a step is
    assert layerc(*words, "--no-cache", f"--output=type=oci,dest={clean}").status == 0
    left, right = read_image(incremental), read_image(clean)
    found = compare_trees(left.tree, right.tree, None) + compare_configs(left.config, right.config)
    assert not found, "incremental | clean\n" + "\n".join(map(str, found))


@pytest.mark.parametrize("case", [case for p in PROJECTS for case in p.images], ids=lambda case: case.name)
def test_the_optimised_one_is_the_same_image(case: ImageCase, bases: Bases, store: Path) -> None:
    enter_mount_namespace()
    words = layerc_arguments(case.project, bases, target=case.target, arguments=case.arguments)
    with Store.open(str(store)) as opened:
        proof = prove(request_of(words, case.project.path), opened)
    assert proof.problems == []
    expected = case.project.path / OPTIMISED
    if expected.exists():
        assert proof.result.draft.text == expected.read_text()
