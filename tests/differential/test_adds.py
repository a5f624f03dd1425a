"""ADD of URLs and of git repositories, served on this machine: the same image as the real engine's."""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from builds import BuildCase, build_case_with_docker, build_case_with_layerc
from projects import Built
from served import git, serve_git, serve_web
from treediff import Image, compare_configs, compare_trees, read_image

pytestmark = [
    pytest.mark.root,
    pytest.mark.engine,
    pytest.mark.skipif(shutil.which("git") is None, reason="no git"),
]

Bases = Mapping[str, Mapping[str, str]]
TEXT = b"a downloaded text\n"
SHA256 = hashlib.sha256(TEXT).hexdigest()
DATED = {"Last-Modified": "Fri, 13 Feb 2009 23:31:30 GMT"}


def archive() -> bytes:
    """A small tar archive."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        entry = tarfile.TarInfo("packed/file")
        entry.size, entry.mtime, entry.uid = len(TEXT), 1_000_000_000, 5
        tar.addfile(entry, io.BytesIO(TEXT))
    return gzip.compress(made.getvalue(), mtime=0)


class Pages(BaseHTTPRequestHandler):
    """Serves what the names of the paths ask for."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/moved"):
            self.answer(302, b"", {"Location": "/elsewhere/" + path.rpartition("/")[2]})
        elif path.startswith("/named"):
            self.answer(200, TEXT, {"Content-Disposition": 'attachment; filename="given.txt"', **DATED})
        elif path.startswith("/missing"):
            self.answer(404, b"not here", {})
        elif path.endswith(".tar.gz"):
            self.answer(200, archive(), DATED)
        else:
            self.answer(200, TEXT, {} if path.startswith("/undated") else DATED)

    def do_HEAD(self) -> None:
        self.do_GET()

    def answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def serve_pages() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Builders:
    """Builds one Dockerfile by both."""

    engine: Mapping[str, str]
    bases: Bases
    folder: Path

    def build(self, text: str) -> tuple[Image | str, Image | Built]:
        """Docker's image or what it said, layerc's image or how it ended."""
        context = self.folder / "context"
        shutil.rmtree(context, ignore_errors=True)
        context.mkdir()
        (context / "Dockerfile").write_text(text)
        (context / "local").write_text("local\n")
        case = BuildCase("adds", context, "", ())
        theirs, ours = self.folder / "docker.tar", self.folder / "layerc.tar"
        done = build_case_with_docker(self.engine, case, self.bases, theirs)
        built = build_case_with_layerc(case, self.bases, self.folder / "store", ours)
        return (
            read_image(theirs) if done.returncode == 0 else done.stderr,
            read_image(ours) if built.status == 0 else built,
        )

    def compare(self, text: str, *, times: bool = True, only_docker: Sequence[str] = ()) -> None:
        """Both build the same, but for files that ``only_docker`` makes; with or without ``times``."""
        began = time.time()
        theirs, ours = self.build(text)
        assert isinstance(theirs, Image), theirs[-3000:]
        assert isinstance(ours, Image), ours.stderr[-3000:]
        tree = {path: node for path, node in theirs.tree.items() if path not in only_docker}
        assert len(theirs.tree) - len(tree) == len(only_docker)
        found = compare_trees(tree, ours.tree, (began, began) if times else None)
        found += compare_configs(theirs.config, ours.config)
        assert not found, "Docker | layerc\n" + "\n".join(map(str, found))

    def refuse(self, text: str, by_docker: str, by_layerc: str) -> None:
        """Both refuse, with these words among others."""
        theirs, ours = self.build(text)
        assert isinstance(theirs, str), "Docker builds it"
        assert by_docker in theirs
        assert isinstance(ours, Built), "layerc builds it"
        assert by_layerc in ours.stderr


@pytest.fixture(scope="module")
def builders(
    docker_engine: Mapping[str, str], bases: Bases, tmp_path_factory: pytest.TempPathFactory
) -> Builders:
    return Builders(docker_engine, bases, tmp_path_factory.mktemp("adds"))


def test_urls(builders: Builders) -> None:
    with serve_pages() as url:
        builders.compare(f"""
FROM busybox:latest
ADD {url}/name.txt /to/directory/
ADD {url}/name.txt /renamed
ADD {url}/undated /undated
ADD {url}/a%20b%2Bc.txt /escaped/
ADD {url}/name.txt?version=1&x=/y /query/
ADD {url}/moved/first /moved/
ADD {url}/named/second /named/
ADD {url} /no-name-1/
ADD {url}/ /no-name-2/
ADD {url}/directory/ /no-name-3/
ADD {url}/packed.tar.gz /not-unpacked/
ADD --unpack {url}/packed.tar.gz /unpacked/
ADD --unpack=true {url}/name.txt /no-archive/
ADD --chown=5:6 --chmod=711 {url}/name.txt /new/owned/
ADD --chmod=a+x {url}/name.txt /symbolic
ADD --link {url}/name.txt /linked/
ADD --checksum=sha256:{SHA256} {url}/name.txt /checked
ADD local {url}/name.txt {url}/packed.tar.gz /several/
ARG HOST={url}
ADD $HOST/name.txt /variable
RUN mkdir /real && ln -s real /door && ln -s real/lost /lost
ADD {url}/name.txt /door
ADD {url}/name.txt /lost
WORKDIR /work
ADD {url}/name.txt relative
ADD {url}/name.txt ./
""")


