"""Cache mounts between steps, processes and machines."""

from __future__ import annotations

import fcntl
import io
import json
import os
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import pytest
from tiny import BASE, TinyProject

from layerc.runtime.cli.main import main
from layerc.runtime.engine.cache_archive import export_caches, import_caches
from layerc.runtime.engine.cache_mounts import cache_identity
from layerc.runtime.errors import InputError, SourceError
from layerc.runtime.snapshot.mount import enter_mount_namespace
from layerc.runtime.store import Store

pytestmark = pytest.mark.root

NAME = cache_identity("npm", None, 0, 0)
ABOUT = json.dumps({"id": "npm", "owned": [None, 0, 0], "target": "/c"}).encode()
FILL = (
    "RUN --mount=type=cache,id=npm,target=/c umask 077; cd /c; mkdir -p d/e; echo 1 > d/file; ln d/file d/same; "
    "ln -s /etc/passwd link; mkfifo pipe; chmod 4755 d/file; chown 7:8 d/e; touch -d @1000 d/file .wh.file\n"
)


@pytest.fixture
def project(tmp_path: Path) -> TinyProject:
    enter_mount_namespace()
    return TinyProject(tmp_path)


def data_of(project: TinyProject) -> Path:
    return project.home / "caches" / NAME / "data"


def listing(root: Path) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for path in sorted([root, *root.rglob("*")]):
        status = path.lstat()
        kept = (status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns, status.st_nlink)
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found.append((str(path.relative_to(root)), *kept, content))
    return found


# --- between processes -------------------------------------------------------------------------------


def test_a_locked_user_waits_for_shared_ones(project: TinyProject) -> None:
    """What the two leave in the cache shows whether they were there at once."""
    work = "echo in-{0} >> /c/log; sleep {1}; echo out-{0} >> /c/log\n"
    text = "RUN --mount=type=cache,id=c,sharing={2},target=/c " + work
    project.build(text.format("first", 0, "shared"))
    running = []
    for name, sharing in (("one", "shared"), ("two", "locked"), ("three", "shared")):
        path = project.home.with_name(f"Dockerfile.{name}")
        path.write_text(BASE + text.format(name, 0.5, sharing))
        words = ["build", "-q", "--store", str(project.home), "-f", str(path), str(project.context)]
        running.append(subprocess.Popen([sys.executable, "-m", "layerc", *words], stdout=subprocess.DEVNULL))
    assert [process.wait(60) for process in running] == [0, 0, 0]
    (log,) = project.home.glob("caches/*/data/log")
    lines = log.read_text().split()
    assert len(lines) == 8
    assert lines[lines.index("in-two") + 1] == "out-two"


def test_one_step_may_ask_twice(project: TinyProject) -> None:
    mounts = "".join(
        f"--mount=type=cache,id=c,sharing={sharing},target=/{sharing} "
        for sharing in ("shared", "locked", "private")
    )
    project.build(f"RUN {mounts} echo x > /locked/file; cat /shared/file /private/file\n")
    assert len(os.listdir(project.home / "caches")) == 1


def test_a_cache_in_use_stays(project: TinyProject) -> None:
    text = "RUN --mount=type=cache,id=npm,target=/c touch /c/here; sleep 1; test -e /c/here\n"
    building = threading.Thread(target=project.build, args=(text,))
    building.start()
    while not (data_of(project) / "here").exists():
        time.sleep(0.02)
    with Store.open(str(project.home)) as store:
        store.gc()
    building.join()
    assert project.ran()[-1].startswith("RUN --mount")
    with Store.open(str(project.home)) as store:
        store.gc()
    assert not data_of(project).exists()


def test_a_limit_takes_the_least_recently_used(project: TinyProject) -> None:
    text = "RUN --mount=type=cache,id={0},target=/c echo {1}; dd if=/dev/zero of=/c/file bs=1M count=2 2>&1\n"
    for count, name in enumerate(("one", "two", "three", "one")):
        project.build(text.format(name, count))

    def left() -> set[str]:
        return {json.loads(path.read_bytes())["id"] for path in project.home.glob("caches/*/cache.json")}

    words = ["cache", "gc", "--store", str(project.home), "--keep-mounts"]
    assert main([*words, "9MB"]) == 0
    assert left() == {"one", "two", "three"}
    assert main([*words, "5MB"]) == 0
    assert left() == {"one", "three"}
    assert main([*words, "3MB"]) == 0
    assert left() == {"one"}
    project.build(text.format("one", 3))
    assert project.ran() == []  # results stay


