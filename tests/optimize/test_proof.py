"""Rewrites at -O1, built: the image is the same. Projects of the corpus, tiny builds, and made-up Dockerfiles.

The optimiser is given all that was seen when the original was built. No step of the rewritten Dockerfile is taken
from what the cache holds to be equal: those that the original has not really run.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from builds import BuildCase, load_builds
from made_rewrites import Bench, try_dockerfiles
from make_vendored import PACKAGE, WHEEL, npm_package, read_archive, wheel_files
from projects import OPTIMISED, ImageCase, layerc_arguments, load_projects
from proving import Proof, prove, request_of

from layerc.runtime.snapshot.mount import enter_mount_namespace
from layerc.runtime.store import Store

Bases = Mapping[str, Mapping[str, str]]
SEED, DOCKERFILES = 5, 25
PROJECTS = [case for project in load_projects() for case in project.images]
BUILDS = [case for case in load_builds() if not case.refused]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all."""
    enter_mount_namespace()
    return tmp_path_factory.mktemp("store")


def proof_of(words: list[str], folder: Path, home: Path) -> Proof:
    with Store.open(str(home)) as store:
        return prove(request_of(words, folder), store)


@pytest.mark.root
@pytest.mark.parametrize("case", PROJECTS, ids=lambda case: case.name)
def test_projects(case: ImageCase, bases: Bases, home: Path) -> None:
    words = layerc_arguments(case.project, bases, target=case.target, arguments=case.arguments)
    proof = proof_of([*words, "--network=none"], case.project.path, home)
    assert proof.problems == []
    expected = case.project.path / OPTIMISED
    if expected.exists():
        assert proof.result.draft.text == expected.read_text()


@pytest.mark.root
@pytest.mark.parametrize("case", BUILDS, ids=lambda case: case.name)
def test_tiny_builds(case: BuildCase, bases: Bases, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in case.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(case.path)
    assert proof_of(case.words(bases), case.path, home).problems == []


@pytest.mark.root
def test_made_up_dockerfiles(tmp_path: Path) -> None:
    """``python tests/tools/made_rewrites.py`` is the same for longer."""
    bench = Bench(tmp_path)
    try_dockerfiles(bench, SEED, DOCKERFILES)
    # That it was worth something: many were built and changed.
    assert bench.counts["changed"] > DOCKERFILES / 3
    assert bench.counts["split-copy"] > 1
    assert bench.counts["not built"] < DOCKERFILES / 2


def test_packages_of_the_cache_unfriendly_projects_are_what_is_made() -> None:
    assert read_archive(WHEEL) == wheel_files()
    assert read_archive(PACKAGE) == npm_package()
