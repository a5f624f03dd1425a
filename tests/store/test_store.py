"""Opening, layers, results, records: what is kept, and what a user is told when it can not be."""

from __future__ import annotations

import os
import sqlite3
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from layerc.runtime.errors import StoreError
from layerc.runtime.oci.descriptor import Descriptor
from layerc.runtime.store import Result, Store, StoredLayer, default_root

from .store_helpers import add_layer, fake_digest, files_of


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"LAYERC_HOME": "/a/b", "XDG_DATA_HOME": "/c"}, "/a/b"),
        ({"XDG_DATA_HOME": "/c"}, "/c/layerc"),
        ({"XDG_DATA_HOME": "not/absolute", "HOME": "/h"}, "/h/.local/share/layerc"),
        ({"LAYERC_HOME": "", "HOME": "/h"}, "/h/.local/share/layerc"),
    ],
)
def test_place(environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LAYERC_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert default_root() == expected


def test_layer_becomes_a_numbered_snapshot(store: Store) -> None:
    layer = add_layer(store, 1)
    assert layer == store.layer(fake_digest(1))
    assert Path(store.snapshot_path(layer.snapshot), "file").read_text() == "1"
    assert Path(store.index_path(layer.snapshot)).read_bytes() == b"index"
    assert store.layer(fake_digest(2)) is None
    with pytest.raises(StoreError, match="no layer"):
        store.layers([fake_digest(1), fake_digest(2)])


def test_adding_a_layer_again_keeps_the_first(store: Store) -> None:
    first, again = add_layer(store, 1), add_layer(store, 1)
    assert first == again
    assert os.listdir(os.path.join(store.root, "snapshots")).count(str(first.snapshot)) == 1
    assert store.usage().layers == 1


def test_layers_are_there_after_reopening(root: str) -> None:
    with Store.open(root) as store:
        layer = add_layer(store, 1)
        store.add_result("key", Result((layer.diff_id,), 2.5, 100.0, "basis"))
        store.add_record("kind", "key", b"\0value")
    with Store.open(root) as store:
        assert store.layer(layer.diff_id) == layer
        assert store.result("key") == Result((layer.diff_id,), 2.5, 100.0, "basis")
        assert store.record("kind", "key") == b"\0value"
        assert store.record("other", "key") is None


def test_archives_of_a_layer(store: Store) -> None:
    layer = add_layer(store, 1)
    missing = Descriptor("application/x", fake_digest(9), 3)
    with pytest.raises(StoreError, match="no blob"):
        store.add_layer_blob(layer.diff_id, missing)
    digest = store.blobs.put(b"abc")
    blob = Descriptor("application/x", digest, 3)
    assert store.add_layer_blob(layer.diff_id, blob).blob == blob
    with Store.open(store.root) as other:
        found = other.layer(layer.diff_id)
        assert found is not None
        assert found.blobs == (blob,)


def test_result_needs_its_layers(store: Store) -> None:
    add_layer(store, 1)
    with pytest.raises(StoreError, match="no layer"):
        store.add_result("key", Result((fake_digest(1), fake_digest(2))))
    assert store.result("key") is None


def test_results_share_the_lower_part_of_their_stacks(store: Store) -> None:
    layers = tuple(add_layer(store, number).diff_id for number in range(30))
    for depth in range(31):
        store.add_result(str(depth), Result(layers[:depth]))
    store.add_result("other", Result((layers[1], layers[0])))
    connection = sqlite3.connect(os.path.join(store.root, "index.db"))
    assert connection.execute("SELECT count(*) FROM chains").fetchone() == (32,)
    connection.close()
    with Store.open(store.root) as other:
        assert [other.result(str(depth)) for depth in range(31)] == [
            store.result(str(depth)) for depth in range(31)
        ]
        found = other.result("30")
        assert found is not None
        assert found.layers == layers


def test_a_failed_transaction_leaves_nothing_in_memory(store: Store) -> None:
    layer = add_layer(store, 1)
    with store.draft() as draft:  # no index file, so it can not become a layer
        lame = StoredLayer(fake_digest(2), fake_digest(2), 0, 10, 0.0)
        with pytest.raises(StoreError):
            store.add_layer(draft, lame, 1)
    assert store.layer(fake_digest(2)) is None
    assert add_layer(store, 2).snapshot != layer.snapshot
    assert Path(store.snapshot_path(store.layers([fake_digest(2)])[0].snapshot), "file").read_text() == "2"


def test_threads_share_a_store(store: Store) -> None:
    def work(number: int) -> None:
        layer = add_layer(store, number % 20)
        store.add_result(f"key{number}", Result((layer.diff_id,)))
        assert store.result(f"key{number}") is not None
        store.blobs.put(str(number % 20).encode())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(100)))
    assert (store.usage().layers, store.usage().blobs, store.usage().results) == (20, 20, 100)


