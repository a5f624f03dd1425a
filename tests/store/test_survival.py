"""Kills at any moment and losses of power: what the next process finds is sound."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from layerc.runtime.store import Result, Store, durability
from layerc.runtime.store.folders import cache_mounts

from .store_helpers import add_layer, fake_digest

# Adds layers 0, 1, 2, ... with a blob and a result each, and collects now and then.
WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
from store_helpers import add_layer
from layerc.runtime.oci.descriptor import Descriptor
from layerc.runtime.store import Result, Store
with Store.open(sys.argv[1]) as store:
    print("open", flush=True)
    below = ()
    for number in range(int(sys.argv[3]), int(sys.argv[3]) + 100000):
        layer = add_layer(store, number % 200)
        digest = store.blobs.put(b"blob %d" % (number % 50))
        store.add_layer_blob(layer.diff_id, Descriptor("application/x", digest, 7))
        below = (*below[-5:], layer.diff_id)
        store.add_result(str(number % 300), Result(below))
        if number % 40 == 39:
            store.sync()
            store.gc(keep_bytes=2000)
"""

# Adds a few layers, closes, and collects most of them, again and again.
COLLECTOR = """
import itertools, json, os, sys
sys.path.insert(0, sys.argv[2])
from store_helpers import add_layer
from layerc.runtime.oci.descriptor import Descriptor
from layerc.runtime.store import Result, Store
print("open", flush=True)
for turn in itertools.count(int(sys.argv[3])):
    with Store.open(sys.argv[1]) as store:
        for number in range(turn * 12, turn * 12 + 12):
            layer = add_layer(store, number % 200)
            digest = store.blobs.put(b"blob %d" % (number % 50))
            store.add_layer_blob(layer.diff_id, Descriptor("application/x", digest, 7))
            store.add_result(str(number), Result((layer.diff_id,), number % 7))
            store.add_trace(str(number % 9), Result((layer.diff_id,)), b"trace", 3)
        place = os.path.join(store.root, "caches", str(turn))
        os.makedirs(os.path.join(place, "data", "folder"), exist_ok=True)
        with open(os.path.join(place, "cache.json"), "w") as file:
            json.dump({"id": str(turn), "target": "/c"}, file)
    with Store.open(sys.argv[1]) as store:
        store.gc(keep_bytes=700)
"""


def check(root: str) -> None:
    """Everything that the index lists is there and whole."""
    with Store.open(root) as store:
        connection = sqlite3.connect(os.path.join(root, "index.db"))
        layers = connection.execute("SELECT snapshot, diff_id FROM layers").fetchall()
        blobs = connection.execute("SELECT digest FROM blobs").fetchall()
        results = connection.execute("SELECT key FROM results").fetchall()
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
        for snapshot, diff_id in layers:
            assert Path(store.snapshot_path(snapshot), "file").read_text() == str(int(diff_id[7:], 16))
            assert Path(store.index_path(snapshot)).read_bytes() == b"index"
        for (digest,) in blobs:
            store.blobs.read(digest)
        for (key,) in results:
            result = store.result(key)
            assert result is None or len(store.layers(result.layers)) == len(result.layers)
        assert store.size() == store.usage().total + sum(item.size for item in cache_mounts(root))
        store.gc(until=0)
        snapshots = {str(row[0]) for row in layers} | {"0"}
        assert set(os.listdir(os.path.join(root, "snapshots"))) == snapshots
        work = os.listdir(os.path.join(root, "work"))
        assert {name.partition("-")[0] for name in work} <= {str(os.getpid())}


def writer(root: str, start: int, program: str = WRITER) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, root, os.path.dirname(__file__), str(start)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


def test_collecting_killed_again_and_again(root: str) -> None:
    dice = random.Random(11)
    for attempt in range(12):
        process = writer(root, attempt * 5, COLLECTOR)
        time.sleep(dice.uniform(0.02, 0.3))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        check(root)
    with Store.open(root) as store:
        assert store.gc(keep_bytes=0).total == 0
        assert store.size() == 0
    assert os.listdir(os.path.join(root, "snapshots")) == ["0"]


def test_killed_again_and_again(root: str) -> None:
    dice = random.Random(7)
    for attempt in range(12):
        process = writer(root, attempt * 37)
        time.sleep(dice.uniform(0.01, 0.25))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        check(root)


def test_killed_while_another_goes_on(root: str) -> None:
    survivor = writer(root, 0)
    for attempt in range(4):
        victim = writer(root, 100 + attempt * 11)
        time.sleep(0.1)
        victim.send_signal(signal.SIGKILL)
        victim.communicate()
    assert survivor.poll() is None
    survivor.send_signal(signal.SIGKILL)
    survivor.communicate()
    check(root)


def test_processes_add_the_same_layers_at_once(root: str) -> None:
    program = (
        "import sys\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from store_helpers import add_layer\n"
        "from layerc.runtime.store import Store\n"
        "with Store.open(sys.argv[1]) as store:\n"
        "    print(*(add_layer(store, number).snapshot for number in range(100)))\n"
    )
    command = [sys.executable, "-c", program, root, os.path.dirname(__file__)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    outputs = {process.communicate()[0] for process in running}
    assert [process.returncode for process in running] == [0, 0, 0]
    assert len(outputs) == 1  # all were given the same snapshots
    check(root)


@pytest.mark.parametrize("flushed", [True, False])
def test_power_loss(root: str, flushed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(root) as store:
        add_layer(store, 1)
        digest = store.blobs.put(b"abc")
        store.add_result("key", Result((fake_digest(1),)))
        if flushed:
            store.sync()
    with Store.open(root) as store:  # the same boot: nothing is lost
        assert store.result("key") is not None
    monkeypatch.setattr(durability, "boot_id", lambda: "another boot")
    with Store.open(root) as store:
        assert (store.result("key") is not None) == flushed
        assert store.blobs.has(digest) == flushed
        layer = add_layer(store, 1)
        assert store.result("key") is not None
        assert store.blobs.put(b"abc") == digest
        assert store.blobs.read(digest) == b"abc"
        store.gc(until=0)
        assert os.listdir(os.path.join(root, "snapshots")).count(str(layer.snapshot)) == 1


def test_a_torn_blob_of_another_boot_is_replaced(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(root) as store:
        digest = store.blobs.put(b"abc")
        with open(store.blobs.path(digest), "wb"):
            pass
    monkeypatch.setattr(durability, "boot_id", lambda: "another boot")
    with Store.open(root) as store:
        assert not store.blobs.has(digest)
        store.blobs.put(b"abc")
        assert store.blobs.read(digest) == b"abc"


def test_flush_covers_what_was_added_before(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    flushes = []
    monkeypatch.setattr(durability, "flush", flushes.append)
    with Store.open(root) as store:
        store.sync()
        assert flushes == []
        add_layer(store, 1)
        store.sync()
        store.sync()
        assert flushes == [root]
        add_layer(store, 2)
    monkeypatch.setattr(durability, "boot_id", lambda: "another boot")
    with Store.open(root) as store:
        assert store.layer(fake_digest(1)) is not None
        assert store.layer(fake_digest(2)) is None
