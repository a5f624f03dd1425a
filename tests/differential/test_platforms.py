"""Builds of corpus/platforms for several platforms, by the real engine and by layerc: the same images and index."""

from __future__ import annotations

import json
import os
import subprocess
import time
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from projects import ROOT, layerc
from registries import docker_registry
from treediff import compare_configs, compare_trees, layout, read_image

from layerc.runtime.oci.platforms import host_platform

pytestmark = [pytest.mark.root, pytest.mark.engine]

CASES = sorted(path for path in (ROOT / "corpus" / "platforms").iterdir() if path.is_dir())
BASE = "busybox:1.35"


def words(case: Path, bases: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What says what to build, the same for both."""
    given = tomllib.loads((case / "case.toml").read_text())
    place, tag = bases[BASE]["layout"], bases[BASE]["tag"]
    image = f"{place}@{digest_of(Path(place), given['base'])}" if "base" in given else f"{place}:{tag}"
    said = ["build", str(case), f"--build-context={BASE}=oci-layout://{image}", "--network=none"]
    said += [f"--platform={given['platforms']}"] if "platforms" in given else []
    return [*said, *(f"--build-arg={key}={value}" for key, value in given.get("arguments", {}).items())]


def digest_of(place: Path, platform: str) -> str:
    """The one image for ``platform`` in a layout with an index of several."""
    index = read_document(place, read_document(place, "index.json")["manifests"][0]["digest"])
    (digest,) = [item["digest"] for item in index["manifests"] if _name(item["platform"]) == platform]
    return str(digest)


def read_document(place: Path, name: str) -> Any:
    with layout(place) as blobs, blobs.open(name.replace("sha256:", "blobs/sha256/")) as file:
        return json.load(file)


def with_docker(engine: Mapping[str, str], said: list[str], output: str) -> subprocess.CompletedProcess[str]:
    command = [engine["buildx"], *said, "--no-cache", "--provenance=false", f"--output={output}"]
    environment = {**os.environ, "DOCKER_HOST": engine["host"]}
    command.append("--progress=plain")
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def root_of(archive: Path) -> tuple[str, list[dict[str, Any]]]:
    """What the archive's only name leads to: its media type, and the platforms of an index."""
    (entry,) = read_document(archive, "index.json")["manifests"]
    document = read_document(archive, entry["digest"])
    return entry["mediaType"], [item["platform"] for item in document.get("manifests", ())]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_images(
    case: Path, docker_engine: Mapping[str, str], bases: Mapping[str, Mapping[str, str]], tmp_path: Path
) -> None:
    began = time.time()
    said = words(case, bases)
    theirs, ours = tmp_path / "docker.tar", tmp_path / "layerc.tar"
    done = with_docker(docker_engine, said, f"type=oci,dest={theirs}")
    assert done.returncode == 0, done.stderr
    built = layerc(*said, f"--store={tmp_path / 'store'}", f"--output=type=oci,dest={ours}")
    assert built.status == 0, built.stderr
    assert root_of(ours) == root_of(theirs)
    _, platforms = root_of(ours)
    found = []
    for name in [_name(platform) for platform in platforms] or [""]:
        left, right = read_image(theirs, name), read_image(ours, name)
        found += [(name, str(item)) for item in compare_trees(left.tree, right.tree, (began, began))]
        found += [(name, str(item)) for item in compare_configs(left.config, right.config)]
    assert found == []


@pytest.fixture(scope="module")
def registry(
    bases: Mapping[str, Mapping[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A registry with the base as ``base:several``, and that for arm/v7 alone as ``base:arm``."""
    source = f"oci:{bases[BASE]['layout']}:{bases[BASE]['tag']}"
    with docker_registry(tmp_path_factory.mktemp("registry")) as host:
        for name, words in (("several", ["--all"]), ("arm", [])):
            command = ["skopeo", "--override-arch=arm", "--override-variant=v7", "copy", *words]
            command += ["--dest-tls-verify=false", source, f"docker://{host}/base:{name}"]
            subprocess.run(command, capture_output=True, check=True)
        yield host


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], str(host_platform())),
        (["--platform=linux/amd64"], "linux/amd64"),
        (["--platform=linux/arm/v7"], ""),
    ],
    ids=["implicit", "another", "its own"],
)
def test_a_base_for_another_platform(
    words: list[str], expected: str, registry: str, docker_engine: Mapping[str, str], tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {registry}/base:arm\nLABEL a=b\n")
    theirs, ours = tmp_path / "docker.tar", tmp_path / "layerc.tar"
    said = ["build", str(tmp_path), *words]
    done = with_docker(docker_engine, said, f"type=oci,dest={theirs}")
    built = layerc(*said, f"--store={tmp_path / 'store'}", f"--output=type=oci,dest={ours}")
    assert (done.returncode, built.status) == (0, 0), done.stderr + built.stderr
    warning = (
        f'Base image {registry}/base:arm was pulled with platform "linux/arm/v7", '
        f'expected "{expected}" for current build'
    )
    assert [warning in text for text in (done.stderr, built.stderr)] == [bool(expected)] * 2
    assert compare_configs(read_image(theirs).config, read_image(ours).config) == []


def test_a_platform_that_the_base_has_not(
    registry: str, docker_engine: Mapping[str, str], tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {registry}/base:several\nLABEL a=b\n")
    said = ["build", str(tmp_path), "--platform=linux/amd64,linux/s390x"]
    done = with_docker(docker_engine, said, f"type=oci,dest={tmp_path / 'docker.tar'}")
    assert done.returncode
    assert "no match for platform in manifest" in done.stderr
    built = layerc(
        *said, f"--store={tmp_path / 'store'}", f"--output=type=oci,dest={tmp_path / 'layerc.tar'}"
    )
    assert built.status == 4
    assert "has no image for linux/s390x" in built.stderr
    assert "it has: linux/386, linux/amd64, linux/arm/v7, linux/arm64" in built.stderr
    assert "Dockerfile:1:6" in built.stderr


def _name(platform: Mapping[str, str]) -> str:
    return "/".join(platform[key] for key in ("os", "architecture", "variant") if platform.get(key))
