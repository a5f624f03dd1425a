"""ADD of git repositories, served on this machine by ``git daemon`` and as plain files over HTTP."""

import os
import shutil
import stat
import time
from types import SimpleNamespace

import pytest
from served import WHEN, git, serve_git, serve_web

from layerc.compiler.graph.operations import GitTree
from layerc.runtime.errors import EnvironmentLackError, IntegrityError, SourceError
from layerc.runtime.sources.git import GitSource
from layerc.runtime.sources.git_program import GitError, GitProgram, redacted
from layerc.runtime.sources.tree import walk
from layerc.runtime.store import Store

pytestmark = [pytest.mark.engine, pytest.mark.skipif(shutil.which("git") is None, reason="no git")]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Repositories ``lib.git`` and ``app.git`` (with ``lib`` as a submodule), and where they are served."""
    place = tmp_path_factory.mktemp("git")
    with serve_git(place) as remote, serve_web(place) as web:
        yield SimpleNamespace(place=place, git=remote, http=web.url, **make_repositories(place, remote))


def make_repositories(place, remote):
    lib = place / "lib"
    lib.mkdir()
    git(lib, "init", "--quiet")
    (lib / "lib.txt").write_text("lib")
    git(lib, "add", ".")
    git(lib, "commit", "-qm", "lib")
    git(place, "clone", "-q", "--bare", "lib", "lib.git")
    app = place / "app"
    app.mkdir()
    git(app, "init", "--quiet")
    (app / "sub/deep").mkdir(parents=True)
    (app / "README").write_text("one")
    (app / "run.sh").write_text("#!/bin/sh\n")
    (app / "run.sh").chmod(0o755)
    (app / "sub/deep/file").write_text("deep")
    (app / "link").symlink_to("/etc")
    git(app, "add", ".")
    git(app, "commit", "-qm", "one")
    git(app, "tag", "v1")
    git(app, "tag", "-a", "v1-annotated", "-m", "annotated")
    first = git(app, "rev-parse", "HEAD")
    git(app, "checkout", "-qb", "with-submodule")
    git(app, "submodule", "--quiet", "add", f"{remote}/lib.git", "vendor/lib")
    git(app, "commit", "-qm", "submodule")
    git(app, "checkout", "-qb", "sneaky", "main")
    git(app, "submodule", "--quiet", "add", str(place / "lib"), "stolen")
    git(app, "commit", "-qm", "sneaky")
    git(app, "checkout", "-q", "main", "-f")
    (app / "README").write_text("two")
    git(app, "commit", "-qam", "two")
    second = git(app, "rev-parse", "HEAD")
    git(place, "clone", "-q", "--bare", "app", "app.git")
    for name in ("app.git", "lib.git"):
        git(place / name, "update-server-info")
    annotated = git(app, "rev-parse", "v1-annotated")
    return {"first": first, "second": second, "annotated": annotated}


@pytest.fixture
def store(tmp_path):
    with Store.open(str(tmp_path / "store")) as opened:
        yield opened


def files(tree):
    return {entry.path: content(tree, entry) for entry in walk(tree) if entry.kind in {"file", "symlink"}}


def content(tree, entry):
    if entry.kind == "symlink":
        return f"-> {entry.target}"
    with tree.open(entry.path) as file:
        return file.read().decode("utf-8", "surrogateescape")


ONE = {"README": "one", "run.sh": "#!/bin/sh\n", "sub/deep/file": "deep", "link": "-> /etc"}
TWO = {**ONE, "README": "two"}


@pytest.mark.parametrize("scheme", ["git", "http"])
@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("", TWO),
        ("main", TWO),
        ("refs/heads/main", TWO),
        ("v1", ONE),
        ("v1-annotated", ONE),
        ("refs/tags/v1", ONE),
    ],
)
def test_refs(served, store, scheme, ref, expected):
    remote = f"{getattr(served, scheme)}/app.git"
    assert files(GitSource(store).fetch(GitTree(remote, ref))) == expected


@pytest.mark.parametrize("scheme", ["git", "http"])
def test_a_commit_that_no_ref_names(served, store, scheme):
    remote = f"{getattr(served, scheme)}/app.git"
    assert files(GitSource(store).fetch(GitTree(remote, served.first))) == ONE


def test_modes_owners_and_times(served, store):
    tree = GitSource(store).fetch(GitTree(f"{served.git}/app.git", "v1"))
    modes = {path: tree.lstat(path).mode for path in ("README", "run.sh", "sub")}
    assert modes == {"README": 0o644, "run.sh": 0o755, "sub": 0o755}
    assert all(entry.mtime_ns == WHEN * 10**9 for entry in walk(tree) if entry.path)


def test_refs_are_resolved_first(served, store):
    source = GitSource(store)
    remote = f"{served.git}/app.git"
    found = source.resolve(GitTree(remote, "v1-annotated"))
    assert (found.name, found.object, found.commit) == (
        "refs/tags/v1-annotated",
        served.annotated,
        served.first,
    )
    assert source.resolve(GitTree(remote)).name == "refs/heads/main"


def test_equal_commits_are_checked_out_once(served, store):
    source = GitSource(store)
    remote = f"{served.git}/app.git"
    trees = [source.fetch(GitTree(remote, ref)) for ref in ("v1", "v1-annotated", served.first)]
    assert len({tree.stack for tree in trees}) == 1


def test_a_known_commit_needs_no_network(served, store):
    remote = f"{served.git}/app.git"
    GitSource(store).fetch(GitTree(remote, served.first))
    assert files(GitSource(store).fetch(GitTree("git://127.0.0.1:9/gone.git", served.first))) == ONE


def test_a_branch_that_moves_is_fetched_again(served, store):
    git(served.place, "clone", "-q", "--bare", "app.git", "moving.git")
    remote = f"{served.git}/moving.git"
    assert files(GitSource(store).fetch(GitTree(remote, "main"))) == TWO
    git(served.place / "moving.git", "update-ref", "refs/heads/main", served.first)
    assert files(GitSource(store).fetch(GitTree(remote, "main"))) == ONE


def test_subdirectories(served, store):
    source = GitSource(store)
    remote = f"{served.git}/app.git"
    assert files(source.fetch(GitTree(remote, "v1", "sub"))) == {"deep/file": "deep"}
    assert files(source.fetch(GitTree(remote, "v1", "../sub/deep/"))) == {"file": "deep"}
    with pytest.raises(SourceError, match="has no directory nothing"):
        source.fetch(GitTree(remote, "v1", "nothing"))
    with pytest.raises(SourceError, match=r"link of .* is not a directory"):
        source.fetch(GitTree(remote, "v1", "link"))


def test_submodules(served, store):
    source = GitSource(store)
    remote = f"{served.git}/app.git"
    found = files(source.fetch(GitTree(remote, "with-submodule")))
    assert found["vendor/lib/lib.txt"] == "lib"
    assert not any(path.endswith(".git") for path in found)
    without = files(source.fetch(GitTree(remote, "with-submodule", submodules=False)))
    assert "vendor/lib/lib.txt" not in without


def test_a_submodule_on_this_machine_is_refused(served, store):
    with pytest.raises(SourceError, match="transport 'file' not allowed"):
        GitSource(store).fetch(GitTree(f"{served.git}/app.git", "sneaky"))


def test_the_git_directory_can_be_kept(served, store, tmp_path):
    remote = f"{served.git}/app.git"
    tree = GitSource(store).fetch(GitTree(remote, "main", keep_git_dir=True))
    found = files(tree)
    assert {path: text for path, text in found.items() if not path.startswith(".git/")} == TWO
    assert f"url = {remote}" in found[".git/config"]
    assert str(store.root) not in found[".git/config"]
    assert ".git/FETCH_HEAD" not in found
    shutil.copytree(
        store.snapshot_path(store.layers(tree.stack)[0].snapshot), tmp_path / "copy", symlinks=True
    )
    place = tmp_path / "copy"
    assert git(place, "rev-parse", "HEAD") == served.second
    assert git(place, "status", "--porcelain") == ""


def test_checksums(served, store):
    remote = f"{served.git}/app.git"
    source = GitSource(store)
    for ref, checksum in [("v1", served.first), ("v1", served.first[:8]), ("v1-annotated", served.annotated)]:
        assert files(source.fetch(GitTree(remote, ref, checksum=checksum))) == ONE
    assert files(source.fetch(GitTree(remote, "v1-annotated", checksum=served.first))) == ONE
    for ref in ("v1", served.first, "v1-annotated"):
        with pytest.raises(IntegrityError, match=f"not {served.second}"):
            source.fetch(GitTree(remote, ref, checksum=served.second))
    with pytest.raises(SourceError, match="no commit id"):
        source.fetch(GitTree(remote, "v1", checksum="xyz"))


@pytest.mark.parametrize(
    ("remote", "ref", "message"),
    [
        ("file:///etc", "", "no git remote"),
        ("/etc", "", "no git remote"),
        ("ext::sh -c id", "", "no git remote"),
        ("--upload-pack=id", "", "no git remote"),
        ("{git}/app.git", "--upload-pack=id", "no git ref"),
        ("{git}/app.git", "nothing", "has no branch or tag 'nothing'"),
        ("{git}/none.git", "", "can not read the refs of"),
        ("{git}/app.git", "0" * 40, "can not fetch"),
    ],
)
def test_refusals(served, store, remote, ref, message):
    with pytest.raises(SourceError, match=message):
        GitSource(store).fetch(GitTree(remote.format(git=served.git), ref))


def test_nothing_is_left_behind_by_a_failure(served, store):
    with pytest.raises(SourceError):
        GitSource(store).fetch(GitTree(f"{served.git}/app.git", "v1", "nothing"))
    work = os.path.join(store.root, "work")
    left = [name for _, names, files in os.walk(work) for name in [*names, *files] if "git" in name]
    assert left == []


def test_without_git_it_says_so(served, store, tmp_path):
    source = GitSource(store, environ={"PATH": str(tmp_path)})
    with pytest.raises(EnvironmentLackError, match="git"):
        source.fetch(GitTree(f"{served.git}/app.git"))


def test_the_configuration_of_the_machine_decides_nothing(tmp_path, monkeypatch):
    (tmp_path / ".gitconfig").write_text("[user]\nname = someone\n")
    program = GitProgram(
        {**os.environ, "HOME": str(tmp_path), "GIT_CONFIG_GLOBAL": str(tmp_path / ".gitconfig")}
    )
    with pytest.raises(GitError):
        program.run("config", "user.name")


def test_hooks_and_filters_of_a_repository_are_not_run(served, store, tmp_path):
    """A hook that came with a template or a clone would run at checkout; ours are looked for nowhere."""
    program = GitProgram(os.environ)
    assert program.run("config", "core.hooksPath").strip() == "/dev/null"


def test_secrets_are_in_the_environment_and_no_message(served, store):
    program = GitProgram(os.environ, headers={"http://h/": "Authorization: Bearer s3cret"})
    assert (
        program.run("config", "--get-urlmatch", "http.extraheader", "http://h/x").strip().endswith("s3cret")
    )
    source = GitSource(store)
    with pytest.raises(SourceError) as caught:
        source.fetch(GitTree("http://me:s3cret@127.0.0.1:9/x.git"))
    assert "s3cret" not in str(caught.value)
    assert redacted("https://me:s3cret@host/x") == "https://xxxxx:xxxxx@host/x"
    assert redacted("git@host:x") == "git@host:x"


def test_it_can_be_cancelled(served, store):
    def stop():
        raise KeyboardInterrupt

    program = GitProgram(os.environ, check=stop)
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        program.run("-c", "alias.wait=!sleep 30", "wait")
    assert time.monotonic() - started < 10


def test_file_modes_do_not_depend_on_the_umask(served, store):
    old = os.umask(0o077)
    try:
        tree = GitSource(store).fetch(GitTree(f"{served.git}/app.git", "v1"))
    finally:
        os.umask(old)
    assert stat.filemode(tree.lstat("sub").mode | stat.S_IFDIR) == "drwxr-xr-x"
