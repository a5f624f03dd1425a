"""Room is made at the end of builds, and what later builds need is still there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from tiny import TinyProject

from layerc.runtime.cli.quantities import parse_limit
from layerc.runtime.engine import upkeep
from layerc.runtime.engine.upkeep import collect, default_limit, keep_below
from layerc.runtime.errors import StoreError, UsageError
from layerc.runtime.events import Event, Notice, StepCached, TaskFinished, TaskStarted
from layerc.runtime.store import Store

TEXT = "FROM base\nCOPY . /src\nRUN cat /src/used > /made\n"


@pytest.fixture
def project(tmp_path: Path) -> TinyProject:
    made = TinyProject(tmp_path)
    made.write("used", "1")
    made.write("other", "1")
    return made


def tasks(project: TinyProject) -> list[str]:
    return [event.title for event in project.events if isinstance(event, TaskStarted)]


@pytest.mark.root
def test_a_build_makes_room_and_keeps_what_it_uses(project: TinyProject) -> None:
    project.build(TEXT)
    with Store.open(str(project.home)) as store:
        first = store.diff_ids()
    project.write("other", "2")
    result = project.build(TEXT, keep_storage=1)
    assert tasks(project) == ["make room in the store"]
    assert next(event.detail for event in project.events if isinstance(event, TaskFinished)).endswith(
        "MB freed"
    )
    with Store.open(str(project.home)) as store:
        left = store.diff_ids()
    assert left >= set(result.images[0].diff_ids)
    assert not set(result.images[0].diff_ids) >= first  # the COPY of the first build is another layer, ...
    with Store.open(str(project.home)) as store:
        assert all(use.needed for use in store.layer_uses() if use.diff_id in result.images[0].diff_ids)
        unneeded = [use.diff_id for use in store.layer_uses() if not use.needed]
        assert set(unneeded) <= first  # ... which stays only if it lends files
    assert project.read(result, "made") == "1"
    project.build(TEXT, keep_storage=1)
    assert project.ran() == []


@pytest.mark.root
def test_a_build_that_makes_nothing_does_not_look(
    project: TinyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.build(TEXT)
    monkeypatch.setattr(upkeep, "keep_below", lambda *_: pytest.fail("it looked"))
    project.build(TEXT, keep_storage=1)


@pytest.mark.root
def test_a_trace_outlives_the_trees_that_it_was_recorded_on(project: TinyProject) -> None:
    project.build(TEXT)
    for number in range(4):
        project.write("other", f"edit {number}")
        project.build(TEXT, keep_storage=1)
        assert project.ran() == ["COPY . /src"]
        assert project.levels()["RUN cat /src/used > /made"] == "trace"
    project.write("used", "2")
    project.build(TEXT, keep_storage=1)
    assert project.ran() == ["COPY . /src", "RUN cat /src/used > /made"]


@pytest.mark.root
def test_traces_whose_trees_are_gone_go(project: TinyProject) -> None:
    project.build(TEXT)
    with Store.open(str(project.home)) as store:
        before = len(list(store.all_traces()))
        (copied,) = [layer for layer in store.diff_ids() if names_of(store, layer) == "COPY . /src"]
    with Store.open(str(project.home)) as store:
        store.remove([copied])
        collect(store, keep_bytes=10**12)
        left = list(store.all_traces())
        assert 0 < len(left) < before
        assert not [number for number, value in left if copied.encode() in value]
    project.build(TEXT)
    # What it runs on is made again with equal content, so its result is found by that.
    assert project.ran() == ["COPY . /src"]
    assert isinstance(project.events[-2], StepCached)


def names_of(store: Store, layer: str) -> str:
    from layerc.runtime.engine.reasons import step_name_of

    return step_name_of(store, layer)[1]


def test_what_can_not_be_removed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreError("the disk is on fire")

    events: list[Event] = []
    with Store.open(str(tmp_path / "store")) as store:
        store.blobs.put(b"12345")
        keep_below(store, 5, events.append)
        assert events == []
        monkeypatch.setattr(upkeep, "collect", fail)
        keep_below(store, 4, events.append)
    assert events[-1] == Notice("the store could not be made smaller: the disk is on fire")


def test_the_default_is_a_share_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {1: 10, 200: 40, 4000: 100}  # gigabytes
    for disk, limit in sizes.items():
        shown = os.statvfs_result((4096, 4096, disk * 10**9 // 4096, 0, 0, 0, 0, 0, 0, 255))
        monkeypatch.setattr(os, "statvfs", lambda _, shown=shown: shown)
        assert default_limit(str(tmp_path)) == pytest.approx(limit * 10**9, rel=1e-4)


def test_the_limit_that_a_user_names() -> None:
    assert [parse_limit(text) for text in ("", "default", "5GB", "OFF")] == [
        None,
        None,
        5 * 10**9,
        sys.maxsize,
    ]
    with pytest.raises(UsageError, match="LAYERC_KEEP_STORAGE"):
        parse_limit("much")
