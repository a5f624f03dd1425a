"""COPY --link as the optimiser writes it: the same files as without, here and in a real BuildKit; and what would not be
the same is left alone.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from projects import layerc
from treediff import compare_trees, read_image

pytestmark = pytest.mark.root

Names = Mapping[str, Mapping[str, str]]

SETUP = """\
FROM busybox:latest AS tools
RUN mkdir -p /out/bin && echo tool > /out/bin/tool && chmod 750 /out/bin && ln -s bin/tool /out/tool

FROM busybox:latest
COPY pages /srv/pages/
"""
EQUAL = """\
COPY conf /etc/app.conf
COPY conf /usr/share/new/
COPY tree/ /opt/tree/
COPY tree /var/tree
COPY --from=tools /out/ /usr/local/tools/
WORKDIR /app
COPY conf .
COPY --from=tools /out /app/tools
COPY --chown=0:0 conf /app/owned/
"""
OTHER = """\
COPY conf /tmp/
COPY conf /root/file
COPY conf /opt
COPY --chown=7:7 conf /usr/share/new/mine
COPY --chmod=600 conf /usr/share/new/
COPY --from=tools /out /app
COPY tree/ /
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    for path, text in {"pages/1": "1", "pages/2": "2", "conf": "c", "tree/sub/t": "t"}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / "tree" / "link").symlink_to("sub")
    (folder / "tree" / "sub").chmod(0o700)
    (folder / "Dockerfile").write_text(SETUP + EQUAL + OTHER)
    return folder


def base(bases: Names) -> str:
    found = bases["busybox:latest"]
    return f"--build-context=busybox:latest=oci-layout://{found['layout']}:{found['tag']}"


@pytest.fixture
def optimised(folder: Path, bases: Names, tmp_path: Path) -> Path:
    """The file with linked copies, proven by building both."""
    words = [f"--store={tmp_path / 'store'}", base(bases), str(folder)]
    assert layerc("build", "--quiet", *words).status == 0  # so that the base's files are known
    done = layerc("optimize", "--only=copy-link", "--verify", *words)
    assert done.status == 0, done.stderr
    path = folder / "optimised.Dockerfile"
    path.write_text(done.stdout)
    return path


def test_what_is_linked_gives_the_same_files(optimised: Path) -> None:
    linked = EQUAL.replace("COPY", "COPY --link")
    assert optimised.read_text() == SETUP + linked + OTHER


@pytest.mark.engine
def test_so_it_does_in_buildkit(
    optimised: Path, docker_engine: Mapping[str, str], bases: Names, tmp_path: Path
) -> None:
    trees = []
    for file in ("Dockerfile", "optimised.Dockerfile"):
        archive = tmp_path / f"{file}.tar"
        command = [docker_engine["buildx"], "build", str(optimised.parent), base(bases), "--network=none"]
        command += [
            "--provenance=false",
            f"--file={optimised.parent / file}",
            f"--output=type=oci,dest={archive}",
        ]
        environment = {**os.environ, "DOCKER_HOST": docker_engine["host"]}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        trees.append(read_image(archive).tree)
    assert compare_trees(*trees) == []
    assert "app/tools/bin/tool" in trees[0]