# --- between machines --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mounts.tar", "mounts.tar.gz", "mounts.tar.zst"])
def test_caches_go_to_another_store(
    project: TinyProject, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    project.build(FILL)
    before = listing(data_of(project))
    path = str(project.home.with_name(name))
    assert main(["cache", "export", "--store", str(project.home), "--mounts", path]) == 0
    assert main(["cache", "export", "--store", str(project.home), "--mount", "npm", f"{path}.{name}"]) == 0
    assert Path(path).read_bytes() == Path(f"{path}.{name}").read_bytes()
    project.home = project.home.with_name("other")
    assert main(["cache", "import", "--store", str(project.home), path]) == 0
    assert capsys.readouterr().out.count("npm") == 3
    assert listing(data_of(project)) == before
    project.build("RUN --mount=type=cache,id=npm,target=/c cp /c/d/file /found\n")
    assert main(["cache", "import", "--store", str(project.home), path]) == 0
    assert capsys.readouterr().out == ""  # it is there already


def test_what_is_there_stays(project: TinyProject, tmp_path: Path) -> None:
    project.build(FILL)
    archive = str(tmp_path / "mounts.tar")
    with Store.open(str(project.home)) as store:
        export_caches(store, archive)
        (data_of(project) / "d/file").write_text("own")
        assert import_caches(store, archive) == []
    assert (data_of(project) / "d/file").read_text() == "own"


def test_export_waits_for_steps(project: TinyProject, tmp_path: Path) -> None:
    project.build(FILL)
    about = data_of(project).parent / "cache.json"
    with Store.open(str(project.home)) as store, about.open() as user:
        fcntl.flock(user, fcntl.LOCK_SH)
        exporting = threading.Thread(target=export_caches, args=(store, str(tmp_path / "a.tar")))
        exporting.start()
        exporting.join(0.3)
        assert exporting.is_alive()
        fcntl.flock(user, fcntl.LOCK_UN)
        exporting.join()
    assert (tmp_path / "a.tar").exists()


def test_a_cache_that_is_not_there(tmp_path: Path) -> None:
    with Store.open(str(tmp_path / "store")) as store:
        with pytest.raises(InputError, match="no cache mount 'x'"):
            export_caches(store, str(tmp_path / "a.tar"), ["x"])
        with pytest.raises(InputError, match="can not read"):
            import_caches(store, str(tmp_path / "a.tar"))
    assert os.listdir(tmp_path) == ["store"]


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def archive(path: Path, *members: tarfile.TarInfo, about: bytes = ABOUT, name: str = NAME) -> str:
    with tarfile.open(path, "w") as target:
        target.addfile(member(name, tarfile.DIRTYPE))
        note = member(f"{name}/cache.json")
        note.size = len(about)
        target.addfile(note, io.BytesIO(about))
        target.addfile(member(f"{name}/data", tarfile.DIRTYPE))
        for item in members:
            target.addfile(item)
    return str(path)


DATA = f"{NAME}/data"
HOSTILE = {
    "outside": [member("../escaped")],
    "absolute": [member("/tmp/escaped")],
    "above": [member(f"{DATA}/../../../escaped")],
    "through a link": [member(f"{DATA}/out", tarfile.SYMTYPE, "/tmp"), member(f"{DATA}/out/escaped")],
    "link to outside": [member(f"{DATA}/passwd", tarfile.LNKTYPE, "/etc/passwd")],
    "link above": [member(f"{DATA}/passwd", tarfile.LNKTYPE, f"{NAME}/../../../../../etc/passwd")],
    "link to a link": [
        member(f"{DATA}/a", tarfile.SYMTYPE, "/etc/passwd"),
        member(f"{DATA}/a", tarfile.LNKTYPE, f"{DATA}/a"),
    ],
    "device": [member(f"{DATA}/disk", tarfile.BLKTYPE)],
    "whiteout": [member(f"{DATA}/null", tarfile.CHRTYPE)],
    "twice": [member(f"{DATA}/a"), member(f"{DATA}/a")],
    "over a link": [member(f"{DATA}/a", tarfile.SYMTYPE, "/tmp/escaped"), member(f"{DATA}/a")],
    "other file": [member(f"{NAME}/evil")],
    "other data": [member("f" * 64, tarfile.DIRTYPE)],
    "no directory": [member("plain")],
    "file as directory": [member(f"{DATA}/a"), member(f"{DATA}/a/b")],
    "long": [member(f"{DATA}/{'x' * 300}")],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_get_nowhere(name: str, tmp_path: Path) -> None:
    path = archive(tmp_path / "evil.tar", *HOSTILE[name])
    with Store.open(str(tmp_path / "store")) as store:
        with pytest.raises(SourceError):
            import_caches(store, path)
        assert not os.path.exists(os.path.join(store.root, "caches"))
    assert not list(tmp_path.rglob("escaped"))
    assert not os.path.lexists("/tmp/escaped")  # where some of them would go


@pytest.mark.parametrize(
    ("about", "name"),
    [
        (ABOUT.replace(b"npm", b"pip"), NAME),
        (ABOUT, "0" * 64),
        (b"[]", NAME),
        (b"{", NAME),
        (b"[" * 60_000, NAME),
        (b'{"id": 1, "owned": [null, 0, 0]}', NAME),
        (b" " * 100_000 + ABOUT, NAME),
    ],
)
def test_an_archive_can_not_stand_for_another_cache(about: bytes, name: str, tmp_path: Path) -> None:
    path = archive(tmp_path / "evil.tar", about=about, name=name)
    with Store.open(str(tmp_path / "store")) as store:
        with pytest.raises(SourceError):
            import_caches(store, path)
        assert not os.path.exists(os.path.join(store.root, "caches"))


def test_what_is_no_archive_is_told(tmp_path: Path) -> None:
    path = tmp_path / "no.tar"
    with Store.open(str(tmp_path / "store")) as store:
        for data in (b"x" * 2000, b"\x1f\x8b\x08damaged", b"\x28\xb5\x2f\xfddamaged"):
            path.write_bytes(data)
            with pytest.raises(SourceError):
                import_caches(store, str(path))
        path.unlink()
        os.mkfifo(path)
        with pytest.raises(InputError):
            import_caches(store, str(path))


@pytest.mark.parametrize(
    "words",
    [
        ["export"],
        ["export", "--mounts", "--mount", "x", "a.tar"],
        ["export", "--mounts", "--tag", "x", "a.tar"],
        ["import", "/"],
        ["import", "a", "b"],
    ],
)
def test_wrong_words_are_told(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", *words, "--store", str(tmp_path / "store")]) == 2
    assert "error: " in capsys.readouterr().err