@pytest.mark.parametrize(
    ("instruction", "by_docker", "by_layerc"),
    [
        ("ADD URL/missing /x", "404", "404"),
        (f"ADD --checksum=sha256:{'0' * 64} URL/name /x", "digest mismatch", "checksum"),
        ("ADD --checksum=sha256:00 URL/name /x", "invalid checksum digest length", "invalid checksum"),
        (f"ADD --checksum=sha256:{SHA256} URL/name URL/name /x/", "multiple sources", "multiple sources"),
        (f"ADD --checksum=sha256:{SHA256} local /x", "requires HTTP(S)", "requires HTTP(S)"),
        ("COPY URL/name /x", "source can't be a URL for COPY", "source can't be a URL for COPY"),
    ],
)
def test_refused_urls(builders: Builders, instruction: str, by_docker: str, by_layerc: str) -> None:
    with serve_pages() as url:
        builders.refuse(f"FROM busybox:latest\n{instruction.replace('URL', url)}\n", by_docker, by_layerc)


@contextmanager
def repositories(place: Path) -> Iterator[tuple[str, str, str]]:
    """Where ``app.git`` (with ``lib.git`` as a submodule of a branch) is: by git's daemon, as plain files over
    HTTP; and its first commit.
    """
    place.mkdir()
    with serve_git(place) as remote, serve_web(place) as web:
        lib, app = place / "lib", place / "app"
        for folder in (lib, app):
            folder.mkdir()
            git(folder, "init", "--quiet")
        (lib / "lib.txt").write_text("lib\n")
        git(lib, "add", ".")
        git(lib, "commit", "-qm", "lib")
        (app / "sub/deep").mkdir(parents=True)
        (app / "sub/deep/file").write_text("deep\n")
        (app / "sub/link").symlink_to("../README")
        (app / "README").write_text("one\n")
        (app / "run.sh").write_text("#!/bin/sh\n")
        (app / "run.sh").chmod(0o755)
        git(app, "add", ".")
        git(app, "commit", "-qm", "one")
        git(app, "tag", "v1")
        git(app, "tag", "-a", "v2", "-m", "annotated")
        first = git(app, "rev-parse", "HEAD")
        git(place, "clone", "-q", "--bare", "lib", "lib.git")
        git(app, "checkout", "-qb", "modules")
        git(app, "submodule", "--quiet", "add", f"{remote}/lib.git", "vendor/lib")
        git(app, "commit", "-qm", "submodule")
        git(app, "checkout", "-q", "main", "-f")
        (app / "README").write_text("two\n")
        git(app, "commit", "-qam", "two")
        git(place, "clone", "-q", "--bare", "app", "app.git")
        for name in ("app.git", "lib.git"):
            git(place / name, "update-server-info")
        yield remote, web.url, first


def test_the_directory_of_git(builders: Builders, tmp_path: Path) -> None:
    with repositories(tmp_path / "git") as (remote, _, _first):
        theirs, ours = builders.build(f"""
FROM busybox:latest
ADD --keep-git-dir=true {remote}/app.git#v1 /kept
ADD --keep-git-dir=false {remote}/app.git#v1 /without
RUN cat /kept/.git/HEAD > /head && test ! -e /without/.git
""")
        assert isinstance(theirs, Image), theirs[-3000:]
        assert isinstance(ours, Image), ours.stderr[-3000:]
        assert theirs.tree["head"].digest == ours.tree["head"].digest


def test_git(builders: Builders, tmp_path: Path) -> None:
    with repositories(tmp_path / "git") as (remote, web, first):
        text = f"""
FROM busybox:latest
ADD {remote}/app.git /default
ADD {remote}/app.git#v1 /tag
ADD {remote}/app.git#v2 /annotated
ADD {remote}/app.git#main /branch
ADD {remote}/app.git#refs/heads/main /full
ADD {remote}/app.git#{first} /commit
ADD {remote}/app.git#:sub /subdirectory
ADD {remote}/app.git#v1:sub/deep /deep/
ADD --checksum={first} {remote}/app.git#v1 /checked
ADD --chown=5:6 --chmod=u=rwX,go= {remote}/app.git /new/owned/
ADD --exclude=sub {remote}/app.git /excluded
ADD --link {remote}/app.git#v1 /linked
ADD local {remote}/app.git#v1 /several/
ADD {web}/app.git#v1 /over-http
ADD {remote}/app.git?ref=v1&subdir=sub /query
ADD {remote}/app.git?branch=main /query-branch
ADD {remote}/app.git?tag=v1&commit={first} /query-commit
ADD {web}/app.git#main:sub /over-http-subdirectory
"""
        builders.compare(text, times=False)


def test_submodules(builders: Builders, tmp_path: Path) -> None:
    """Apart from other refs, whose checkouts the engine may leave the submodules' directories in."""
    with repositories(tmp_path / "git") as (remote, web, _):
        text = f"""
FROM scratch
ADD {remote}/app.git#modules /modules
ADD {web}/app.git?ref=modules&submodules=false /without
"""
        builders.compare(text, times=False, only_docker=["modules/vendor/lib/.git"])


@pytest.mark.parametrize(
    ("instruction", "by_docker", "by_layerc"),
    [
        ("ADD REMOTE/app.git#nothing /x", "nothing", "nothing"),
        ("ADD REMOTE/app.git#v1:nothing /x", "nothing", "nothing"),
        ("ADD REMOTE/none.git /x", "none.git", "none.git"),
        (f"ADD --checksum={'0' * 40} REMOTE/app.git#v1 /x", "checksum", "checksum"),
        ("COPY REMOTE/app.git /x", "source can't be a git ref", "source can't be a git ref"),
    ],
)
def test_refused_repositories(
    builders: Builders, tmp_path: Path, instruction: str, by_docker: str, by_layerc: str
) -> None:
    with repositories(tmp_path / "git") as (remote, _, _first):
        text = f"FROM busybox:latest\n{instruction.replace('REMOTE', remote)}\n"
        builders.refuse(text, by_docker, by_layerc)
