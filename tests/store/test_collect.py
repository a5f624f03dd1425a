"""Garbage collection: what goes, in which order, and what stays."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from layerc.runtime.oci.descriptor import Descriptor
from layerc.runtime.store import Result, Store
from layerc.runtime.store.folders import cache_mounts, hold_cache

from .store_helpers import add_layer, fake_digest


def filled(root: str, stacks: Sequence[Sequence[int]], disk: int = 100) -> None:
    """A store with a result for each stack of layers, the first used at second 1, the next at 2, ..."""
    with Store.open(root) as store:
        for stack in stacks:
            layers = [add_layer(store, number, disk).diff_id for number in stack]
            store.add_result(",".join(map(str, stack)), Result(tuple(layers)))
    connection = sqlite3.connect(os.path.join(root, "index.db"))
    for second, stack in enumerate(stacks, 1):
        key = ",".join(map(str, stack))
        connection.execute("UPDATE results SET used = ? WHERE key = ?", (second, key))
        for number in stack:
            connection.execute("UPDATE layers SET used = ? WHERE diff_id = ?", (second, fake_digest(number)))
    connection.commit()
    connection.close()


def layers_of(root: str) -> set[int]:
    """The numbers of the layers that are there, in the index and on disk."""
    connection = sqlite3.connect(os.path.join(root, "index.db"))
    rows = connection.execute("SELECT snapshot, diff_id FROM layers").fetchall()
    connection.close()
    numbers = {str(row[0]) for row in rows}
    assert set(os.listdir(os.path.join(root, "snapshots"))) == numbers | {"0"}
    assert set(os.listdir(os.path.join(root, "indexes"))) == numbers
    return {int(row[1].partition(":")[2], 16) for row in rows}


def test_everything(root: str) -> None:
    filled(root, [(1,), (1, 2), (3,)])
    with Store.open(root) as store:
        usage = store.gc()
    assert (usage.layers, usage.results, usage.total) == (0, 0, 0)
    assert usage.removed == {"layers": 3, "blobs": 0, "results": 3, "caches": 0, "bytes": 300}
    assert layers_of(root) == set()


def test_until(root: str) -> None:
    filled(root, [(1, 2), (3,), (1, 4)])
    with Store.open(root) as store:
        store.gc(until=2.5)
        assert store.result("1,4") is not None
        assert store.result("1,2") is None
    assert layers_of(root) == {1, 4}


@pytest.mark.parametrize(
    ("keep", "expected"), [(400, {1, 2, 3, 4}), (399, {1, 3, 4}), (300, {1, 3, 4}), (200, {1, 4}), (0, set())]
)
def test_size(root: str, keep: int, expected: set[int]) -> None:
    """A layer that several results use goes with the last of them, and costs its size once."""
    filled(root, [(1, 2), (3,), (1, 4)])
    with Store.open(root) as store:
        assert store.gc(keep_bytes=keep).total <= keep
    assert layers_of(root) == expected


def test_use_keeps_a_result_young(root: str) -> None:
    filled(root, [(1,), (2,)])
    with Store.open(root) as store:
        assert store.result("1") is not None
    with Store.open(root) as store:
        store.gc(keep_bytes=100)
    assert layers_of(root) == {1}


def test_what_this_store_has_handed_out_stays(root: str) -> None:
    filled(root, [(1, 2), (3,)])
    with Store.open(root) as store:
        result = store.result("1,2")
        assert result is not None
        store.gc()
        assert [layer.diff_id for layer in store.layers(result.layers)] == list(result.layers)
        store.add_result("again", result)
        assert store.result("again") == store.result("again")
    with Store.open(root) as store:
        found = store.result("again")
        assert found is not None
        assert found.layers == result.layers
    assert layers_of(root) == {1, 2}


def test_results_can_be_noted_after_their_chain_was_collected(root: str) -> None:
    """Numbers of chains that were collected meanwhile are not believed."""
    with Store.open(root) as store:
        layers = tuple(add_layer(store, number).diff_id for number in (1, 2, 3))
        store.add_result("old", Result(layers[:2]))
        connection = sqlite3.connect(os.path.join(root, "index.db"))
        connection.executescript("DELETE FROM results; DELETE FROM chains;")
        connection.close()
        assert store.result("old") is None
        store.add_result("new", Result(layers))
    with Store.open(root) as store:
        found = store.result("new")
        assert found is not None
        assert found.layers == layers


def test_archives_go_with_their_layer(root: str) -> None:
    filled(root, [(1,), (2,)])
    with Store.open(root) as store:
        for number in (1, 2):
            digest = store.blobs.put(str(number).encode())
            store.add_layer_blob(fake_digest(number), Descriptor("application/x", digest, 1))
        loose = store.blobs.put(b"loose")
    with Store.open(root) as store:
        store.gc(until=1.5)
        assert store.usage().layers == 1
    connection = sqlite3.connect(os.path.join(root, "index.db"))
    connection.execute("UPDATE blobs SET used = 0")
    connection.commit()
    connection.close()
    with Store.open(root) as store:
        store.gc(until=1.5)
        assert store.usage().blobs == 1
        assert not store.blobs.has(loose)
        assert not os.path.exists(store.blobs.path(loose))
        (layer,) = store.layers([fake_digest(2)])
        assert layer.blob is not None
        assert store.blobs.read(layer.blob.digest) == b"2"


def test_files_that_no_row_names_are_removed(store: Store) -> None:
    layer = add_layer(store, 1)
    Path(store.snapshot_path(77)).mkdir()
    Path(store.snapshot_path(77), "file").touch()
    Path(store.index_path(78)).touch()
    digest = store.blobs.put(b"abc")
    orphan = Path(store.blobs.path(fake_digest(5)))
    orphan.touch()
    store.gc(until=0)
    assert not Path(store.snapshot_path(77)).exists()
    assert not Path(store.index_path(78)).exists()
    assert not orphan.exists()
    assert store.blobs.read(digest) == b"abc"
    assert Path(store.snapshot_path(layer.snapshot), "file").exists()


def test_numbers_are_never_given_again(root: str) -> None:
    filled(root, [(1,)])
    with Store.open(root) as store:
        store.gc()
    with Store.open(root) as store:
        assert add_layer(store, 2).snapshot == 2


def test_many_results_are_decided_at_once(root: str) -> None:
    """The time for a collection grows with what there is, not with its square."""
    with Store.open(root) as store:
        stack: tuple[str, ...] = ()
        for number in range(600):
            stack = (*stack, add_layer(store, number).diff_id) if number % 20 else ()
            store.add_result(f"a{number}", Result(stack))
            store.add_result(f"b{number}", Result(stack))
    with Store.open(root) as store:
        start = time.process_time()
        usage = store.gc(keep_bytes=20_000)
        assert time.process_time() - start < 2
        assert 15_000 <= usage.total <= 20_000
        assert store.result("a1") is None
        assert store.result("b599") is not None


# --- by worth ----------------------------------------------------------------------------------------


def noted(root: str, steps: Sequence[tuple[int, float, int, float]]) -> None:
    """A store with a result for each (number, seconds, bytes on disk, days since its last use)."""
    now = 1_000_000_000.0
    with Store.open(root) as store:
        for number, seconds, disk, _ in steps:
            store.add_result(str(number), Result((add_layer(store, number, disk).diff_id,), seconds))
    connection = sqlite3.connect(os.path.join(root, "index.db"))
    for number, _, _, days in steps:
        connection.execute("UPDATE results SET used = ? WHERE key = ?", (now - days * 86400, str(number)))
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("steps", "keep", "left"),
    [
        pytest.param([(1, 60, 10**6, 0), (2, 1, 10**6, 0)], 10**6, {1}, id="the slower one stays"),
        pytest.param([(1, 10, 10**8, 0), (2, 10, 10**6, 0)], 10**8, {2}, id="the smaller one stays"),
        pytest.param([(1, 60, 10**6, 3), (2, 1, 10**6, 0)], 10**6, {1}, id="worth is a delay"),
        pytest.param([(1, 60, 10**6, 9), (2, 1, 10**6, 0)], 10**6, {2}, id="but not for ever"),
        pytest.param(
            [(1, 1, 9 * 10**8, 0), (2, 60, 10**6, 0), (3, 60, 10**6, 0)],
            10**7,
            {2, 3},
            id="parents are not pinned",
        ),
    ],
)
def test_what_costs_least_to_make_again_goes_first(
    root: str, steps: list[tuple[int, float, int, float]], keep: int, left: set[int]
) -> None:
    noted(root, steps)
    with Store.open(root) as store:
        assert store.gc(keep_bytes=keep).total <= keep
    assert layers_of(root) == left


def test_a_layer_that_lends_its_files_stays_with_those_who_borrow(root: str) -> None:
    noted(root, [(1, 1, 10**6, 5), (2, 1, 10**3, 0)])
    connection = sqlite3.connect(os.path.join(root, "index.db"))
    connection.execute("UPDATE layers SET borrows = 1 WHERE snapshot = 2")
    connection.commit()
    connection.close()
    with Store.open(root) as store:
        store.gc(until=1_000_000_000.0 - 86400)
    assert layers_of(root) == {1, 2}
    with Store.open(root) as store:
        assert store.result("1") is None
        assert store.result("2") is not None
    with Store.open(root) as store:
        store.gc()
    assert layers_of(root) == set()


def test_the_totals_are_those_of_the_tables(root: str) -> None:
    filled(root, [(1, 2), (3,)])
    with Store.open(root) as store:
        store.blobs.put(b"abc")
        assert store.size() == store.usage().total == 303
        store.gc(until=2.5)
        assert store.size() == store.usage().total
    with Store.open(root) as store:
        store.gc()
        assert store.size() == 0


def test_traces_go_with_their_result(root: str) -> None:
    filled(root, [(1,), (2,)])
    with Store.open(root) as store:
        store.add_trace("key", Result((fake_digest(1),)), b"trace", 8)
    connection = sqlite3.connect(os.path.join(root, "index.db"))
    connection.execute("UPDATE traces SET used = 1")
    connection.commit()
    connection.close()
    with Store.open(root) as store:
        store.gc(until=1.5)
        assert list(store.traces("key")) == []
    connection = sqlite3.connect(os.path.join(root, "index.db"))
    assert connection.execute("SELECT count(*) FROM traces").fetchone() == (0,)
    connection.close()


# --- beside the index --------------------------------------------------------------------------------


def cache(root: str, name: str, size: int, used: float) -> Path:
    place = Path(root, "caches", name)
    (place / "data").mkdir(parents=True)
    (place / "data" / "file").write_bytes(bytes(size))
    (place / "cache.json").write_text('{"id": "pip", "target": "/root/.cache"}')
    os.utime(place / "cache.json", (used, used))
    return place


def test_cache_mounts_go_unless_they_are_in_use(root: str) -> None:
    with Store.open(root) as store:
        free, used = cache(root, "free", 50_000, 1.0), cache(root, "used", 50_000, 1.0)
        (listed, _) = cache_mounts(root)
        assert (listed.name, listed.id, listed.target, listed.used) == ("free", "pip", "/root/.cache", 1.0)
        assert 50_000 <= listed.size <= 60_000
        assert store.size() >= 100_000
        with hold_cache(str(used), lambda: None):
            removed = store.gc().removed
            assert removed["caches"] == 1
            assert (free.exists(), used.exists()) == (False, True)
        assert store.gc().removed["caches"] == 1
        assert not used.exists()


def test_a_cache_that_goes_while_it_is_asked_for_is_made_again(root: str) -> None:
    with Store.open(root):
        place = cache(root, "one", 1, 1.0)
        made = []

        def make() -> None:
            if not place.exists():
                made.append(1)
                cache(root, "one", 1, 1.0)
            elif not made:
                shutil.rmtree(place)  # between the look and the lock

        with hold_cache(str(place), make):
            assert place.exists()
            assert made == [1]
            assert (place / "cache.json").stat().st_mtime > time.time() - 60


def test_old_files_about_contexts_builds_and_tools_go(root: str) -> None:
    with Store.open(root) as store:
        for folder in ("contexts", "builds", "tools"):
            for name, age in (("old", 40), ("new", 1)):
                path = Path(root, folder, name)
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(b"x")
                os.utime(path, (time.time() - age * 86400,) * 2)
        store.gc(keep_bytes=10**9)
        left = sorted(str(path.relative_to(root)) for path in Path(root).glob("[bct]*s/*") if path.is_file())
        assert left == ["builds/new", "contexts/new", "tools/new"]
        store.gc()
        assert [path.name for path in Path(root).glob("tools/*")] == ["new"]
        assert not any(Path(root, "contexts").iterdir())
