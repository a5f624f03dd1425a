"""Build contexts that are no directory: archives, git repositories and URLs, built by Docker and by layerc."""

from __future__ import annotations

import fnmatch
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from projects import ROOT
from served import git, serve_git, serve_web
from treediff import Difference, compare_configs, compare_trees, read_image

pytestmark = [pytest.mark.root, pytest.mark.engine]


@dataclass(frozen=True)
class Case:
    """``words`` say what to build; ``{web}`` and ``{git}`` stand for servers, ``{here}`` for the directory with
    the files. ``input`` is a file for standard input. ``refused`` is what layerc says of what both refuse.
    ``differs`` are paths that may differ, each with its heading in docs/differences.md.
    """

    name: str
    words: str
    input: str = ""
    refused: str = ""
    differs: Mapping[str, str] = field(default_factory=dict)


GIT = "Git repositories"
SUBMODULE = {"all/vendor/lib/.git": GIT}

IMAGES = [
    *(Case(f"archive-{kind}", "-", f"context.tar{kind}") for kind in ("", ".gz", ".bz2", ".xz")),
    Case("archive-file-in-it", "-f sub/Other -", "context.tar"),
    Case("dockerfile-on-standard-input", "-", "Inline"),
    Case("url-archive", "{web}/context.tar.gz"),
    Case("url-archive-file-in-it", "-f sub/Other {web}/context.tar"),
    Case("url-archive-file-on-standard-input", "-f - {web}/context.tar", "Everything"),
    Case("url-archive-file-of-this-machine", "-f {here}/Everything {web}/context.tar"),
    Case("url-dockerfile", "{web}/Everything"),
    Case("url-dockerfile-for-directory", "-f {web}/Everything {here}/tree"),
    Case("git-daemon", "{git}/app.git"),
    Case("git-web", "{web}/app.git"),
    Case("git-branch", "{web}/app.git#other"),
    Case("git-subdirectory", "{web}/app.git#v1:deep"),
    Case("git-query", "{git}/app.git?ref=v1&subdir=deep"),
    Case("git-tag-and-checksum", "{git}/app.git?tag=v1&checksum={commit}"),
    Case("git-submodule", "{git}/app.git#with-lib", differs=SUBMODULE),
    Case("git-submodule-web", "{web}/app.git#with-lib", differs=SUBMODULE),
    Case("git-no-submodules", "{git}/app.git?submodules=false&ref=with-lib"),
    Case("git-file-in-it", "-f sub/Other {git}/app.git#v1"),
    Case("git-file-above-the-subdirectory", "-f ../Dockerfile {git}/app.git#v1:deep"),
    Case("git-file-on-standard-input", "-f - {git}/app.git#v1", "Everything"),
    Case("git-keep-in-subdirectory", "--build-arg BUILDKIT_CONTEXT_KEEP_GIT_DIR=1 {git}/app.git#v1:deep"),
    Case("named-git", "-f {here}/Named --build-context named={git}/app.git#v1:deep {here}/tree"),
    Case(
        "named-git-as-base",
        "-f {here}/Based --build-context named={git}/app.git#v1:deep {here}/tree",
        differs={"history.*": "A directory as a base"},
    ),
]
REFUSED = [
    Case("archive-cut-off", "-", "cut.tar", refused="the archive that is the build context is damaged"),
    Case(
        "archive-cut-off-gzip", "-", "cut.tar.gz", refused="the archive that is the build context is damaged"
    ),
    Case("archive-of-nothing", "-", "Inline.gz", refused="no readable tar archive is in it"),
    Case("archive-without-file", "-f nope -", "context.tar", refused="there is no nope in the build context"),
    Case("empty-input", "-", "empty", refused="standard input is empty"),
    Case("two-dockerfiles", "-f x -", "Inline", refused="exclude each other"),
    Case("twice-standard-input", "-f - -", "Inline", refused="standard input can not be both"),
    Case("url-missing", "{web}/missing", refused="404 Not Found"),
    Case("url-nobody", "http://127.0.0.1:1/context.tar", refused="can not connect to http://127.0.0.1:1"),
    Case("url-two-dockerfiles", "-f - {web}/Inline", "Inline", refused="there can not be another Dockerfile"),
    Case("git-no-repository", "{web}/sub.git", refused="not found"),
    Case(
        "git-nobody",
        "git://127.0.0.1:1/app.git",
        refused="can not read the refs of git://127.0.0.1:1/app.git",
    ),
    Case("git-no-ref", "{git}/app.git#nope", refused="has no branch or tag 'nope'"),
    Case("git-no-subdirectory", "{git}/app.git#v1:nope", refused="has no directory nope"),
    Case("git-subdirectory-is-a-file", "{git}/app.git#v1:kept", refused="is not a directory"),
    Case("git-checksum", "{git}/app.git?ref=v1&checksum=0123456", refused="not 0123456"),
    Case("git-unknown-query", "{git}/app.git?x=1", refused='unexpected query "x"'),
    Case("git-no-dockerfile", "-f nope {git}/app.git", refused="there is no nope in the build context"),
    Case("no-such-scheme", "ftp://127.0.0.1/app.git", refused="there is no directory"),
]


