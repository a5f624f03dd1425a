"""Bit for bit the same images from SOURCE_DATE_EPOCH, whenever, wherever and in whatever order they are built."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from projects import layerc, layerc_arguments, load_projects

pytestmark = pytest.mark.root

EPOCH = 1_700_000_000
PROJECTS = ("archives", "c-make")
# What those lack: heredocs, triggers, files that steps make in no particular order.
DOCKERFILE = """\
FROM busybox:latest AS framework
ONBUILD COPY --chmod=640 . /context
ONBUILD RUN mkdir /made && for name in d b a c; do echo $name > /made/$name; done; ln /made/a /made/e
FROM framework AS one
RUN <<EOF
date > /dev/null
echo "$NAME" > /one
EOF
FROM framework AS two
WORKDIR /two/is/here
FROM busybox:latest
COPY --from=one / /
COPY --from=two --link /two /two
COPY <<EOF /inline
text
EOF
RUN rm /made/b && chown 5:6 /made/c
LABEL a=b
"""


def build(words: list[str], folder: Path, jobs: int) -> dict[str, str]:
    """Digests of all that is written by a build in a store of its own, and what it prints."""
    folder.mkdir()
    outputs = {
        "oci": f"type=oci,dest={folder}/oci",
        "docker": f"type=docker,dest={folder}/docker",
        "tar": f"type=tar,dest={folder}/tar",
    }
    given = [f"--output={output}" for output in outputs.values()]
    built = layerc(
        *words,
        f"--store={folder}/store",
        f"--jobs={jobs}",
        "--network=none",
        "--quiet",
        "--tag=app:1",
        *given,
        environment={"SOURCE_DATE_EPOCH": str(EPOCH)},
    )
    assert built.status == 0, built.stderr
    found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in outputs}
    return {**found, "id": built.stdout}


@pytest.mark.parametrize("name", PROJECTS)
def test_two_stores_give_equal_bytes(
    name: str, bases: Mapping[str, Mapping[str, str]], tmp_path: Path
) -> None:
    project = next(project for project in load_projects() if project.path.name == name)
    case = project.images[0]
    words = layerc_arguments(project, bases, target=case.target, arguments=case.arguments)
    first = build(words, tmp_path / "first", jobs=1)
    assert build(words, tmp_path / "second", jobs=8) == first


def test_all_kinds_of_steps_give_equal_bytes(bases: Mapping[str, Mapping[str, str]], tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(DOCKERFILE)
    base = bases["busybox:latest"]
    named = f"busybox:latest=oci-layout://{base['layout']}:{base['tag']}"
    words = ["build", str(context), f"--build-context={named}"]
    first = build(words, tmp_path / "first", jobs=1)
    os.utime(context / "Dockerfile")
    assert build(words, tmp_path / "second", jobs=8) == first


def test_files_that_are_older_keep_their_times(tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM scratch\nWORKDIR /made\nCOPY . .\nENV a=b\n")

    def built(name: str, time: int) -> dict[str, str]:
        os.utime(context / "Dockerfile", (time, time))
        return build(["build", str(context)], tmp_path / name, jobs=1)

    first = built("first", EPOCH)
    assert built("second", EPOCH + 5) == first
    older = built("third", EPOCH - 5)
    assert older["tar"] == first["tar"]
    assert older["oci"] != first["oci"]
