"""Mounting: by either interface of the kernel, from threads, of long stacks, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from layerc.runtime.errors import EnvironmentLackError
from layerc.runtime.snapshot import mount as mounting
from layerc.runtime.snapshot import syscalls
from layerc.runtime.snapshot.commit import commit
from layerc.runtime.snapshot.mount import mount
from layerc.runtime.snapshot.view import StackView
from layerc.runtime.store import Store

from .conftest import change_layer, read_tree

pytestmark = pytest.mark.root


def add_files(store: Store, names: list[str]) -> list[str]:
    """A stack with a layer for each file."""
    stack: list[str] = []
    for name in names:
        stack.append(change_layer(store, stack, lambda root, name=name: Path(root, name).touch()).diff_id)
    return stack


@pytest.fixture(params=["new", "old"])
def interface(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The interface of Linux 6.8 and the one that all kernels have."""
    if request.param == "old":

        def missing(kind: str) -> int:
            raise OSError(38, os.strerror(38))

        monkeypatch.setattr(syscalls, "open_file_system", missing)


@pytest.mark.usefixtures("interface")
@pytest.mark.parametrize("count", [0, 1, 2, 70])
def test_stacks(store: Store, count: int) -> None:
    stack = add_files(store, [str(number) for number in range(count)])
    with mount(store, stack) as root:
        assert sorted(os.listdir(root), key=int) == [str(number) for number in range(count)]
        if count:
            with pytest.raises(OSError, match="Read-only"):
                Path(root, "new").touch()
    assert not os.path.exists(root)
    with store.draft() as draft, mount(store, stack, draft) as root:
        Path(root, "new").touch()
        assert os.listdir(draft.diff) == ["new"]


@pytest.mark.usefixtures("interface")
def test_a_store_at_the_end_of_a_long_path(tmp_path: Path) -> None:
    with Store.open(str(tmp_path / ("x" * 200) / ("y" * 150))) as store:
        stack = add_files(store, ["a", "b"])
        with store.draft() as draft:
            with mount(store, stack, draft) as root:
                Path(root, "a").unlink()
            layer = commit(store, draft, StackView(store, stack))
        with mount(store, [*stack, layer.diff_id]) as root:
            assert os.listdir(root) == ["b"]


@pytest.mark.usefixtures("interface")
def test_threads_mount_at_once(store: Store) -> None:
    stack = add_files(store, ["a", "b"])
    before = os.getcwd()

    def work(number: int) -> str:
        with store.draft() as draft:
            with mount(store, stack, draft) as root:
                Path(root, str(number)).write_text(str(number))
                assert sorted(os.listdir(root)) == sorted(["a", "b", str(number)])
            return commit(store, draft, StackView(store, stack)).diff_id

    with ThreadPoolExecutor(6) as pool:
        diff_ids = list(pool.map(work, range(30)))
    assert len(set(diff_ids)) == 30
    assert os.getcwd() == before
    view = StackView(store, [*stack, *diff_ids])
    assert sorted(view.listdir("")) == sorted(["a", "b", *map(str, range(30))])


def test_too_many_layers(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounting, "MOST_LAYERS", 3)
    stack = add_files(store, ["a", "b", "c"])
    with mount(store, stack):
        pass
    stack.append(change_layer(store, stack, lambda root: Path(root, "d").touch()).diff_id)
    with pytest.raises(EnvironmentLackError, match="more than 3"), mount(store, stack):
        pass


def test_a_draft_can_be_mounted_again(store: Store) -> None:
    stack = add_files(store, ["a"])
    with store.draft() as draft:
        for name in ("b", "c"):
            with mount(store, stack, draft) as root:
                Path(root, name).touch()
        layer = commit(store, draft, StackView(store, stack))
    assert StackView(store, [*stack, layer.diff_id]).listdir("") == ["a", "b", "c"]


def test_a_file_that_is_still_open_does_not_hold_the_mount(store: Store) -> None:
    with store.draft() as draft:
        with mount(store, [], draft) as root:
            file = open(os.path.join(root, "file"), "wb", buffering=0)  # noqa: SIM115  # closed below
            file.write(b"abc")
        assert not os.path.exists(root)
        layer = commit(store, draft, StackView(store, ()))
        file.close()
    assert layer.entries == 1


def test_the_root_directory_keeps_what_it_is(store: Store) -> None:
    bottom = change_layer(store, [], lambda root: os.chmod(root, 0o711))
    top = change_layer(store, [bottom.diff_id], lambda root: Path(root, "a").touch())
    view = StackView(store, [bottom.diff_id, top.diff_id])
    entry = view.lstat("/")
    assert entry is not None
    assert entry.mode == 0o711
    with mount(store, view.stack) as root:
        assert read_tree(root)[""].mode == 0o711


def test_a_killed_process_leaves_no_mounts(store: Store) -> None:
    program = (
        "import sys, time\n"
        "from layerc.runtime.snapshot.mount import enter_mount_namespace, mount\n"
        "from layerc.runtime.store import Store\n"
        "enter_mount_namespace()\n"
        "store = Store.open(sys.argv[1])\n"
        "draft = store.draft()\n"
        "held = mount(store, [], draft)\n"
        "root = held.__enter__()\n"
        "open(root + '/file', 'w').close()\n"
        "print(root, flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, store.root], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    place = process.stdout.readline().strip()
    assert place not in Path("/proc/self/mounts").read_text()
    assert place in Path(f"/proc/{process.pid}/mounts").read_text()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    store.gc()
    assert not os.path.exists(place)
