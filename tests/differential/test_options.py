"""Options that change what is written besides the files: the same as the real engine's, place for place."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from projects import layerc
from treediff import compare_configs, compare_trees, read_image

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


SSH = """\
FROM busybox:latest
RUN --mount=type=ssh echo $SSH_AUTH_SOCK > /one; stat -c '%F %a %u %g' $SSH_AUTH_SOCK >> /one; ls -a /run/* >> /one
RUN --mount=type=ssh,id=key --mount=type=ssh,id=other,mode=0640,uid=7,gid=8 --mount=type=ssh,id=key,target=/a/b \
    stat -c '%n %F %a %u %g' /run/buildkit/* /a/b > /two; echo $SSH_AUTH_SOCK >> /two
RUN --mount=type=ssh,id=nobody echo $SSH_AUTH_SOCK > /three; test ! -e /run
ENV SSH_AUTH_SOCK=/mine
RUN --mount=type=ssh echo $SSH_AUTH_SOCK > /four
RUN --mount=type=ssh,target=deep/er ls /deep > /five; echo $SSH_AUTH_SOCK >> /five
"""


def test_the_same_sockets(
    docker_engine: Mapping[str, str], bases: Mapping[str, Mapping[str, str]], tmp_path: Path
) -> None:
    for name in ("one", "two"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    (tmp_path / "Dockerfile").write_text(SSH)
    base = bases["busybox:latest"]
    common = [
        "build",
        "--network=none",
        f"--build-context=busybox:latest=oci-layout://{base['layout']}:{base['tag']}",
    ]
    common += ["--ssh=default=one", "--ssh", "key=one,two", "--ssh=other=two", "."]
    began = time.time()
    environment = {**os.environ, "DOCKER_HOST": docker_engine["host"]}
    command = [
        docker_engine["buildx"],
        *common,
        "--provenance=false",
        "--no-cache",
        "-otype=oci,dest=theirs.tar",
    ]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    built = layerc(*common, f"--store={tmp_path}/store", "-otype=oci,dest=ours.tar", cwd=tmp_path)
    assert built.status == 0, built.stderr
    theirs, ours = read_image(tmp_path / "theirs.tar"), read_image(tmp_path / "ours.tar")
    found = compare_trees(theirs.tree, ours.tree, (began, began)) + compare_configs(
        theirs.config, ours.config
    )
    assert not found, "\n".join(map(str, found))
