"""Which differences of two trees touch what was seen of the first."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from layerc.runtime.engine.observer import View
from layerc.runtime.engine.traces import conflicts
from layerc.runtime.snapshot.mount import mount
from layerc.runtime.store import Store
from layerc.runtime.trace.trace import Trace

from .conftest import Stack, make_layer, observe

pytestmark = pytest.mark.root

Act = Callable[[Path], object]


def start(root: Path) -> None:
    (root / "d/e").mkdir(parents=True)
    (root / "d/f").write_text("f")
    (root / "d/e/g").write_text("g")
    (root / "one").write_text("1")
    for name in ("two", "three"):
        os.link(root / "one", root / name)
    (root / "alone").write_text("1")
    (root / "link").symlink_to("d")


def swap(root: Path) -> None:
    shutil.rmtree(root / "d")
    (root / "d").symlink_to("x")


def opaque(root: Path) -> None:
    """The same names and contents, in a directory that hides all below it."""
    shutil.rmtree(root / "d")
    (root / "d/e").mkdir(parents=True)
    (root / "d/f").write_text("f")
    (root / "d/e/g").write_text("g")


def relink(root: Path) -> None:
    """One file of two names more."""
    (root / "alone").unlink()
    os.link(root / "d/f", root / "alone")


# What was done with a tree, what was changed in it, and where that shows.
TABLE: list[tuple[str, Act, Act, dict[str, str]]] = [
    (
        "read, other content",
        lambda r: (r / "d/f").read_text(),
        lambda r: (r / "d/f").write_text("F"),
        {"d/f": "content"},
    ),
    (
        "stated, other content",
        lambda r: os.stat(r / "d/f"),
        lambda r: (r / "d/f").write_text("F"),
        {"d/f": "size or time"},
    ),
    ("looked up, other content", lambda r: (r / "d/f").unlink(), lambda r: (r / "d/f").write_text("F"), {}),
    ("read, other time", lambda r: (r / "d/f").read_text(), lambda r: os.utime(r / "d/f", (1, 1)), {}),
    ("read, the same again", lambda r: (r / "d/f").read_text(), opaque, {}),
    ("listed, the same again", lambda r: os.listdir(r / "d"), opaque, {}),
    (
        "looked up, other mode",
        lambda r: (r / "d/f").unlink(),
        lambda r: (r / "d/f").chmod(0o600),
        {"d/f": "mode"},
    ),
    (
        "looked up, other owner",
        lambda r: (r / "d/f").unlink(),
        lambda r: os.chown(r / "d/f", 1, 2),
        {"d/f": "owner"},
    ),
    (
        "passed through, other mode",
        lambda r: os.stat(r / "d/e/g"),
        lambda r: (r / "d").chmod(0o700),
        {"d": "mode"},
    ),
    (
        "passed through, attributes",
        lambda r: os.stat(r / "d/e/g"),
        lambda r: os.setxattr(r / "d", "user.x", b"1"),
        {"d": "xattrs"},
    ),
    (
        "listed, new name",
        lambda r: os.listdir(r / "d"),
        lambda r: (r / "d/new").touch(),
        {"d/new": "added to a listed directory"},
    ),
    (
        "listed, fewer names",
        lambda r: os.listdir(r / "d"),
        lambda r: (r / "d/f").unlink(),
        {"d/f": "removed from a listed directory"},
    ),
    ("listed, content", lambda r: os.listdir(r / "d"), lambda r: (r / "d/f").write_text("F"), {}),
    ("listed, new below", lambda r: os.listdir(r / "d"), lambda r: (r / "d/e/new").touch(), {}),
    ("looked up, replaced by a link", lambda r: os.lstat(r / "d"), swap, {"d": "type"}),
    ("read inside, replaced by a link", lambda r: (r / "d/e/g").read_text(), swap, {"d": "type"}),
    (
        "read inside, removed",
        lambda r: (r / "d/e/g").read_text(),
        lambda r: shutil.rmtree(r / "d"),
        {"d": "removed"},
    ),
    (
        "absent, there now",
        lambda r: os.path.exists(r / "no/x"),
        lambda r: (r / "no").mkdir(),
        {"no": "added"},
    ),
    ("absent, another there", lambda r: os.path.exists(r / "no"), lambda r: (r / "yes").mkdir(), {}),
    (
        "followed, turned",
        lambda r: (r / "link/f").read_text(),
        lambda r: ((r / "link").unlink(), (r / "link").symlink_to("e")),
        {"link": "link target"},
    ),
    ("stated, one name less", lambda r: os.stat(r / "one"), lambda r: (r / "three").unlink(), {}),
    ("stated, more names", lambda r: os.stat(r / "alone"), relink, {"alone": "number of hard links"}),
    ("stated other name, more names", lambda r: os.stat(r / "d/f"), relink, {"d/f": "number of hard links"}),
    ("listed, more names of one", lambda r: os.listdir(r / "d"), relink, {}),
]


@pytest.fixture(scope="module")
def before(store: Store) -> Stack:
    return make_layer(store, (), start)


def found(store: Store, before: Stack, act: Act, after: Stack) -> dict[str, str]:
    seen = observe(store, before, act)
    assert seen.events is not None, seen.complaint
    return dict(conflicts(store, View(before, Trace(seen.events)), after))


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_differences_that_were_seen(
    store: Store, before: Stack, row: tuple[str, Act, Act, dict[str, str]]
) -> None:
    _, act, change, expected = row
    assert found(store, before, act, make_layer(store, before, change)) == expected


def test_names_that_are_hidden_count(store: Store, before: Stack) -> None:
    """A file whose third name a layer above has removed still has three for the kernel, and two without that layer."""

    def two(root: Path) -> None:
        start(root)
        (root / "three").unlink()

    hidden = make_layer(store, before, lambda root: (root / "three").unlink())
    clean = make_layer(store, (), two)
    for stack, names in ((hidden, 3), (clean, 2)):
        with mount(store, stack) as root:
            assert os.stat(f"{root}/one").st_nlink == names
    assert found(store, hidden, lambda root: os.stat(root / "one"), clean) == {"one": "number of hard links"}
    assert not found(store, hidden, lambda root: os.listdir(root), clean)
