"""Options that change what is written besides the files: the same as the real engine's, place for place."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from projects import layerc

pytestmark = [pytest.mark.root, pytest.mark.engine]

NOTES = ("--annotation", "a=1", "--annotation", "manifest-descriptor,manifest:b=2")
EACH = (
    *NOTES,
    *("--annotation", "index:c=3", "--annotation", "index-descriptor:d=4"),
    *("--annotation", "manifest[linux/arm64],manifest-descriptor[linux/amd64]:e=5"),
)


def documents(archive: Path) -> list[Any]:
    """What tells of images in a layout, without what differs from build to build."""
    with tarfile.open(archive) as tar:

        def read(name: str) -> Any:
            file = tar.extractfile(name)
            assert file is not None
            return json.load(file)

        found = []
        todo = [read("index.json")]
        while todo:
            document = todo.pop(0)
            entries = document.get("manifests", ())
            todo += [read("blobs/" + entry["digest"].replace(":", "/")) for entry in entries]
            found.append(plain(document))
        return found


def plain(value: Any) -> Any:
    """Without digests and sizes, which the files' times decide, and without times."""
    if isinstance(value, dict):
        left_out = ("digest", "size", "created")
        return {key: plain(item) for key, item in sorted(value.items()) if not key.endswith(left_out)}
    return [plain(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("words", "output"),
    [
        (NOTES, "oci"),
        (NOTES[:2], "docker"),
        ((*EACH, "--platform=linux/amd64,linux/arm64"), "oci"),
        ((*NOTES, "--annotation", "index:c=3", "--build-arg=BUILDKIT_MULTI_PLATFORM=1"), "oci"),
    ],
)
def test_the_same_manifests(
    words: tuple[str, ...], output: str, docker_engine: Mapping[str, str], tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /a\nCOPY Dockerfile /b\n")
    common = ["build", *words, "-t", "app:v1", "-t", "other"]
    command = [docker_engine["buildx"], *common, "--provenance=false", "--metadata-file=theirs.json"]
    environment = {**os.environ, "DOCKER_HOST": docker_engine["host"]}
    subprocess.run(
        [*command, f"-otype={output},dest=theirs.tar", "."],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=True,
    )
    words = (*common, f"--store={tmp_path}/store", "--metadata-file=ours.json")
    built = layerc(*words, f"-otype={output},dest=ours.tar", ".", cwd=tmp_path)
    assert built.status == 0, built.stderr

    assert documents(tmp_path / "ours.tar") == documents(tmp_path / "theirs.tar")
    ours, theirs = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("ours", "theirs"))
    theirs = {key: value for key, value in theirs.items() if not key.startswith("buildx.build")}
    assert [*sorted(ours)] == [*sorted(theirs)]
    assert plain(ours) == plain(theirs)
    assert ours["containerimage.digest"] == ours["containerimage.descriptor"]["digest"]
