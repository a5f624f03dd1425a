"""Builds of corpus/platforms for several platforms, by the real engine and by layerc: the same images and index."""

from __future__ import annotations

import json
import os
import subprocess
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from projects import ROOT, layerc
from treediff import compare_configs, compare_trees, layout, read_image

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


def with_docker(engine: Mapping[str, str], said: list[str], output: str) -> None:
    command = [engine["buildx"], *said, "--no-cache", "--provenance=false", f"--output={output}"]
    environment = {**os.environ, "DOCKER_HOST": engine["host"]}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr


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
    with_docker(docker_engine, said, f"type=oci,dest={theirs}")
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


def _name(platform: Mapping[str, str]) -> str:
    return "/".join(platform[key] for key in ("os", "architecture", "variant") if platform.get(key))
