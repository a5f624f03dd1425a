"""SOURCE_DATE_EPOCH: the times that the real engine and layerc write into configs, layers and file trees."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from projects import layerc
from treediff import Image, read_directory, read_image

pytestmark = [pytest.mark.root, pytest.mark.engine]

EPOCH = 1_600_000_000
BEFORE, AFTER = EPOCH - 1_000, EPOCH + 1_000
DOCKERFILE = """\
FROM busybox:latest
ARG SOURCE_DATE_EPOCH
LABEL title=times
WORKDIR /made/above
COPY old new /copied/
COPY <<EOF /inline
text
EOF
RUN echo "$SOURCE_DATE_EPOCH" > /told && echo more >> /copied/old && mkdir /made/by-run
CMD ["sh"]
"""
# How SOURCE_DATE_EPOCH reaches the build: options and environment.
WAYS = {
    "option": (["--build-arg", f"SOURCE_DATE_EPOCH={EPOCH}"], {}),
    "environment": ([], {"SOURCE_DATE_EPOCH": str(EPOCH)}),
    "option over environment": (
        ["--build-arg", f"SOURCE_DATE_EPOCH={EPOCH}"],
        {"SOURCE_DATE_EPOCH": "1"},
    ),
    "empty": (["--build-arg", "SOURCE_DATE_EPOCH="], {"SOURCE_DATE_EPOCH": "1"}),
}


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    folder.mkdir()
    for name, time in (("old", BEFORE), ("new", AFTER)):
        (folder / name).write_text(name)
        os.utime(folder / name, (time, time))
    return folder


class Builders:
    """Both builders, each with the same words; the images that they write."""

    def __init__(self, engine: Mapping[str, str], base: Mapping[str, str], folder: Path) -> None:
        self.engine = engine
        self.base = ["--build-context", f"busybox:latest=oci-layout://{base['layout']}:{base['tag']}"]
        self.folder = folder

    def build(self, words: Sequence[str], environment: Mapping[str, str], output: str) -> tuple[str, str]:
        """Where each has written ``output``, whose destination has a place for a name."""
        theirs, ours = (str(self.folder / name) for name in ("theirs", "ours"))
        given = [*words, *self.base, "--network=none", "--no-cache"]
        done = subprocess.run(
            [self.engine["buildx"], "build", *given, "--provenance=false", "-o", output.format(theirs)],
            capture_output=True,
            text=True,
            env={**os.environ, "DOCKER_HOST": self.engine["host"], **environment},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        store = f"--store={self.folder / 'store'}"
        built = layerc("build", *given, store, "-o", output.format(ours), environment=environment)
        assert built.status == 0, built.stderr
        return theirs, ours


@pytest.fixture
def builders(
    docker_engine: Mapping[str, str], bases: Mapping[str, Mapping[str, str]], tmp_path: Path
) -> Builders:
    return Builders(docker_engine, bases["busybox:latest"], tmp_path)


def told_times(image: Image) -> dict[str, Any]:
    """What the config says of times, with the instruction that each belongs to."""
    lines = [(item.get("created_by"), item.get("created")) for item in image.config["history"]]
    return {"created": image.config.get("created"), "history": lines}


def file_times(image: Image) -> dict[str, float]:
    """Whole seconds of what the build made, directories (which Docker repeats) left out."""
    made = ("copied/old", "copied/new", "inline", "told")
    return {path: image.tree[path].mtime for path in made}


@pytest.mark.parametrize("way", [name for name in WAYS if name != "empty"])
def test_the_same_times_in_the_config(builders: Builders, context: Path, way: str) -> None:
    words, environment = WAYS[way]
    (context / "Dockerfile").write_text(DOCKERFILE)
    theirs, ours = builders.build([*words, str(context)], environment, "type=oci,dest={}")
    left, right = read_image(theirs), read_image(ours)
    assert told_times(right) == told_times(left)
    assert told_times(right)["created"] == "2020-09-13T12:26:40Z"


def test_an_empty_value_is_none(builders: Builders, context: Path) -> None:
    words, environment = WAYS["empty"]
    (context / "Dockerfile").write_text(DOCKERFILE)
    theirs, ours = builders.build([*words, str(context)], environment, "type=oci,dest={}")
    for image in map(read_image, (theirs, ours)):
        assert told_times(image)["created"] > "2026"


@pytest.mark.parametrize("rewrite", [False, True], ids=["as made", "rewritten"])
def test_the_same_times_of_files(builders: Builders, context: Path, rewrite: bool) -> None:
    (context / "Dockerfile").write_text(DOCKERFILE)
    words, environment = WAYS["option"]
    theirs, ours = builders.build(
        [*words, str(context)], environment, f"type=oci,dest={{}},rewrite-timestamp={rewrite}".lower()
    )
    left, right = read_image(theirs), read_image(ours)
    clamped = [
        {path: min(time, EPOCH) for path, time in file_times(image).items()} for image in (left, right)
    ]
    assert clamped[0] == clamped[1]
    late = [{path for path, time in file_times(image).items() if time > EPOCH} for image in (left, right)]
    assert late[0] == late[1] == (set() if rewrite else {"copied/old", "copied/new", "inline", "told"})
    for path in ("made", "made/above"):  # WORKDIR makes them with that time in any case
        assert right.tree[path].mtime == EPOCH
    assert left.tree["made/above"].mtime == EPOCH
    base = read_image(f"{builders.base[1].partition('//')[2].rpartition(':')[0]}")
    assert right.config["rootfs"]["diff_ids"][0] == base.config["rootfs"]["diff_ids"][0]


def test_the_same_times_of_a_tree(builders: Builders, context: Path) -> None:
    (context / "Dockerfile").write_text(DOCKERFILE)
    words, environment = WAYS["option"]
    for tree in builders.build([*words, str(context)], environment, "type=local,dest={}"):
        nodes = read_directory(tree)
        assert {node.mtime for path, node in nodes.items() if path} == {EPOCH}
