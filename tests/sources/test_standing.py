"""Answers about a directory count only while all that they rest on is as it was."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from layerc.compiler.path_patterns import PatternMatcher
from layerc.runtime.sources.context import ContextTree
from layerc.runtime.sources.standing import Standing

RULES = "*.log"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    root = tmp_path / "context"
    (root / "src" / "deep").mkdir(parents=True)
    (root / "src" / "a").write_text("a")
    (root / "src" / "deep" / "b").write_text("b")
    (root / "src" / "link").symlink_to("a")
    (root / "unread").mkdir()
    (root / "x.log").write_text("x")
    time.sleep(0.03)  # so that nothing is as young as a tick of the clock
    return root


def read(root: Path, state: Path) -> Standing:
    """A standing of all in ``src``, noted as a build does it."""
    with ContextTree(str(root), PatternMatcher([RULES])) as tree:
        assert [entry.path for entry in tree.walk("src")]
        signatures = tree.signatures()
    assert signatures is not None
    Standing(str(state), str(root), RULES).note({"what?": "this"}, signatures)
    return Standing(str(state), str(root), RULES)


def test_nothing_changed(context: Path, tmp_path: Path) -> None:
    standing = read(context, tmp_path / "state")
    assert standing.answer("what?") == "this"
    assert standing.answer("else?") is None


EDITS: dict[str, Callable[[Path], object]] = {
    "content": lambda root: (root / "src" / "a").write_text("A"),
    "mode": lambda root: (root / "src" / "a").chmod(0o700),
    "mode of a directory": lambda root: (root / "src" / "deep").chmod(0o700),
    "new file": lambda root: (root / "src" / "deep" / "c").touch(),
    "removed": lambda root: (root / "src" / "deep" / "b").unlink(),
    "replaced, times kept": lambda root: replace(root / "src" / "a"),
    "link turned": lambda root: (
        (root / "src" / "link").unlink(),
        (root / "src" / "link").symlink_to("deep"),
    ),
    "hard link": lambda root: (root / "other").hardlink_to(root / "src" / "a"),
    "directory gone": lambda root: (root / "src").rename(root / "source"),
    "attribute": lambda root: os.setxattr(root / "src" / "a", "user.x", b"1"),
}


def replace(path: Path) -> None:
    status = path.stat()
    path.write_text("Z")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_seen(context: Path, tmp_path: Path, name: str) -> None:
    read(context, tmp_path / "state")
    EDITS[name](context)
    assert Standing(str(tmp_path / "state"), str(context), RULES).answer("what?") is None


def test_what_was_not_looked_at_does_not_count(context: Path, tmp_path: Path) -> None:
    read(context, tmp_path / "state")
    (context / "unread" / "new").touch()
    (context / "x.log").write_text("y")
    assert Standing(str(tmp_path / "state"), str(context), RULES).answer("what?") == "this"


def test_other_rules(context: Path, tmp_path: Path) -> None:
    read(context, tmp_path / "state")
    assert Standing(str(tmp_path / "state"), str(context), "").answer("what?") is None


@pytest.mark.parametrize("place", [0, 20, 30, -1])
def test_a_damaged_file_is_no_answer(context: Path, tmp_path: Path, place: int) -> None:
    state = tmp_path / "state"
    read(context, state)
    data = bytearray(state.read_bytes())
    data[place] ^= 1
    state.write_bytes(data)
    assert Standing(str(state), str(context), RULES).answer("what?") is None
    state.write_bytes(data[:10])
    assert Standing(str(state), str(context), RULES).answer("what?") is None


def test_the_young_are_not_trusted(context: Path) -> None:
    """A file that was modified in the same tick may be modified again unseen."""
    with ContextTree(str(context)) as tree:
        (context / "src" / "a").write_text("c")
        assert list(tree.walk("src"))
        assert tree.signatures() is None