@dataclass(frozen=True)
class Place:
    """Where things are."""

    values: Mapping[str, str]
    path: Path

    def words(self, case: Case) -> list[str]:
        return case.words.format(**self.values).split()

    def input(self, case: Case) -> bytes:
        return (self.path / case.input).read_bytes() if case.input else b""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    path = tmp_path_factory.mktemp("contexts")
    tree = path / "tree"
    for name, text in {
        "Dockerfile": "FROM scratch\nCOPY . /all/\n",
        "kept": "kept",
        "ignored": "ignored",
        ".dockerignore": "ignored\n",
        "sub/Other": "FROM scratch\nCOPY sub /other/\nADD kept /added\n",
        "deep/dockerfile": "FROM scratch\nCOPY . /deep/\n",
    }.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    (tree / "link").symlink_to("kept")
    (tree / "sub").chmod(0o750)
    make_repositories(path)
    os.chown(tree / "kept", 1234, 4321)
    for suffix, option in {"": "", ".gz": "z", ".bz2": "j", ".xz": "J"}.items():
        subprocess.run(["tar", f"-c{option}f", path / f"context.tar{suffix}", "-C", tree, "."], check=True)
    (path / "Everything").write_text("FROM scratch\nCOPY . /everything/\n")
    (path / "Inline").write_text("FROM scratch\nCOPY <<a /a\nb\na\n")
    (path / "Named").write_text("FROM scratch\nCOPY --from=named . /named/\nCOPY kept /\n")
    (path / "Based").write_text("FROM named\nCOPY --from=named dockerfile /again\n")
    subprocess.run(["gzip", "-k", path / "Inline"], check=True)
    (path / "cut.tar").write_bytes((path / "context.tar").read_bytes()[:1500])
    (path / "cut.tar.gz").write_bytes((path / "context.tar.gz").read_bytes()[:200])
    (path / "empty").write_bytes(b"")
    with serve_git(path) as repositories, serve_web(path) as web:
        commit = git(path / "app.git", "rev-parse", "v1")
        yield Place({"web": web.url, "git": repositories, "here": str(path), "commit": commit}, path)


def make_repositories(path: Path) -> None:
    lib, app = path / "lib", path / "app"
    lib.mkdir()
    (lib / "lib.txt").write_text("lib")
    git(lib, "init", "-q")
    git(lib, "add", ".")
    git(lib, "commit", "-qm", "lib")
    subprocess.run(["cp", "-a", path / "tree", app], check=True)
    git(app, "init", "-q")
    git(app, "add", "-f", ".")
    git(app, "commit", "-qm", "one")
    git(app, "tag", "-a", "v1", "-m", "one")
    git(app, "checkout", "-qb", "other")
    (app / "kept").write_text("other")
    git(app, "commit", "-qam", "other")
    git(app, "checkout", "-qb", "with-lib")
    (app / ".gitmodules").write_text('[submodule "lib"]\n\tpath = vendor/lib\n\turl = ../lib.git\n')
    commit = git(lib, "rev-parse", "HEAD")
    git(app, "update-index", "--add", "--cacheinfo", f"160000,{commit},vendor/lib")
    git(app, "add", ".gitmodules")
    git(app, "commit", "-qm", "with lib")
    for name in ("lib", "app"):
        git(path, "clone", "-q", "--bare", name, f"{name}.git")
        git(path / f"{name}.git", "update-server-info")
    git(path / "app.git", "symbolic-ref", "HEAD", "refs/heads/main")


def build_with_docker(engine: Mapping[str, str], place: Place, case: Case, archive: Path) -> tuple[int, str]:
    command = [engine["buildx"], "build", *place.words(case), "--network=host", "--no-cache"]
    command += ["--provenance=false", "--progress=plain", f"--output=type=oci,dest={archive}"]
    return run(command, place.input(case), {"DOCKER_HOST": engine["host"]})


def build_with_layerc(store: Path, place: Place, case: Case, archive: Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "layerc", "build", *place.words(case), "--progress=plain"]
    return run([*command, f"--store={store}", f"--output=type=oci,dest={archive}"], place.input(case), {})


def run(command: list[str], data: bytes, environment: Mapping[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        command, input=data, capture_output=True, env={**os.environ, **environment}, check=False
    )
    return done.returncode, done.stderr.decode(errors="replace")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.mark.parametrize("case", IMAGES, ids=lambda case: case.name)
def test_the_same_image(
    case: Case, place: Place, store: Path, docker_engine: Mapping[str, str], tmp_path: Path
) -> None:
    began = time.time()
    status, said = build_with_docker(docker_engine, place, case, tmp_path / "docker.tar")
    assert status == 0, said
    status, said = build_with_layerc(store, place, case, tmp_path / "layerc.tar")
    assert status == 0, said
    theirs, ours = read_image(tmp_path / "docker.tar"), read_image(tmp_path / "layerc.tar")
    found = compare_trees(theirs.tree, ours.tree, (began, began)) + compare_configs(
        theirs.config, ours.config
    )
    from_git = ".git" in case.words
    assert [item for item in found if not accepted(case, item, from_git)] == []

    status, said = build_with_layerc(store, place, case, tmp_path / "again.tar")
    assert status == 0, said
    assert "runs because" not in said


def accepted(case: Case, found: Difference, from_git: bool) -> bool:
    if from_git and found.what == "mtime":
        return True
    return any(fnmatch.fnmatchcase(found.path, path) for path in case.differs)


def test_differences_are_explained() -> None:
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs/differences.md").read_text(), re.MULTILINE)
    assert {GIT, *(heading for case in IMAGES for heading in case.differs.values())} <= set(headings)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_refused_by_both(
    case: Case, place: Place, store: Path, docker_engine: Mapping[str, str], tmp_path: Path
) -> None:
    status, said = build_with_docker(docker_engine, place, case, tmp_path / "docker.tar")
    assert status != 0, said
    status, said = build_with_layerc(store, place, case, tmp_path / "layerc.tar")
    assert status in (2, 4), said
    assert case.refused in said
    assert "Traceback" not in said
