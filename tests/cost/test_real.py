"""A small repository, built at each of its commits: the steps that run are those that the replay tells."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from projects import layerc

from layerc.compiler.cost.model import Model, replay
from layerc.compiler.options import CompileOptions, NamedContext
from layerc.grammar.source import SourceFile
from layerc.runtime.engine.build import opened
from layerc.runtime.engine.request import BuildRequest
from layerc.runtime.engine.rewriting import Known, known
from layerc.runtime.store import Store

pytestmark = pytest.mark.root

# What each step reads is different, so that each commit runs another set of them.
TEXT = """\
FROM busybox:latest AS build
WORKDIR /app
COPY . .
RUN cat deps.txt > /deps
RUN cat src/*.c > /program
RUN test -s src/b.c
RUN --mount=type=bind,source=docs,target=/docs cat /docs/guide /program > /all
FROM busybox:latest
COPY --from=build /deps /deps
COPY --link deps.txt /linked/
COPY --from=build /program /bin/program
RUN wc -c < /bin/program > /size
RUN ls /linked > /names
"""
# One commit each, after the first.
EDITS: tuple[Mapping[str, str | None], ...] = (
    {"src/a.c": "int a = 2;\n"},
    {"deps.txt": "two\n"},
    {"README.md": "nobody sees it\n"},
    {"src/c.c": "int c;\n", "src/b.c": "int b = 2;\n"},
    {"unread.txt": "in the context, read by nobody\n"},
    {"docs/guide": "another\n"},
    {"src/c.c": None, "deps.txt": "three\n"},
)
FIRST = {
    "Dockerfile": TEXT,
    ".dockerignore": ".git\n*.md\n",
    "src/a.c": "int a;\n",
    "src/b.c": "int b;\n",
    "deps.txt": "one\n",
    "docs/guide": "a guide\n",
    "README.md": "a project\n",
}


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=n", "-c", "user.email=n@example.org")
    subprocess.run(
        ["git", *identity, *words],
        cwd=folder,
        check=True,
        capture_output=True,
        env=os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
    )


def write(folder: Path, files: Mapping[str, str | None]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(text)


def at_each_commit(folder: Path) -> Iterator[None]:
    """Make the repository, commit by commit."""
    git(folder, "init", "--quiet")
    for files in (FIRST, *EDITS):
        write(folder, files)
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", "a change")
        yield


def words(base: Mapping[str, str], folder: Path) -> list[str]:
    return [
        "build",
        f"--build-context=busybox:latest=oci-layout://{base['layout']}:{base['tag']}",
        str(folder),
    ]


class Repository:
    """The folder at its last commit, what is known of it, and the steps that ran at each commit but the first."""

    def __init__(self, folder: Path, store: Path, base: Mapping[str, str]) -> None:
        self.folder = folder
        self.ran: list[set[str]] = []
        for _ in at_each_commit(folder):
            done = layerc(*words(base, folder), "--network=none", "--progress=plain", f"--store={store}")
            assert done.status == 0, done.stderr
            self.ran.append(ran_steps(done.stderr))
        del self.ran[0]
        place = NamedContext("busybox:latest", "image", f"oci-layout://{base['layout']}:{base['tag']}")
        request = BuildRequest(
            SourceFile("Dockerfile", TEXT),
            CompileOptions(contexts={"busybox:latest": place}, network="none"),
            dockerfile_path=str(folder / "Dockerfile"),
            context=str(folder),
        )
        with (
            Store.open(str(store)) as place_of_layers,
            opened(request, place_of_layers, lambda _: None) as (asked, images),
        ):
            self.known = known(asked, place_of_layers, images)


def ran_steps(log: str) -> set[str]:
    """The instructions that a plain log of layerc or of Docker tells to have run."""
    titles = dict(re.findall(r"^#(\d+) \[[^\]]*\d+/\d+\] (.*)$", log, re.MULTILINE))
    found = set(re.findall(r"^#(\d+) CACHED", log, re.MULTILINE))
    return {
        title for number, title in titles.items() if number not in found and not title.startswith("FROM ")
    }


def told(known: Known, model: Model) -> list[set[str]]:
    """The instructions of which the replay says that they run, at each commit."""
    titles = {layer.id: layer.provenance.title for layer in known.plan.layers}
    found = replay(known.plan, known.facts, model)
    return [{titles[layer] for layer in rebuild.steps} for rebuild in reversed(found)]


@pytest.fixture(scope="module")
def repository(
    bases: Mapping[str, Mapping[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Repository:
    folder = tmp_path_factory.mktemp("repository")
    return Repository(folder, tmp_path_factory.mktemp("store"), bases["busybox:latest"])


def test_layerc_runs_what_is_told(repository: Repository) -> None:
    assert told(repository.known, "layerc") == repository.ran


@pytest.mark.engine
def test_docker_runs_what_is_told(
    repository: Repository,
    docker_engine: Mapping[str, str],
    bases: Mapping[str, Mapping[str, str]],
    tmp_path: Path,
) -> None:
    ran: list[set[str]] = []
    base = bases["busybox:latest"]
    for _ in at_each_commit(tmp_path):
        done = subprocess.run(
            [docker_engine["buildx"], *words(base, tmp_path), "--network=none", "--progress=plain"],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"DOCKER_HOST": docker_engine["host"]},
        )
        assert done.returncode == 0, done.stderr
        ran.append(ran_steps(done.stderr))
    assert told(repository.known, "classic") == ran[1:]
