"""Whatever the way in which a program looks at a file: the tracer knows it."""

from __future__ import annotations

import errno
import os
import signal
import stat
import struct
import subprocess
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from layerc.runtime.store import Store
from layerc.runtime.trace.mirror import mirrored
from layerc.runtime.trace.trace import ABSENT, LINKED, LISTED, LOOKED_UP, READ, STATED

from .conftest import Stack, make_layer, observe

pytestmark = pytest.mark.root

TEXT = "the text"
NO_TIME = "946684800"

READING = dict.fromkeys(
    [
        "read",
        "openat",
        "openat2",
        "fchdir",
        "path_descriptor",
        "proc_root",
        "mmap",
        "preadv",
        "sendfile",
        "splice",
        "thread",
        "orphan",
        "passed",
        "chroot",
        "io_uring",
        "crowd",
    ],
    TEXT,
) | {"directories": f"many {TEXT}", "copy_file_range": "copy_file_range: EXDEV"}
STATING = {
    **dict.fromkeys(
        [
            "stat",
            "statx",
            "statx_forced",
            "statx_lazy_opened",
            "path_stat",
            "end",
            "hole",
            "fionread",
            "lock",
        ],
        str(len(TEXT)),
    ),
    "exists": "yes",
    "inotify": "watched",
}
LOOKING = {"readlink": "none", "listxattr": "0", "statx_lazy_time": NO_TIME}
COPYING_UP = [
    "write_mapped",
    "append",
    "truncate",
    "chmod",
    "chown",
    "touch",
    "setxattr",
    "link",
    "rename",
    "exchange",
]  # as it all stays


@pytest.fixture(scope="module")
def stack(store: Store, probe: Path) -> Stack:
    def change(root: Path) -> None:
        (root / "d").mkdir()
        (root / "d/f").write_text(TEXT)
        (root / "d/program").write_bytes(probe.read_bytes())
        (root / "d/program").chmod(0o755)

    return make_layer(store, (), change)


