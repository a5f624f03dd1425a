"""Mounts of a step, and the mount points that it leaves behind (none)."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerc.runtime.errors import InputError
from layerc.runtime.sandbox import ResolvedMount, Sandbox
from layerc.runtime.sandbox.rootpath import path_in_root
from layerc.runtime.sandbox.stubs import mount_points

from .conftest import Box
from .trees import OLD, make_rootfs

pytestmark = pytest.mark.root

# What a container always makes, as with BuildKit
STANDARD = ["dev", "proc", "sys"]


def test_bind_read_only_and_writable(box: Box, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/file").write_text("hello\n")
    (tmp_path / "out").mkdir()
    done = box.shell(
        "cat /src/file; touch /src/x; echo made > /out/y",
        ResolvedMount("bind", "/src", str(tmp_path / "in"), read_only=True),
        ResolvedMount("cache", "/out", str(tmp_path / "out")),
    )
    assert done.out == "hello\n"
    assert "Read-only file system" in done.err
    assert (tmp_path / "out/y").read_text() == "made\n"
    assert box.changes() == STANDARD


def test_bind_of_a_file(box: Box, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("hello\n")
    mount = ResolvedMount("bind", "/etc/new/f", str(tmp_path / "f"), read_only=True)
    assert box.shell("cat /etc/new/f", mount).out == "hello\n"
    assert box.changes() == STANDARD


def test_mounts_inside_mounts_whatever_their_order(box: Box, tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/a").touch()
    (tmp_path / "b/b").mkdir(parents=True)
    (tmp_path / "b/b/b").touch()
    inner = ResolvedMount("bind", "/m/b", str(tmp_path / "b"), read_only=True)
    outer = ResolvedMount("bind", "/m", str(tmp_path / "a"), read_only=True)
    for mounts in ((inner, outer), (outer, inner)):
        listing = box.shell("ls /m /m/b /m/b/b", *mounts).out.split()
        assert listing == ["/m:", "a", "b", "/m/b:", "b", "/m/b/b:", "b"]


def test_tmpfs(box: Box) -> None:
    done = box.shell(
        "echo x > /t/f; stat -c %a /t; dd if=/dev/zero of=/t/big bs=1024 count=2048; ls /t",
        ResolvedMount("tmpfs", "/t", size=1 << 20),
    )
    assert done.out.split() == ["1777", "big", "f"]
    assert "No space left" in done.err
    assert box.changes() == STANDARD


def test_script_files_can_be_executed(box: Box) -> None:
    mount = ResolvedMount(
        "file", "/dev/pipes/EOF", content=b"#!/bin/sh\necho $0 $1\n", mode=0o755, read_only=True
    )
    assert box.run("/dev/pipes/EOF", "x", mounts=(mount,)).out == "/dev/pipes/EOF x\n"
    assert "/dev/pipes" not in box.changes()
    assert box.changes() == [
        "proc",
        "sys",
    ]  # an empty /dev that was missing goes away with what was mounted in it


def test_dev_stays_if_the_image_has_it(
    sandbox: Sandbox, tmp_path: Path, overlay: Callable[[Path], tuple[Path, Path]]
) -> None:
    root = make_rootfs(tmp_path / "rootfs")
    for name in STANDARD:
        (root / name).mkdir()
        os.utime(root / name, ns=(OLD, OLD))
    os.utime(root, ns=(OLD, OLD))
    merged, upper = overlay(root)
    box = Box(sandbox, str(merged), upper)
    assert box.shell("true", ResolvedMount("file", "/dev/pipes/EOF", content=b"x")).status == 0
    assert box.changes() == []


# --- secrets -----------------------------------------------------------------------------------------

SECRET = b"correct horse battery staple"


def test_secret_file(box: Box) -> None:
    done = box.shell(
        "cat /run/secrets/token; stat -c '%a %u %g' /run/secrets/token; echo x > /run/secrets/token",
        ResolvedMount("secret", "/run/secrets/token", content=SECRET, mode=0o440, uid=1000, gid=1001),
    )
    assert done.out == f"{SECRET.decode()}440 1000 1001\n"
    assert "Read-only file system" in done.err


def test_secret_is_for_its_owner_only(box: Box) -> None:
    mount = ResolvedMount("secret", "/s", content=SECRET)
    assert "Permission denied" in box.shell("cat /s", mount, user="app").err


def test_secrets_are_on_no_disk(box: Box, tmp_path: Path) -> None:
    secret = os.urandom(16).hex().encode()
    mounts = (
        ResolvedMount("secret", "/run/secrets/token", content=secret),
        ResolvedMount("secret", "/etc/token", content=secret),
        ResolvedMount("env", "TOKEN", content=secret),
    )
    done = box.shell(
        "cat /etc/token; echo $TOKEN; while read a b c; do echo $b $c; done < /proc/self/mounts", *mounts
    )
    assert done.out.split("\n")[0] == secret.decode() * 2
    assert {line.split()[1] for line in done.out.split("\n") if "token" in line.split(" ")[0]} == {"tmpfs"}
    assert box.changes() == STANDARD
    for path in box.upper.rglob("*"):
        assert not path.is_file() or secret not in path.read_bytes()
    # and it is gone from memory
    for directory, _, names in os.walk("/dev/shm"):
        for name in names:
            assert secret not in Path(directory, name).read_bytes()


def test_secret_mode_without_write_or_execute(box: Box) -> None:
    done = box.shell(
        "/s; /x",
        ResolvedMount("secret", "/s", content=b"#!/bin/sh\necho ran\n", mode=0o400),
        ResolvedMount("secret", "/x", content=b"#!/bin/sh\necho ran\n", mode=0o500),
    )
    assert done.out == "ran\n"
    assert "Permission denied" in done.err


# --- ssh ---------------------------------------------------------------------------------------------


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    """Answers each message with the same in capitals; its first byte says that it is an answer."""
    path = str(tmp_path / "agent")
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()

    def serve() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            with peer:
                while data := peer.recv(1000):
                    peer.sendall(data[:4] + b"\x0c" + data[5:].upper())

    thread = threading.Thread(target=serve)
    thread.start()
    yield path
    server.shutdown(socket.SHUT_RDWR)
    thread.join()
    server.close()


def test_ssh_agent(box: Box, agent: str) -> None:
    from .test_isolation import machine_python

    python, mounts = machine_python(box)
    code = """
