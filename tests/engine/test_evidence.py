"""What is known of a plan: from earlier builds, the files of its contexts, and their history."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tiny import TinyProject

from layerc.compiler.effects.paths import Writes
from layerc.compiler.graph.plan import LayerPlan
from layerc.compiler.optimize.facts import ContextFile, Facts, Observation
from layerc.compiler.options import CompileOptions, NamedContext
from layerc.runtime.engine.build import compile_only
from layerc.runtime.engine.evidence import gather
from layerc.runtime.engine.manifest_files import is_manifest
from layerc.runtime.store import Store

TEXT = (
    "FROM base\nCOPY . /src\nRUN cat /src/package.json > /made; echo /src/lib/* > /dev/null; rm -r /src/old\n"
    "RUN --mount=type=bind,source=lib,target=/m --mount=type=bind,source=one,target=/one cat /m/used /one\n"
    "RUN test ! -e /missing\n"
)


def known(project: TinyProject, text: str = TEXT, **changes: object) -> tuple[LayerPlan, Facts]:
    request = project.request(text, **changes)
    with Store.open(str(project.home)) as store:
        plan = compile_only(request, store, lambda _: None)
        return plan, gather(request, plan, store)


def of(plan: LayerPlan, facts: Facts, title: str) -> Observation:
    (layer,) = (layer for layer in plan.layers if layer.provenance.title.startswith(title))
    return facts.observed[layer.id]


@pytest.fixture
def project(tmp_path: Path) -> TinyProject:
    made = TinyProject(tmp_path)
    for name in ("package.json", "lib/used", "lib/other", "old/x", "one", "ignored/y"):
        made.write(name, f"{name}\n")
    made.write(".dockerignore", "ignored\n.git\n")
    return made


@pytest.mark.root
def test_what_a_build_showed_of_its_steps(project: TinyProject) -> None:
    project.build(TEXT)
    plan, facts = known(project)
    copy = of(plan, facts, "COPY . /src")
    assert copy.writes is not None
    assert {"/src/package.json", "/src/lib/used"} <= copy.writes.names
    assert copy.size is not None
    assert copy.size >= len("package.json\n")
    step = of(plan, facts, "RUN cat")
    assert step.reads is not None
    assert {"/src/package.json", "/bin/sh"} <= step.reads.names
    assert "/src/lib/used" not in step.reads.names
    assert "/src/lib" in step.reads.lists
    assert step.writes == Writes(names=frozenset({"/made", "/src/old"}))
    assert step.seconds is not None
    assert 0 < step.seconds < 10
    absent = of(plan, facts, "RUN test")
    assert absent.reads is not None
    assert "/missing" in absent.reads.names
    assert absent.writes == Writes()
    assert absent.size == 0


@pytest.mark.root
def test_mounted_files_are_told_by_their_place_in_the_context(project: TinyProject) -> None:
    project.build(TEXT)
    plan, facts = known(project)
    step = of(plan, facts, "RUN --mount")
    assert step.mounted is not None
    folder, file = step.mounted
    assert "/lib/used" in folder.names
    assert "/lib/other" not in folder.names
    assert "/one" in file.names
    assert step.reads is not None
    assert "/lib/used" not in step.reads.names


@pytest.mark.root
def test_what_was_not_traced_is_not_known_to_be_read(project: TinyProject) -> None:
    project.build(TEXT, traced=False)
    plan, facts = known(project)
    step = of(plan, facts, "RUN cat")
    assert step.reads is None
    assert step.mounted is None
    assert step.writes == Writes(names=frozenset({"/made", "/src/old"}))
    assert step.seconds is not None


@pytest.mark.root
def test_links_and_plain_directories_of_a_base(project: TinyProject, tmp_path: Path) -> None:
    root = tmp_path / "root"
    for name in ("usr/bin", "odd"):
        (root / name).mkdir(parents=True)
        (root / name).chmod(0o755)
    (root / "odd").chmod(0o700)
    (root / "bin").symlink_to("usr/bin")
    (root / "usr" / "local").symlink_to("../odd")
    options = CompileOptions(contexts={"os": NamedContext("os", "image", str(root))})
    text = "FROM os\nCOPY one /\n"
    project.build(text, options=options)
    _, facts = known(project, text, options=options)
    (links,) = facts.links.values()
    assert links == {"/bin": "/usr/bin", "/usr/local": "/odd"}
    (directories,) = facts.directories.values()
    assert directories == {"/", "/usr", "/usr/bin"}


def test_nothing_is_known_of_what_was_never_built(project: TinyProject) -> None:
    _, facts = known(project)
    assert facts.observed == {}
    assert facts.commits == ()
    assert facts.unknown == ("which files change together: it lies in no git repository",)


def test_the_files_of_contexts_as_a_build_sees_them(project: TinyProject, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "link").symlink_to("/somewhere")
    os.mkfifo(other / "pipe")
    contexts = {"named": NamedContext("named", "local", str(other))}
    _, facts = known(project, options=CompileOptions(contexts=contexts))
    paths = {file.path: file.kind for file in facts.contexts[""]}
    assert paths["lib"] == "directory"
    assert paths["lib/used"] == "file"
    assert not any(path.startswith("ignored") for path in paths)
    assert facts.contexts["named"] == (ContextFile("link", "symlink", 0, "/somewhere"),)
    assert facts.manifests == {"package.json": b"package.json\n"}


def test_a_context_that_is_not_there_is_not_known(project: TinyProject, tmp_path: Path) -> None:
    contexts = {"named": NamedContext("named", "local", str(tmp_path / "nothing"))}
    _, facts = known(project, options=CompileOptions(contexts=contexts))
    assert set(facts.contexts) == {""}
    assert any("named" in text for text in facts.unknown)


def test_commits_are_those_of_what_a_build_sees(project: TinyProject) -> None:
    def git(*words: str) -> None:
        identity = ("-c", "user.name=n", "-c", "user.email=n@example.org")
        subprocess.run(["git", *identity, *words], cwd=project.context, check=True, capture_output=True)

    git("init", "--quiet")
    for content in ("1", "2"):
        project.write("lib/used", content)
        project.write("ignored/y", content)
        git("add", "--all")
        git("commit", "--quiet", "--message", content)
    project.write("ignored/y", "3")
    git("commit", "--quiet", "--all", "--message", "3")
    _, facts = known(project)
    assert [commit.paths for commit in facts.commits] == [(), ("lib/used",)]
    # A repository that lies in the context changes with each commit.
    project.write(".dockerignore", "ignored\n")
    _, facts = known(project)
    assert [commit.paths for commit in facts.commits] == [(".git/index",), ("lib/used", ".git/index")]


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("go.mod", True),
        ("web/yarn.lock", True),
        ("requirements/base.in", True),
        ("src/App.csproj", True),
        ("node_modules/x/package.json", False),
        ("requirements.md", False),
        ("main.go", False),
        (".npmrc", False),  # it may hold a token
    ],
)
def test_manifests_are_known_by_name_and_place(path: str, is_one: bool) -> None:
    assert is_manifest(path) is is_one