def test_opening_and_looking_up_writes_nothing(root: str) -> None:
    with Store.open(root) as store:
        store.add_result("key", Result((add_layer(store, 1).diff_id,)))
        digest = store.blobs.put(b"abc")
    before = files_of(root)
    with Store.open(root) as store:
        assert store.result("key") is not None
        assert store.blobs.has(digest)
        assert store.layer(fake_digest(2)) is None
    assert files_of(root) == before


def test_opens_fast(root: str) -> None:
    with Store.open(root) as store:
        for number in range(50):
            add_layer(store, number)
    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        Store.open(root).close()
        seconds.append(time.perf_counter() - start)
    assert statistics.median(seconds) < 0.005


# --- what can go wrong ---------------------------------------------------------------------------------


def test_root_is_a_file(tmp_path: Path) -> None:
    place = tmp_path / "store"
    place.write_text("")
    with pytest.raises(StoreError, match="is not a directory") as caught:
        Store.open(str(place))
    assert caught.value.help is not None


def test_path_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="too long"):
        Store.open(str(tmp_path / ("x" * 250) / ("y" * 250)))


def test_schema_of_a_newer_version(root: str) -> None:
    Store.open(root).close()
    connection = sqlite3.connect(os.path.join(root, "index.db"))
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="newer layerc") as caught:
        Store.open(root)
    assert "update" in str(caught.value.help)


@pytest.mark.parametrize("damage", [b"this is no data base", b"SQLite format 3\0" + b"\xff" * 5000])
def test_damaged_index(root: str, damage: bytes) -> None:
    Store.open(root).close()
    Path(root, "index.db").write_bytes(damage)
    with pytest.raises(StoreError, match="damaged") as caught:
        Store.open(root)
    assert root in str(caught.value.help)


def test_killed_while_it_was_made(root: str) -> None:
    """Every prefix of the making of a store is completed by the next who opens it."""
    os.makedirs(os.path.join(root, "blobs"))
    Store.open(root).close()
    os.unlink(os.path.join(root, "index.db"))
    Path(root, "index.db").touch()
    with Store.open(root) as store:
        add_layer(store, 1)


@pytest.mark.root
def test_no_permission(root: str) -> None:
    Store.open(root).close()
    os.chmod(root, 0o700)
    program = (
        "import os, sys\n"
        "from layerc.runtime.store.store import Store\n"
        "from layerc.runtime.errors import StoreError\n"
        "os.setuid(65534)\n"
        "try:\n"
        "    Store.open(sys.argv[1])\n"
        "except StoreError as error:\n"
        "    print(error.message, error.help)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, root], capture_output=True, text=True, check=True)
    assert "no permission" in done.stdout
    assert "LAYERC_HOME" in done.stdout


@pytest.mark.root
def test_full_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], check=True)
    try:
        with Store.open(str(disk / "store")) as store:
            with pytest.raises(StoreError, match="no space left") as caught:
                _put(store, bytes(4 << 20))
            assert "layerc cache gc" in str(caught.value.help)
            _put(store, b"small")  # the failed one has given its space back
            subprocess.run(["dd", "if=/dev/zero", f"of={disk}/fill"], capture_output=True, check=False)
            with pytest.raises(StoreError, match="no space left"):
                _fill_index(store)
            os.unlink(disk / "fill")
            add_layer(store, 1)
    finally:
        subprocess.run(["umount", disk], check=True)


def _put(store: Store, data: bytes) -> None:
    with store.blobs.writer() as writer:
        writer.write(data)
        writer.commit()


def _fill_index(store: Store) -> None:
    for number in range(3000):
        store.add_record("kind", str(number), bytes(1000))


def test_two_open_a_new_store_at_once(root: str) -> None:
    program = "import sys\nfrom layerc.runtime.store.store import Store\nStore.open(sys.argv[1]).close()\n"
    for attempt in range(5):
        place = f"{root}{attempt}"
        running = [subprocess.Popen([sys.executable, "-c", program, place]) for _ in range(3)]
        assert [process.wait() for process in running] == [0, 0, 0]
