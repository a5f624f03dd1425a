"""Optimised Dockerfiles in a real BuildKit: after an edit of a source only the copies run, and the image is the same.

What is built is ``optimised.Dockerfile`` of the projects named cache-unfriendly-*; tests/optimize/test_proof.py holds
the optimiser to it. Which steps ran is asserted; seconds are in docs/benchmarks.md (tests/bench/rebuilds.py).
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from projects import OPTIMISED, Project, layerc, layerc_arguments, load_projects

PROJECTS = [project for project in load_projects() if (project.path / OPTIMISED).exists()]

pytestmark = [pytest.mark.root, pytest.mark.engine]
Names = Mapping[str, Mapping[str, str]]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


class Docker:
    """BuildKit, building one project. ``ran`` are the steps of the last build that were executed."""

    def __init__(self, engine: Mapping[str, str], project: Project, bases: Names, folder: Path) -> None:
        self._engine = engine
        self._words = layerc_arguments(project, bases, folder=folder)
        self.folder = folder
        self.seconds: dict[str, float] = {}

    def build(self, dockerfile: str, archive: Path | None = None) -> list[str]:
        """Build, and return the RUNs that were executed."""
        output = f"type=oci,dest={archive}" if archive else "type=cacheonly"
        command = [self._engine["buildx"], *self._words, f"--file={self.folder / dockerfile}"]
        command += ["--network=none", "--provenance=false", "--progress=rawjson", f"--output={output}"]
        environment = {**os.environ, "DOCKER_HOST": self._engine["host"]}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr[-5000:]
        return _executed(done.stderr)


def _executed(log: str) -> list[str]:
    steps: dict[str, Mapping[str, Any]] = {}
    for line in log.splitlines():
        for vertex in json.loads(line).get("vertexes", ()) if line.startswith("{") else ():
            if vertex.get("completed"):
                steps[vertex["digest"]] = vertex
    names = (step["name"].partition("] ")[2] for step in steps.values() if not step.get("cached"))
    return [name for name in names if name.startswith("RUN ")]


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)
def test_an_edit_repeats_no_install_and_the_image_is_the_same(
    project: Project, docker_engine: Mapping[str, str], bases: Names, store: Path, tmp_path: Path
) -> None:
    folder = project.copy(tmp_path)
    docker = Docker(docker_engine, project, bases, folder)
    slow = next(line for line in (folder / OPTIMISED).read_text().splitlines() if line.startswith("RUN "))
    slow = slow.removesuffix("\\").strip()
    assert any(step.startswith(slow) for step in docker.build(OPTIMISED))
    docker.build("Dockerfile")

    project.edits[0].apply(folder)
    original, optimised = tmp_path / "original.tar", tmp_path / "optimised.tar"
    assert any(step.startswith(slow) for step in docker.build("Dockerfile", original))
    assert not any(step.startswith(slow) for step in docker.build(OPTIMISED, optimised))

    verdict = layerc("verify", f"--store={store}", f"oci-archive://{original}", f"oci-archive://{optimised}")
    assert verdict.status == 0, verdict.stdout + verdict.stderr
