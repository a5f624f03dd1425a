"""Locks and leases, among threads, processes and the killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from layerc.runtime.store import Result, Store

from .store_helpers import add_layer, fake_digest

HOLDER = """
import sys, time
from layerc.runtime.store.store import Store
store = Store.open(sys.argv[1])
{body}
print("held", flush=True)
time.sleep(60)
"""


def holder(root: str, body: str) -> subprocess.Popen[str]:
    """A process that holds something, until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER.format(body=body), root], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_threads_exclude_each_other(store: Store) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        with store.lock("one name"):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.001)
            inside.remove(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(50)))
    assert most == [1] * 50
    assert os.listdir(os.path.join(store.root, "locks")) == []


def test_names_are_apart(store: Store) -> None:
    with store.lock("one"), store.lock("two"), store.lock("../\0 odd \udcff"):
        assert len(os.listdir(os.path.join(store.root, "locks"))) == 3


def test_waiting_can_be_given_up(store: Store) -> None:
    def give_up() -> None:
        raise TimeoutError

    with store.lock("name"), pytest.raises(TimeoutError), store.lock("name", give_up):
        pass
    with store.lock("name", give_up):
        pass


def test_waiting_ends_when_the_holder_leaves(store: Store) -> None:
    entered = threading.Event()

    def wait() -> None:
        with store.lock("name", lambda: None):
            entered.set()

    with store.lock("name"):
        thread = threading.Thread(target=wait)
        thread.start()
        assert not entered.wait(0.05)
    thread.join(5)
    assert entered.is_set()


def test_an_error_inside_passes_and_releases(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.lock("name"):
        raise ZeroDivisionError
    with store.lock("name", lambda: pytest.fail("it is still held")):
        pass


def test_a_killed_process_releases_its_lock(store: Store) -> None:
    process = holder(store.root, "lock = store.lock('name'); lock.__enter__()")
    waited = []

    def waiting() -> None:
        waited.append(1)
        if len(waited) == 3:
            kill(process)

    with store.lock("name", waiting):
        assert len(waited) >= 3
    assert os.listdir(os.path.join(store.root, "locks")) == []


def test_another_process_keeps_what_it_was_given(store: Store) -> None:
    for number in (1, 2):
        layer = add_layer(store, number)
        store.add_result(str(number), Result((layer.diff_id,)))
    blob = store.blobs.put(b"abc")
    root = store.root
    store.close()
    process = holder(root, f"store.result('1'); store.blobs.has({blob!r})")
    with Store.open(root) as collector:
        removed = collector.gc().removed
        assert (removed["layers"], removed["results"], removed["blobs"]) == (1, 1, 0)
        assert collector.layer(fake_digest(1)) is not None
        assert collector.layer(fake_digest(2)) is None
    kill(process)
    with Store.open(root) as collector:
        assert collector.gc().total == 0
        assert os.listdir(os.path.join(root, "snapshots")) == ["0"]


def test_drafts_of_the_dead_are_removed_and_of_the_living_not(store: Store) -> None:
    body = "draft = store.draft(); open(draft.diff + '/file', 'w').close()"
    dead, living = holder(store.root, body), holder(store.root, body)
    kill(dead)
    work = Path(store.root, "work")
    assert len(list(work.glob("*/draft*/diff/file"))) == 2
    store.gc()
    assert [path.name.partition("-")[0] for path in work.glob("*-????????") if path.is_dir()] == [
        str(living.pid)
    ]
    kill(living)
    store.gc()
    assert list(work.glob("*/draft*")) == []
