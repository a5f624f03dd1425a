"""Tiny disks, damaged pages, deep trees, and what killed processes leave: mounts and lock files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from layerc.runtime.errors import StoreError
from layerc.runtime.store import Store, remove_tree

LEFT = """
import os, sys
from layerc.runtime.store.store import Store
store = Store.open(sys.argv[1])
draft = store.draft()
lock = store.lock("name")
lock.__enter__()
print(draft.path, flush=True)
os.kill(os.getpid(), 9)
"""


def test_a_page_of_the_index_is_damaged(root: str) -> None:
    with Store.open(root) as store:
        for number in range(200):
            store.add_record("kind", f"key{number}", b"x" * 500)
    path = Path(root, "index.db")
    data = bytearray(path.read_bytes())
    data[8192:] = b"\xaa" * (len(data) - 8192)
    path.write_bytes(data)
    with pytest.raises(StoreError, match="damaged"), Store.open(root) as store:  # noqa: PT012  # any of them may see it
        for number in range(200):
            store.record("kind", f"key{number}")
        store.usage()


@pytest.mark.root
@pytest.mark.parametrize("size", ["4k", "40k", "120k", "1m"])
def test_a_disk_that_is_too_small(tmp_path: Path, size: str) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", disk], check=True)
    try:
        with pytest.raises(StoreError) as caught, Store.open(f"{disk}/store") as store:  # noqa: PT012
            for number in range(10_000):
                store.blobs.put(b"%d" % number * 1000)
                store.add_record("kind", str(number), b"x" * 1000)
        assert "no space" in caught.value.message or "can not be read or written" in caught.value.message
        assert caught.value.help
        # Collecting needs a little room of its own for the index, as every change of it does.
        subprocess.run(["mount", "-o", "remount,size=4m", disk], check=True)
        with Store.open(f"{disk}/store") as store:
            store.gc()
            assert store.usage().blobs == 0
            assert not os.listdir(disk / "store" / "blobs" / "sha256")
            store.blobs.put(b"there is space again")
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def killed(root: str) -> str:
    done = subprocess.run([sys.executable, "-c", LEFT, root], capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    return done.stdout.strip()


def test_files_of_locks_that_nobody_holds_go(root: str) -> None:
    killed(root)
    with Store.open(root) as store:
        assert len(os.listdir(f"{root}/locks")) == 1
        with store.lock("other"):
            store.gc()
            assert len(os.listdir(f"{root}/locks")) == 1
            with pytest.raises(TimeoutError), store.lock("other", on_wait=_give_up):
                pass
        with store.lock("name"):
            pass
        assert os.listdir(f"{root}/locks") == []


def _give_up() -> None:
    raise TimeoutError


@pytest.mark.root
def test_nothing_is_removed_through_a_mount_that_was_left(root: str, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    draft = killed(root)
    target = os.path.join(draft, "a mount\twith blanks")
    os.mkdir(target)
    subprocess.run(["mount", "--bind", precious, target], check=True)
    with Store.open(root) as store:
        store.gc()
        assert not os.path.exists(draft)
    assert (precious / "file").read_text() == "x"


def make_deep(path: Path, depth: int) -> None:
    """Directories deeper than any path can name."""
    path.mkdir()
    here = os.open(path, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d" * 50, dir_fd=here)
        os.close(os.open("f", os.O_CREAT, dir_fd=here))
        below = os.open("d" * 50, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)


def test_removing_a_tree_deeper_than_a_path_can_name(tmp_path: Path) -> None:
    make_deep(tmp_path / "tree", 3000)
    os.symlink(tmp_path / "stays", tmp_path / "tree" / "link")
    (tmp_path / "stays").mkdir()
    (tmp_path / "stays" / "file").touch()
    remove_tree(str(tmp_path / "tree"))
    remove_tree(str(tmp_path / "nothing"))
    assert os.listdir(tmp_path) == ["stays"]
    assert os.listdir(tmp_path / "stays") == ["file"]


@pytest.mark.root
def test_removing_as_an_ordinary_user(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "b" / "file").touch()
    for path in (tmp_path, tree, tree / "a", tree / "a" / "b"):
        os.chown(path, 65534, 65534)
    for path in (tree / "a" / "b", tree / "a", tree):
        path.chmod(0)
    program = (
        "import os, sys\nfrom layerc.runtime.store.files import remove_tree\n"
        "os.chdir(sys.argv[1])\nos.setuid(65534)\nremove_tree('tree')\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
    assert not tree.exists()