def run(probe: Path, way: str, path: Path) -> str:
    done = subprocess.run([probe, way, path], capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout.strip()


def asked(store: Store, stack: Stack, probe: Path, way: str, *, writable: bool = True) -> tuple[int, str]:
    seen = observe(store, stack, lambda root: run(probe, way, root / "d/f"), writable=writable)
    assert seen.events is not None, seen.complaint
    return seen.events["d/f"], seen.value


@pytest.mark.parametrize("writable", [True, False], ids=["overlay", "bind"])
@pytest.mark.parametrize("way", READING)
def test_contents_are_read(store: Store, stack: Stack, probe: Path, way: str, writable: bool) -> None:
    events, said = asked(store, stack, probe, way, writable=writable)
    assert said == READING[way]
    # Where the kernel refuses to copy at once, a program reads; it has been told no more than that it could.
    assert events == LOOKED_UP | STATED | (0 if way == "copy_file_range" else READ)


@pytest.mark.parametrize("writable", [True, False], ids=["overlay", "bind"])
@pytest.mark.parametrize("way", STATING)
def test_sizes_are_seen(store: Store, stack: Stack, probe: Path, way: str, writable: bool) -> None:
    events, said = asked(store, stack, probe, way, writable=writable)
    assert said == STATING[way]
    assert events & STATED


@pytest.mark.parametrize("writable", [True, False], ids=["overlay", "bind"])
@pytest.mark.parametrize("way", LOOKING)
def test_names_are_looked_up_and_no_more(
    store: Store, stack: Stack, probe: Path, way: str, writable: bool
) -> None:
    assert asked(store, stack, probe, way, writable=writable) == (LOOKED_UP, LOOKING[way])


@pytest.mark.parametrize("way", COPYING_UP)
def test_what_is_kept_of_a_changed_file_is_read(store: Store, stack: Stack, probe: Path, way: str) -> None:
    assert asked(store, stack, probe, way)[0] == LOOKED_UP | STATED | READ


def test_handles_do_not_lead_past_the_tracer(store: Store, stack: Stack, probe: Path) -> None:
    events, said = asked(store, stack, probe, "handle")
    assert said.startswith(("open_by_handle_at: ", "name_to_handle_at: "))
    events, said = asked(store, stack, probe, "handle", writable=False)
    assert events & READ if said == TEXT else said.startswith("open_by_handle_at: ")


def test_a_program_that_is_executed_is_read(store: Store, stack: Stack, probe: Path) -> None:
    def act(root: Path) -> None:
        subprocess.run([probe, "execveat", root / "d/program"], capture_output=True, check=False)
        subprocess.run([root / "d/program", "exists", "/"], check=True, capture_output=True)

    seen = observe(store, stack, act)
    assert seen.events == {"": 1, "d": 1, "d/program": LOOKED_UP | STATED | READ}


# --- each event by itself ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def zoo(store: Store) -> Stack:
    def change(root: Path) -> None:
        (root / "list").mkdir()
        for number in range(3000):
            (root / f"list/{number:04}").touch()
        (root / "empty").touch()
        (root / "one").write_text("1")
        os.link(root / "one", root / "two")
        (root / "link").symlink_to("one")
        (root / "gone").write_text("x")
        os.mkfifo(root / "fifo")
        os.mknod(root / "null", 0o20600, os.makedev(1, 3))
        os.write(os.open(root / os.fsdecode(b"\xff\n"), os.O_CREAT | os.O_WRONLY), b"odd")
        (root / "noted").write_text("")
        os.setxattr(root / "noted", "user.note", b"yes")
        (root / "secret").write_text("s")
        (root / "secret").chmod(0o600)

    def remove(root: Path) -> None:
        (root / "gone").unlink()

    return make_layer(store, make_layer(store, (), change), remove)


def open_as_nobody(root: Path, name: str) -> int:
    """Error number of another user who opens a file."""
    child = os.fork()
    if not child:
        os.chroot(root)
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        try:
            os.open(f"/{name}", os.O_RDONLY)
        except OSError as error:
            os._exit(error.errno or 255)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


CASES: dict[str, tuple[Callable[[Path], object], object, dict[str, int]]] = {
    "nothing": (lambda _: None, None, {}),
    "absent": (lambda root: os.path.lexists(root / "no/such/file"), False, {"no": ABSENT}),
    "removed": (lambda root: os.path.lexists(root / "gone"), False, {"gone": ABSENT}),
    "below a file": (lambda root: os.path.lexists(root / "one/x"), False, {"one": LOOKED_UP | LINKED}),
    "listing": (lambda root: len(os.listdir(root / "list")), 3000, {"list": LOOKED_UP | LISTED}),
    "order": (
        lambda root: os.listdir(root / "list") == sorted(os.listdir(root / "list")),
        True,
        {"list": LOOKED_UP | LISTED},
    ),
    "opened directory": (
        lambda root: os.close(os.open(root / "list", os.O_RDONLY)),
        None,
        {"list": LOOKED_UP},
    ),
    "directory": (
        lambda root: (os.stat(root / "list").st_mtime, os.stat(root / "list").st_size),
        (946684800.0, 4096),
        {"list": LOOKED_UP},
    ),
    "empty file": (lambda root: os.path.lexists(root / "empty"), True, {"empty": LOOKED_UP | STATED | READ}),
    "linked file": (lambda root: os.stat(root / "two").st_nlink, 2, {"two": LOOKED_UP | STATED | LINKED}),
    "same file": (
        lambda root: os.path.samefile(root / "one", root / "two"),
        True,
        dict.fromkeys(("one", "two"), LOOKED_UP | STATED | LINKED),
    ),
    "link": (lambda root: os.readlink(root / "link"), "one", {"link": LOOKED_UP}),
    "through a link": (
        lambda root: (root / "link").read_text(),
        "1",
        {"link": LOOKED_UP, "one": LOOKED_UP | STATED | READ | LINKED},
    ),
    "nodes": (
        lambda root: [os.lstat(root / name).st_rdev for name in ("fifo", "null")],
        [0, os.makedev(1, 3)],
        {"fifo": LOOKED_UP, "null": LOOKED_UP},
    ),
    "odd name": (
        lambda root: (root / os.fsdecode(b"\xff\n")).read_text(),
        "odd",
        {os.fsdecode(b"\xff\n"): LOOKED_UP | STATED | READ},
    ),
    "attribute": (lambda root: os.getxattr(root / "noted", "user.note"), b"yes", {"noted": 7}),
    "no attribute": (lambda root: os.listxattr(root / "list"), [], {"list": LOOKED_UP}),
    "unlink": (lambda root: (root / "link").unlink(), None, {"link": LOOKED_UP}),
    "replace": (
        lambda root: ((root / "new").write_text("new"), (root / "new").replace(root / "one"))[0],
        3,
        {"new": ABSENT, "one": LOOKED_UP | LINKED},
    ),
    "remove all": (
        lambda root: sum(1 for item in os.scandir(root / "list") if not os.unlink(item)),
        3000,
        {"list": LOOKED_UP | LISTED, **{f"list/{n:04}": 7 for n in range(3000)}},
    ),
    "new directory": (lambda root: os.makedirs(root / "a/b/c"), None, {"a": ABSENT}),
    "denied": (
        lambda root: open_as_nobody(root, "secret"),
        errno.EACCES,
        {"secret": LOOKED_UP},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_recorded(store: Store, zoo: Stack, name: str) -> None:
    act, value, events = CASES[name]
    seen = observe(store, zoo, act)
    assert seen.events is not None, seen.complaint
    assert seen.value == value
    root = seen.events.pop("")
    assert root & LOOKED_UP
    assert seen.events == events


@pytest.mark.parametrize("writable", [True, False], ids=["overlay", "bind"])
def test_a_listing_tells_attributes_to_those_who_ask_for_all(store: Store, writable: bool) -> None:
    """What is told unasked is right, and recorded: files named as those that were read, nothing else."""

    def change(root: Path) -> None:
        for number in range(9):
            (root / f"d{number}").mkdir()
            for name in range(300 if number > 6 else 5):
                (root / f"d{number}/{name}.py").write_text("x" * (number + name))
        for name in ("data.bin", "empty.bin", "module.py"):
            (root / f"d6/{name}").write_text("" if "empty" in name else name)
        (root / "d6/module.py").chmod(0o640)
        (root / "d6/link.py").symlink_to("0.py")

    def sizes(directory: Path) -> list[tuple[int, int]]:
        names = [entry for entry in os.scandir(directory) if entry.name.endswith(".py")]
        assert all(entry.inode() == os.lstat(entry).st_ino for entry in names)
        return sorted((len(Path(entry).read_bytes()), entry.stat().st_size) for entry in names)

    def act(root: Path) -> None:
        for number in range(6):
            assert sizes(root / f"d{number}") == [(number + name,) * 2 for name in range(5)]
        assert len(os.listdir(root / "d6")) == 9
        assert sizes(root / "d7") == [(7 + name,) * 2 for name in range(300)]
        assert stat.S_IMODE((root / "d6/module.py").lstat().st_mode) == 0o640
        assert len(os.listdir(root / "d8")) == 300

    seen = observe(store, make_layer(store, (), change), act, writable=writable)
    assert seen.events is not None, seen.complaint
    listed = {
        path.removeprefix("d6/"): event for path, event in seen.events.items() if path.startswith("d6/")
    }
    assert listed == dict.fromkeys(("module.py", *(f"{name}.py" for name in range(5))), LOOKED_UP | STATED)
    read = {
        f"d{number}/{name}.py"
        for number in range(8)
        if number != 6
        for name in range(300 if number == 7 else 5)
    }
    assert {path for path, event in seen.events.items() if event & READ} == read
    assert all(seen.events[path] == LOOKED_UP | STATED | READ for path in read)


def test_who_only_lists_depends_on_names_alone(store: Store) -> None:
    def change(root: Path) -> None:
        for number in range(9):
            (root / f"d{number}").mkdir()
            for name in range(8):
                (root / f"d{number}/{name}").write_text("x")

    def act(root: Path) -> None:
        for number in range(9):
            os.listdir(root / f"d{number}")
            for name in range(6):  # of eight: not all
                (root / f"d{number}/{name}").read_text()

    seen = observe(store, make_layer(store, (), change), act)
    assert seen.events is not None, seen.complaint
    assert {path[3:] for path in seen.events if "/" in path} == set("012345")


def test_modes_count_in_bind_mounts_too(store: Store, zoo: Stack) -> None:
    """A mirror without an overlay above it is on its own."""
    for name, error in {"secret": errno.EACCES, "one": 0}.items():
        seen = observe(store, zoo, lambda root, name=name: open_as_nobody(root, name), writable=False)
        assert seen.value == error


def test_deep_paths_and_long_names(store: Store) -> None:
    """Deeper than any path can be written, and more directories than the tracer holds open."""
    name = "n" * 255

    def change(root: Path) -> None:
        at = os.open(root, os.O_RDONLY)
        for _ in range(14):
            os.mkdir(name, dir_fd=at)
            at = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(os.open("end", os.O_CREAT, dir_fd=at))
        for number in range(4100):
            (root / f"d{number}").mkdir()
            (root / f"d{number}/f").write_text(str(number))

    stack = make_layer(store, (), change)

    def act(root: Path) -> int:
        with ExitStack() as held:
            at = os.open(root, os.O_RDONLY)
            held.callback(os.close, at)
            for _ in range(14):
                at = os.open(name, os.O_RDONLY, dir_fd=at)
                held.callback(os.close, at)
            os.stat("end", dir_fd=at)
        return sum(int((root / f"d{number}/f").read_text()) for number in (*range(4100), *range(4100)))

    seen = observe(store, stack, act)
    assert seen.value == 2 * sum(range(4100))
    assert seen.events is not None, seen.complaint
    assert seen.events["/".join([name] * 14 + ["end"])] == LOOKED_UP | STATED | READ
    assert seen.events["d4099/f"] == LOOKED_UP | STATED | READ
    assert len(seen.events) == 1 + 15 + 8200


def test_many_threads_and_signals(store: Store, stack: Stack, zoo: Stack) -> None:
    """Questions that are interrupted are asked again, or were not answered."""

    def act(root: Path) -> None:
        children = []
        for _ in range(14):
            child = os.fork()
            if not child:
                for number in range(3000):
                    os.path.lexists(root / f"list/{number:04}")
                os._exit(0)
            children.append(child)
        for child in children[::2]:
            os.kill(child, signal.SIGKILL)
        for child in children:
            os.waitpid(child, 0)
        threads = [threading.Thread(target=(root / "one").read_bytes) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    seen = observe(store, zoo, act)
    assert seen.events is not None, seen.complaint
    assert len(seen.events) == 3000 + 3


def test_sparse_files(store: Store, tmp_path: Path) -> None:
    """More than 4 GiB, with holes that are seen as such."""
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(5 << 30)
        file.seek(4 << 30)
        file.write(b"end")
    with mirrored(store, str(tmp_path), xattrs=False) as mirror, open(f"{mirror.path}/sparse", "rb") as file:
        assert file.seek(0, os.SEEK_DATA) == 4 << 30
        assert file.read(3) == b"end"
        assert file.seek(0, os.SEEK_END) == 5 << 30
    assert mirror.trace is not None
    assert mirror.trace.events == {"": LOOKED_UP, "sparse": LOOKED_UP | STATED | READ}


def access_list(user: int) -> bytes:
    """A POSIX access control list that lets one user read."""
    nobody = 0xFFFFFFFF
    rows = [(0x01, 6, nobody), (0x02, 4, user), (0x04, 0, nobody), (0x10, 4, nobody), (0x20, 0, nobody)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *row) for row in rows)


@pytest.mark.parametrize("writable", [True, False], ids=["overlay", "bind"])
def test_access_control_lists_count(store: Store, writable: bool) -> None:
    def change(root: Path) -> None:
        for name, user in {"open": 65534, "closed": 1}.items():
            (root / name).write_text("x")
            (root / name).chmod(0o600)
            os.setxattr(root / name, "system.posix_acl_access", access_list(user))

    stack = make_layer(store, (), change)
    for name, error in {"open": 0, "closed": errno.EACCES}.items():
        seen = observe(store, stack, lambda root, name=name: open_as_nobody(root, name), writable=writable)
        assert seen.value == error