import os, socket
for _ in range(2):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect("/run/agent.sock")
        for kind, word in ((11, b"list"), (13, b"sign"), (17, b"add"), (19, b"drop"), (22, b"lock"), (27, b"more")):
            s.sendall(len(word + b".").to_bytes(4, "big") + bytes([kind]) + word)
            print(*s.recv(100)[4:])
with socket.socket(socket.AF_UNIX) as s:
    s.connect("/run/agent.sock")
    s.sendall(b"GET ")
    print(s.recv(100))
status = os.stat("/run/agent.sock")
print(oct(status.st_mode), status.st_uid, status.st_gid)
"""
    mount = ResolvedMount("ssh", "/run/agent.sock", agent, mode=0o600, uid=1000, gid=1001)
    done = box.run(*python, "-c", code, mounts=(*mounts, mount), user="app")
    answers = [" ".join(map(str, b"\x0c" + word)) for word in (b"LIST", b"SIGN")] + ["5"] * 4
    assert done.out.splitlines() == [*answers, *answers, "b''", "0o140600 1000 1001"]
    assert "run" not in box.changes()


def test_a_mount_that_nobody_knows(box: Box) -> None:
    with pytest.raises(InputError, match="unknown kind 'nfs'"):
        box.run("true", mounts=(ResolvedMount("nfs", "/x"),))


# --- mount points ------------------------------------------------------------------------------------


def test_nothing_is_left_but_what_the_step_made(box: Box) -> None:
    box.shell("mkdir -p /run/app; echo y > /new", ResolvedMount("tmpfs", "/run/cache/deep"))
    assert box.changes() == [*STANDARD[:1], "new", "proc", "run", "run/app", "sys"]
    assert (box.upper / "run").stat().st_mode & 0o7777 == 0o755


def test_directories_keep_their_time_stamps(box: Box) -> None:
    before = os.stat(Path(box.root, "etc"))
    assert box.shell("ls /etc/hosts /etc/resolv.conf").status == 0
    after = os.stat(Path(box.root, "etc"))
    assert (before.st_mtime_ns, before.st_mode) == (after.st_mtime_ns, after.st_mode)
    assert sorted(os.listdir(Path(box.root, "etc"))) == ["group", "passwd"]


def test_time_stamps_that_a_step_changed_stay_changed(box: Box) -> None:
    box.shell("touch /etc/new")
    assert Path(box.root, "etc").stat().st_mtime_ns > OLD


def test_files_of_the_image_are_seen_again_afterwards(box: Box) -> None:
    etc = Path(box.root, "etc")
    (etc / "hosts").write_text("")
    (etc / "resolv.conf").write_text("mine\n")
    done = box.shell("cat /etc/hosts /etc/resolv.conf")
    assert "localhost" in done.out
    assert "mine" not in done.out
    assert (etc / "hosts").read_text() == ""  # empty, but not ours to remove
    assert (etc / "resolv.conf").read_text() == "mine\n"


def test_a_dangling_link_to_the_resolver(box: Box) -> None:
    """As in Debian images: the target is made for the step only, the link stays."""
    link = Path(box.root, "etc/resolv.conf")
    link.symlink_to("../run/systemd/resolve/stub-resolv.conf")
    assert "nameserver" in box.shell("cat /etc/resolv.conf /run/systemd/resolve/stub-resolv.conf").out
    assert os.readlink(link) == "../run/systemd/resolve/stub-resolv.conf"
    assert "run" not in box.changes()


@pytest.mark.parametrize("way", ["absolute", "relative", "chain"])
def test_links_of_a_hostile_image_lead_nowhere(box: Box, tmp_path: Path, way: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "hosts").write_text("precious\n")
    link = Path(box.root, "etc/hosts")
    run = Path(box.root, "run")
    if way == "absolute":
        link.symlink_to(outside / "hosts")
        run.symlink_to(outside)
    elif way == "relative":
        link.symlink_to("../" * 30 + str(outside / "hosts"))
        run.symlink_to("../" * 30 + str(outside))
    else:
        Path(box.root, "hop").symlink_to("/../../../hop2")
        Path(box.root, "hop2").symlink_to(outside)
        link.symlink_to("/hop/hosts")
        run.symlink_to("hop")
    done = box.shell(
        "cat /etc/hosts; cat /run/secrets/s",
        ResolvedMount("secret", "/run/secrets/s", content=b"value"),
        cwd="/run/work",
    )
    assert "localhost" in done.out
    assert "value" in done.out
    assert sorted(os.listdir(outside)) == ["hosts"]
    assert (outside / "hosts").read_text() == "precious\n"


def test_a_step_can_not_move_the_cleaning_elsewhere(box: Box, tmp_path: Path) -> None:
    """The directory of a mount point is replaced by a link while the step runs."""
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim/empty").touch()
    box.shell(f"mv /a /b; ln -s {tmp_path}/victim /a", ResolvedMount("secret", "/a/empty", content=b"x"))
    box.shell(f"mkdir /c; ln -s {tmp_path}/victim /c/d")
    assert (tmp_path / "victim/empty").exists()


def test_links_are_followed_as_the_kernel_does_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "a/b").mkdir(parents=True)
    (root / "loop").symlink_to("loop")
    (root / "up").symlink_to("../../..")
    (root / "a/l").symlink_to("/a/b/../b/./new")
    assert path_in_root(str(root), "/up/a/../a//b/") == str(root / "a/b")
    assert path_in_root(str(root), "a/l/x") == str(root / "a/b/new/x")
    assert path_in_root(str(root), "/") == str(root)
    with pytest.raises(OSError, match="symbolic links"):
        path_in_root(str(root), "loop/x")


PART = st.sampled_from(["a", "b", "c", "..", ".", ""])


@given(
    links=st.dictionaries(
        st.sampled_from(["a", "b", "a/c"]),
        st.lists(PART, min_size=1, max_size=5).map("/".join).filter(bool),
        max_size=3,
    ),
    path=st.lists(PART, max_size=6).map("/".join),
)
def test_paths_never_lead_out(links: dict[str, str], path: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as base:
        root = os.path.join(base, "x/root")
        os.makedirs(root)
        for name, target in links.items():
            place = os.path.join(root, name)
            if os.path.isdir(os.path.dirname(place)) and not os.path.lexists(place):
                os.symlink(target, place)
        try:
            found = path_in_root(root, path)
        except OSError:
            return
        assert found == root or found.startswith(root + "/")
        assert "/../" not in found + "/"


def test_mount_points_are_made_and_taken_away(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "has").mkdir(parents=True)
    os.utime(root / "has", ns=(OLD, OLD))
    with mount_points(str(root), [("/has/file", False), ("/new/deep/dir", True), ("/has", True)]):
        assert (root / "has/file").is_file()
        assert (root / "new/deep/dir").is_dir()
        assert (root / "has").stat().st_mtime_ns == OLD
        (root / "new/mine").touch()
    assert sorted(str(path.relative_to(root)) for path in root.rglob("*")) == ["has", "new", "new/mine"]
    assert (root / "has").stat().st_mtime_ns == OLD
    shutil.rmtree(root)
