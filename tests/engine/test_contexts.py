"""Contexts that are no directory: hostile archives, what is fetched again, who gets which credentials."""

from __future__ import annotations

import base64
import io
import os
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from served import WHEN, Web, git, serve_git, serve_web

from layerc.compiler.options import CompileOptions, NamedContext
from layerc.grammar.source import SourceFile
from layerc.runtime.engine.build import build, compile_only, read_dockerfile
from layerc.runtime.engine.request import BuildRequest, BuildResult, Secret, StreamContext, UrlContext
from layerc.runtime.errors import InputError, SourceError, UsageError
from layerc.runtime.events import Event, StepStarted, TaskStarted
from layerc.runtime.snapshot.view import StackView
from layerc.runtime.store import Store

pytestmark = pytest.mark.root
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="no git")

ALL = "FROM scratch\nCOPY . /all/\n"
TOKEN = "t0ps3cret"


@dataclass
class Builder:
    """Builds in one store; ``events`` are those of the last build."""

    home: Path
    events: list[Event]

    def build(self, context: object, dockerfile: str | None = None, **fields: object) -> BuildResult:
        self.events = []
        source = None if dockerfile is None else SourceFile("Dockerfile", dockerfile)
        options = fields.pop("options", CompileOptions())
        request = BuildRequest(source, options, context=context, **fields)  # type: ignore[arg-type]
        with Store.open(str(self.home)) as store:
            return build(request, store, self.events.append)

    def ran(self) -> list[str]:
        return [event.provenance.title for event in self.events if isinstance(event, StepStarted)]

    def tasks(self) -> list[str]:
        return [event.title for event in self.events if isinstance(event, TaskStarted)]

    def tree(self, result: BuildResult) -> dict[str, str]:
        with Store.open(str(self.home)) as store:
            view = StackView(store, result.images[0].diff_ids)
            found = {}
            for entry in view.walk():
                if entry.kind == "file":
                    with view.open(entry.path) as file:
                        found[entry.path] = file.read().decode(errors="replace")
                elif entry.kind != "directory":
                    found[entry.path] = entry.kind
            return found


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    return Builder(tmp_path / "store", [])


