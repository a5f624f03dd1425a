"""Programs that we did not write accept our images, and see in them what we meant."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from projects import Podman, Project, layerc, layerc_arguments, load_projects
from treediff import compare_trees, read_directory, read_image

Bases = Mapping[str, Mapping[str, str]]
PROJECTS = {project.name: project for project in load_projects()}

pytestmark = [pytest.mark.root, pytest.mark.engine]


@pytest.fixture
def project(request: pytest.FixtureRequest) -> Project:
    """One with an interpreter, many kinds of files and whiteouts, unless a test asks for another."""
    return PROJECTS[getattr(request, "param", "file-zoo")]


@pytest.fixture
def image(project: Project, bases: Bases, store: Path, tmp_path: Path) -> Path:
    """The folder that holds the project's image as ``layout``, ``oci.tar`` and ``docker.tar``."""
    outputs = ("type=oci-layout,dest=layout", "type=oci,dest=oci.tar", "type=docker,dest=docker.tar")
    words = layerc_arguments(project, bases)
    words += [f"--store={store}", "--tag=example/zoo:v1", *(f"--output={output}" for output in outputs)]
    built = layerc(*words, cwd=tmp_path)
    assert built.status == 0, built.stderr
    return tmp_path


def run(*words: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_skopeo_inspects_and_copies(image: Path) -> None:
    seen = json.loads(run("skopeo", "inspect", f"oci:{image}/layout"))
    config = json.loads(run("skopeo", "inspect", "--config", "--raw", f"oci-archive:{image}/oci.tar"))
    assert len(seen["Layers"]) == len(config["rootfs"]["diff_ids"])
    assert seen["Env"] == config["config"]["Env"]
    run("skopeo", "copy", "--all", f"oci-archive:{image}/oci.tar", f"oci:{image}/copy:v1")
    run("skopeo", "copy", f"docker-archive:{image}/docker.tar", f"dir:{image}/dir")
    ours, copied = read_image(image / "layout"), read_image(f"{image}/copy:v1")
    assert (ours.layers, ours.config) == (copied.layers, copied.config)


@pytest.mark.parametrize("project", ["file-zoo", "archives", "copy-rules"], indirect=True)
def test_umoci_unpacks_the_same_files(image: Path) -> None:
    run("skopeo", "copy", f"oci-archive:{image}/oci.tar", f"oci:{image}/tagged:v1")
    run("umoci", "unpack", "--image", f"{image}/tagged:v1", image / "bundle")
    meant, unpacked = read_image(image / "layout").tree, read_directory(image / "bundle/rootfs")
    assert not compare_trees(meant, unpacked)


def test_podman_loads_and_runs(image: Path, project: Project, podman: Podman) -> None:
    program = project.images[0].programs[0]
    for archive in ("oci.tar", "docker.tar"):
        loaded = podman("load", "--input", str(image / archive))
        assert loaded.returncode == 0, loaded.stderr
        assert "example/zoo:v1" in loaded.stdout
        ran = podman(
            "run", "--rm", "--network=none", *podman.limits, "docker.io/example/zoo:v1", *program.arguments
        )
        assert (ran.stdout, ran.returncode) == (program.stdout, 0), ran.stderr
        podman("rmi", "--force", "docker.io/example/zoo:v1")


@pytest.mark.parametrize("archive", ["docker.tar", "oci.tar"])
def test_docker_loads_and_runs(
    image: Path, project: Project, docker_engine: Mapping[str, str], archive: str
) -> None:
    docker = (docker_engine["docker"], "--host", docker_engine["host"])
    program = project.images[0].programs[0]
    assert "example/zoo:v1" in run(*docker, "load", "--input", image / archive)
    try:
        assert (
            run(*docker, "run", "--rm", "--network=none", "example/zoo:v1", *program.arguments)
            == program.stdout
        )
        theirs = json.loads(run(*docker, "image", "inspect", "example/zoo:v1"))[0]
    finally:
        run(*docker, "image", "rm", "--force", "example/zoo:v1")
    config = read_image(image / "layout").config
    assert theirs["RootFS"]["Layers"] == config["rootfs"]["diff_ids"]
    assert theirs["Config"]["Env"] == config["config"]["Env"]
