"""The comparison sees what it has to see."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from treediff import Node, apply_layer, compare_configs, compare_trees, parse_layer

FILE = Node("file", 0o644, 1, 2, 100, digest="d", xattrs=(("user.a", "00"),))
FOLDER = Node("directory", 0o755, 0, 0, 100)


def layer(*entries: tuple[str, bytes, str]) -> bytes:
    """A layer of (name, type, link target or content)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, text in entries:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = kind, 0o755 if kind == tarfile.DIRTYPE else 0o644
            data = text.encode() if kind == tarfile.REGTYPE else b""
            entry.size, entry.linkname = len(data), "" if data else text
            tar.addfile(entry, io.BytesIO(data))
    return file.getvalue()


def tree(*layers: bytes) -> dict[str, Node]:
    made: dict[str, Node] = {}
    for data in layers:
        apply_layer(made, parse_layer(data))
    return made


D, F, L, S = tarfile.DIRTYPE, tarfile.REGTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "fifo"},
        {"mode": 0o4644},
        {"uid": 9},
        {"gid": 9},
        {"digest": "other"},
        {"target": "x"},
        {"device": (1, 3)},
        {"xattrs": ()},
        {"mtime": 101},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_field_counts(change: Mapping[str, Any]) -> None:
    (found,) = compare_trees({"a": FILE}, {"a": replace(FILE, **change)}, (1000, 1000))
    assert (found.path, found.what) == ("a", *change)


def test_times_of_what_a_build_made_differ_by_right() -> None:
    made = replace(FILE, mtime=1005)
    assert not compare_trees({"a": made}, {"a": replace(FILE, mtime=2005)}, (1000, 2000))
    assert compare_trees({"a": made}, {"a": replace(FILE, mtime=1005)}, (1000, 2000))
    assert not compare_trees({"a": FOLDER}, {"a": replace(FOLDER, mtime=7)}, (1000, 2000))


def test_entries_on_one_side_and_hard_links() -> None:
    assert [d.what for d in compare_trees({"a": FILE, "b": FILE}, {"a": FILE})] == ["hard links", "only left"]
    assert [d.what for d in compare_trees({}, {"a": FILE})] == ["only right"]
    other = replace(FILE)
    assert [d.what for d in compare_trees({"a": FILE, "b": FILE}, {"a": FILE, "b": other})] == [
        "hard links"
    ] * 2


def test_layers_lie_over_each_other() -> None:
    below = layer(
        ("d", D, ""),
        ("d/a", F, "a"),
        ("d/b", F, "b"),
        ("e", D, ""),
        ("e/x", F, "x"),
        ("f", D, ""),
        ("f/y", F, "y"),
    )
    above = layer(
        ("d/.wh.a", F, ""), ("e/.wh..wh..opq", F, ""), ("e/z", F, "z"), ("f", S, "d"), ("h", L, "d/b")
    )
    made = tree(below, above)
    assert set(made) == {"d", "d/b", "e", "e/z", "f", "h"}
    assert made["h"] is made["d/b"]
    assert made["f"].target == "d"


def test_a_whiteout_spares_what_its_own_layer_adds() -> None:
    below = layer(("d", D, ""), ("d/old", F, "o"))
    assert set(tree(below, layer(("d", D, ""), ("d/new", F, "n"), (".wh.d", F, "")))) == {"d", "d/new"}


def test_a_replaced_name_leaves_its_hard_links_alone() -> None:
    made = tree(layer(("a", F, "one"), ("b", L, "a")), layer(("a", F, "two")))
    assert made["a"].digest != made["b"].digest


def test_configs() -> None:
    one = {
        "created": "now",
        "rootfs": {"diff_ids": ["x"]},
        "config": {"Env": ["A=1"], "Cmd": None},
        "os": "linux",
    }
    one["history"] = [{"created": "now", "created_by": "RUN true"}]
    same = {**one, "created": "then", "rootfs": {"diff_ids": ["y"]}, "config": {"Env": ["A=1"], "Labels": {}}}
    assert not compare_configs(one, same)
    changed = {
        **one,
        "rootfs": {"diff_ids": ["x", "y"]},
        "config": {"Env": ["A=2"], "ExposedPorts": {"1/tcp": {}}},
    }
    changed["history"] = [{"created_by": "RUN false"}]
    assert [d.path for d in compare_configs(one, changed)] == [
        "config.Env", "config.ExposedPorts.1/tcp", "history.0.created_by", "layers",
    ]  # fmt: skip


def test_packed_layers_are_read() -> None:
    from treediff import _unpacked

    data = layer(("a", F, "a"))
    assert _unpacked(gzip.compress(data)) == _unpacked(data) == data