def archive(*members: tuple[str, str | bytes] | tarfile.TarInfo) -> bytes:
    """A tar archive; a member is a name with a content, or a header."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            name, content = member
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def header(name: str, kind: bytes, target: str = "", **fields: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def stream(data: bytes, head: int = 1024) -> StreamContext:
    return StreamContext(data[:head], io.BytesIO(data[head:]))


def test_an_unchanged_archive_runs_nothing_again(builder: Builder) -> None:
    data = archive(("Dockerfile", ALL), ("a", "1" * 5000))
    first = builder.build(stream(data))
    assert builder.tree(first) == {"all/Dockerfile": ALL, "all/a": "1" * 5000}
    second = builder.build(stream(data))
    assert builder.ran() == []
    assert second.images == first.images
    # Another archive of the same files is the same context.
    builder.build(stream(archive(("a", "1" * 5000), ("Dockerfile", ALL))))
    assert builder.ran() == []
    builder.build(stream(archive(("Dockerfile", ALL), ("a", "2"))))
    assert builder.ran() == ["COPY . /all/"]


def test_nothing_of_a_stream_stays_but_its_tree(builder: Builder) -> None:
    builder.build(stream(archive(("Dockerfile", ALL), ("big", os.urandom(3 << 20)))))
    sizes = [path.stat().st_size for path in (builder.home / "work").rglob("*") if path.is_file()]
    assert sum(sizes) < 1 << 20


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (("../out", "x"), "leads out of it"),
        (("a/../../out", "x"), "leads out of it"),
        (header("link", tarfile.LNKTYPE, "../../etc/passwd"), "leads out of it"),
        (header("link", tarfile.LNKTYPE, "/etc/passwd"), "can not link"),
        (header("null", tarfile.CHRTYPE), "device 0:0"),
    ],
)
def test_hostile_archives_are_refused(builder: Builder, member: object, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        builder.build(stream(archive(("Dockerfile", ALL), member)))  # type: ignore[arg-type]
    assert not (builder.home.parent / "out").exists()


def test_links_of_an_archive_stay_in_it(builder: Builder, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    data = archive(
        header("evil", tarfile.SYMTYPE, str(outside)),
        ("evil/written", "x"),
        header("up", tarfile.SYMTYPE, "../../../../../../../../etc"),
        ("/absolute", "inside"),
        ("Dockerfile", "FROM scratch\nCOPY absolute /\nCOPY up/passw[d] /stolen/\n"),
    )
    with pytest.raises(SourceError, match=r"/up \(a link to /etc\) was not found"):
        builder.build(stream(data))
    assert list(outside.iterdir()) == []
    text = "FROM scratch\nCOPY absolute /\n"
    assert builder.tree(builder.build(stream(data), text)) == {"absolute": "inside"}


def test_devices_and_owners_of_an_archive(builder: Builder) -> None:
    data = archive(
        ("Dockerfile", ALL),
        header("tty", tarfile.CHRTYPE, devmajor=5, devminor=0, mode=0o600, uid=7, gid=8),
        header("pipe", tarfile.FIFOTYPE),
    )
    result = builder.build(stream(data))
    assert builder.tree(result) == {"all/Dockerfile": ALL, "all/tty": "character", "all/pipe": "fifo"}
    with Store.open(str(builder.home)) as store:
        entry = StackView(store, result.images[0].diff_ids).lstat("all/tty")
        assert entry is not None
        assert (entry.device, entry.uid, entry.gid) == ((5, 0), 7, 8)


def test_a_sparse_file_can_not_claim_the_disk(builder: Builder) -> None:
    huge = bytearray(header("huge", tarfile.GNUTYPE_SPARSE).tobuf(tarfile.GNU_FORMAT))
    huge[386:398] = huge[483:495] = (1 << 95 | 1 << 62).to_bytes(12, "big")  # one empty piece at the end
    huge[148:156] = b" " * 8
    huge[148:156] = b"%06o\0 " % sum(huge)
    with pytest.raises(SourceError, match="holes of more than 16 GiB"):
        builder.build(stream(bytes(huge) + archive(("Dockerfile", ALL))))


def test_the_names_that_are_there_are_told(builder: Builder) -> None:
    with pytest.raises(SourceError) as caught:
        builder.build(stream(archive(("app/Dockerfile.prod", ALL))))
    assert caught.value.message == "there is no Dockerfile in the build context"
    assert caught.value.help == "did you mean -f app/Dockerfile.prod?"
    with pytest.raises(SourceError) as caught:
        builder.build(stream(archive(("b", ""), ("a", ""))))
    assert caught.value.help == "it holds a, b; name the Dockerfile with -f"
    with pytest.raises(SourceError, match="not a file"):
        builder.build(stream(archive(("d/a", ALL))), dockerfile_name="d")


def test_a_dockerfile_may_be_a_link_within_the_archive(builder: Builder) -> None:
    data = archive(("real/file", ALL), header("Dockerfile", tarfile.SYMTYPE, "/real/file"))
    assert "all/real/file" in builder.tree(builder.build(stream(data)))


# --- URLs --------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "served"
    (path / "private").mkdir(parents=True)
    return path


@pytest.fixture
def web(folder: Path) -> Iterator[Web]:
    with serve_web(folder, required=f"Bearer {TOKEN}") as served:
        yield served


def test_an_unchanged_url_is_asked_for_and_not_downloaded(builder: Builder, web: Web, folder: Path) -> None:
    (folder / "c.tar").write_bytes(archive(("Dockerfile", ALL), ("a", "1")))
    context = UrlContext(f"{web.url}/c.tar")
    first = builder.build(context)
    assert builder.build(context).images == first.images
    assert builder.ran() == []
    assert [status for *_, status in web.requests] == [200, 304]
    (folder / "c.tar").write_bytes(archive(("Dockerfile", ALL), ("a", "2")))
    assert builder.tree(builder.build(context))["all/a"] == "2"


def test_a_dockerfile_from_a_url(builder: Builder, web: Web, folder: Path, tmp_path: Path) -> None:
    (folder / "D").write_text("FROM scratch\nCOPY . /\n")
    assert builder.tree(builder.build(UrlContext(f"{web.url}/D?x=1"))) == {
        "context": "FROM scratch\nCOPY . /\n"
    }
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "a").write_text("a")
    result = builder.build(str(tmp_path / "dir"), dockerfile_name=f"{web.url}/D")
    assert builder.tree(result) == {"a": "a"}
    with pytest.raises(UsageError, match="can not be another Dockerfile"):
        builder.build(UrlContext(f"{web.url}/D"), ALL)


def test_named_contexts_from_urls(builder: Builder, web: Web, folder: Path) -> None:
    (folder / "c.tar").write_bytes(archive(("a", "1")))
    named = NamedContext("n", "http", f"{web.url}/c.tar")
    options = CompileOptions(contexts={"n": named})
    text = "FROM n\nCOPY --from=n . /copy/\n"
    result = builder.build(None, text, options=options)
    with Store.open(str(builder.home)) as store:
        view = StackView(store, result.images[0].diff_ids)
        assert [entry.path for entry in view.walk()] == ["", "context", "copy", "copy/context"]
        entry = view.lstat("context")
        assert entry is not None
        assert entry.mode == 0o600
    assert builder.build(None, text, options=options).images == result.images
    assert builder.ran() == []


def test_http_credentials(builder: Builder, web: Web, folder: Path, tmp_path: Path) -> None:
    (folder / "private/c.tar").write_bytes(archive(("Dockerfile", ALL), ("a", "1")))
    (folder / "private/f").write_text("f")
    url = f"{web.url}/private/c.tar"
    with pytest.raises(SourceError, match="401 Unauthorized") as refused:
        builder.build(UrlContext(url))
    assert "--secret id=HTTP_AUTH_TOKEN_127.0.0.1," in (refused.value.help or "")
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    secrets = (Secret("HTTP_AUTH_TOKEN_127.0.0.1", str(tmp_path / "token")),)
    builder.build(UrlContext(url), secrets=secrets)
    result = builder.build(None, f"FROM scratch\nADD {web.url}/private/f /\n", secrets=secrets)
    assert builder.tree(result) == {"f": "f"}
    assert {given for *_, given, status in web.requests if status == 200} == {f"Bearer {TOKEN}"}
    assert_kept_nowhere(builder.home, TOKEN)
    (tmp_path / "token").write_text(f"{TOKEN}\nX-Other: 1\n")
    with pytest.raises(InputError, match="more than one line") as caught:
        builder.build(UrlContext(url), secrets=secrets)
    assert TOKEN not in str(caught.value)


def test_credentials_of_a_url_are_kept_nowhere(builder: Builder, web: Web, folder: Path) -> None:
    (folder / "c.tar").write_bytes(archive(("Dockerfile", ALL)))
    host = web.url.removeprefix("http://")
    options = CompileOptions(contexts={"n": NamedContext("n", "http", f"http://me:{TOKEN}@{host}/c.tar")})
    builder.build(UrlContext(f"http://me:{TOKEN}@{host}/c.tar?signature={TOKEN}"))
    builder.build(None, "FROM n\n", options=options)
    builder.build(None, "FROM n\n", options=options)
    given = {authorization for *_, authorization, _ in web.requests}
    assert given == {f"Basic {base64.b64encode(f'me:{TOKEN}'.encode()).decode()}"}
    assert TOKEN not in repr(builder.events)
    assert_kept_nowhere(builder.home, TOKEN)
    for name in ("missing", "missing.git"):
        with pytest.raises(SourceError) as caught:
            builder.build(UrlContext(f"http://me:{TOKEN}@{host}/{name}"))
        assert TOKEN not in f"{caught.value} {caught.value.help} {builder.events}"


def assert_kept_nowhere(home: Path, secret: str) -> None:
    for path in home.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("url", ["http://[bad/x.tar", f"https://{TOKEN}@[bad/x.git"])
def test_malformed_urls(builder: Builder, url: str) -> None:
    with pytest.raises(SourceError, match="malformed") as caught:
        builder.build(UrlContext(url))
    assert TOKEN not in str(caught.value)


def test_steps_mount_contexts(builder: Builder, web: Web, folder: Path) -> None:
    busybox = Path(shutil.which("busybox") or "/bin/busybox").read_bytes()
    (folder / "named").write_text("named")
    options = CompileOptions(contexts={"n": NamedContext("n", "http", f"{web.url}/named")})
    text = """FROM scratch
COPY --chmod=755 busybox /bin/sh
RUN --mount=type=bind,target=/main --mount=type=bind,from=n,target=/named read a < /main/a && \\
    read b < /named/context; echo "$a $b" > /out
"""
    data = archive(("Dockerfile", text), ("a", "archive\n"), ("busybox", busybox))
    result = builder.build(stream(data), options=options)
    assert builder.tree(result)["out"] == "archive named\n"
    builder.build(stream(data), options=options)
    assert builder.ran() == []


# --- git ---------------------------------------------------------------------------------------------


@pytest.fixture
def repository(folder: Path) -> Path:
    work = folder / "work"
    work.mkdir()
    git(work, "init", "-q")
    (work / "Dockerfile").write_text(ALL)
    git(work, "add", ".")
    git(work, "commit", "-qm", "one")
    for name in ("app.git", "private/app.git"):
        git(folder, "clone", "-q", "--bare", "work", name)
        git(folder / name, "update-server-info")
    return work


@pytest.mark.engine
@needs_git
def test_an_unchanged_commit_runs_nothing_again(builder: Builder, repository: Path, folder: Path) -> None:
    with serve_git(folder) as url:
        context = UrlContext(f"{url}/app.git#main")
        first = builder.build(context)
        assert builder.build(context).images == first.images
        assert (builder.ran(), builder.tasks()) == ([], [])
        commit = git(repository, "rev-parse", "HEAD")
        (repository / "b").write_text("b")
        git(repository, "add", ".")
        git(repository, "commit", "-qm", "two")
        git(repository, "push", "-q", folder / "app.git", "main")
        assert "all/b" in builder.tree(builder.build(context))
    # A commit that is known needs no network.
    by_commit = builder.build(UrlContext(f"{url}/app.git#{commit}"))
    assert by_commit.images[0].diff_ids == first.images[0].diff_ids


@pytest.mark.engine
@needs_git
def test_the_git_directory_is_kept_where_it_is_asked_for(
    builder: Builder, repository: Path, folder: Path
) -> None:
    options = CompileOptions(build_args={"BUILDKIT_CONTEXT_KEEP_GIT_DIR": "1"})
    with serve_git(folder) as url:
        named = {"n": NamedContext("n", "git", f"{url}/app.git")}
        text = "FROM scratch\nCOPY --from=n . /\n"
        assert "all/.git/HEAD" in builder.tree(builder.build(UrlContext(f"{url}/app.git"), options=options))
        assert "all/.git/HEAD" in builder.tree(builder.build(UrlContext(f"{url}/app.git?keep-git-dir=1")))
        assert "all/.git/HEAD" not in builder.tree(builder.build(UrlContext(f"{url}/app.git")))
        options = CompileOptions(build_args={"BUILDKIT_CONTEXT_KEEP_GIT_DIR": "1"}, contexts=named)
        assert builder.tree(builder.build(None, text, options=options)) == {"Dockerfile": ALL}


@pytest.mark.engine
@needs_git
@pytest.mark.parametrize(
    ("names", "sent"),
    [
        (["GIT_AUTH_TOKEN"], "basic"),
        (["GIT_AUTH_TOKEN.{host}", "GIT_AUTH_HEADER"], "basic"),
        (["GIT_AUTH_HEADER", "GIT_AUTH_TOKEN"], "header"),
        (["GIT_AUTH_HEADER.{host}", "GIT_AUTH_TOKEN.{host}"], "header"),
        (["GIT_AUTH_TOKEN.other.example"], None),
    ],
)
def test_git_credentials(
    builder: Builder,
    repository: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    names: list[str],
    sent: str | None,
) -> None:
    basic = f"basic {base64.b64encode(f'x-access-token:{TOKEN}'.encode()).decode()}"
    wanted = {"basic": basic, "header": f"Bearer {TOKEN}"}.get(sent or "", "nothing")
    monkeypatch.setenv("TOKEN", TOKEN)
    monkeypatch.setenv("HEADER", f"Bearer {TOKEN}")
    with serve_web(folder, required=wanted) as web:
        host = web.url.removeprefix("http://")
        secrets = tuple(
            Secret(name.format(host=host), env="HEADER" if "HEADER" in name else "TOKEN") for name in names
        )
        context = UrlContext(f"{web.url}/private/app.git")
        if sent is None:
            with pytest.raises(SourceError, match="can not read the refs") as refused:
                builder.build(context, secrets=secrets)
            assert "--secret id=GIT_AUTH_TOKEN," in (refused.value.help or "")
            return
        assert "all/Dockerfile" in builder.tree(builder.build(context, secrets=secrets))
        text = f"FROM scratch\nADD {web.url}/private/app.git /\n"
        assert "Dockerfile" in builder.tree(builder.build(None, text, secrets=secrets))
    assert_kept_nowhere(builder.home, TOKEN)
    assert_kept_nowhere(builder.home, basic.removeprefix("basic "))


# --- without a build ---------------------------------------------------------------------------------


def test_plans_of_contexts_that_are_no_directory(builder: Builder, web: Web, folder: Path) -> None:
    (folder / "c.tar").write_bytes(archive(("sub/D", ALL)))
    request = BuildRequest(
        None, CompileOptions(), dockerfile_name="sub/D", context=UrlContext(f"{web.url}/c.tar")
    )
    with Store.open(str(builder.home)) as store:
        assert read_dockerfile(request, store, builder.events.append).dockerfile == SourceFile("sub/D", ALL)
        plan = compile_only(request, store, builder.events.append)
    assert [layer.provenance.title for layer in plan.layers] == ["COPY . /all/"]


@pytest.mark.engine
@needs_git
def test_the_time_of_a_context(
    builder: Builder, web: Web, folder: Path, repository: Path, tmp_path: Path
) -> None:
    epoch = CompileOptions(build_args={"SOURCE_DATE_EPOCH": "context"})
    files = archive(
        header("late", tarfile.DIRTYPE, mtime=99), header("a", tarfile.REGTYPE, mtime=20), ("b", "")
    )
    (folder / "c.tar").write_bytes(files)
    times = {
        UrlContext(f"{web.url}/app.git"): WHEN,
        UrlContext(f"{web.url}/c.tar"): 20,
        stream(files): 20,
        str(tmp_path): None,
    }
    source = SourceFile("Dockerfile", ALL)
    with Store.open(str(builder.home)) as store:
        for context, expected in times.items():
            request = BuildRequest(source, epoch, context=context)
            found = read_dockerfile(request, store, builder.events.append)
            assert found.options.context_time == expected, context
        request = BuildRequest(None, CompileOptions(), context=UrlContext(f"{web.url}/app.git"))
        assert read_dockerfile(request, store, builder.events.append).options.context_time is None
