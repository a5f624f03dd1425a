"""The law of comparing: entry indexes tell the differences that a walk over both mounted trees tells."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from treediff import compare_trees, read_directory

from layerc.runtime.engine.verify.trees import changes, count_entries, origin
from layerc.runtime.snapshot.commit import commit
from layerc.runtime.snapshot.mount import enter_mount_namespace, mount
from layerc.runtime.snapshot.view import StackView
from layerc.runtime.store import Store

pytestmark = pytest.mark.root

WORDS = {"owner": {"uid", "gid"}, "content": {"digest"}, "links": {"hard links"}}
OPERATIONS = (
    "write",
    "write",
    "mkdir",
    "remove",
    "remake",
    "link",
    "symlink",
    "chmod",
    "chown",
    "xattr",
    "node",
)
steps = st.lists(st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 1 << 20)), max_size=12)


@pytest.fixture(scope="module", autouse=True)
def own_mounts() -> None:
    enter_mount_namespace()


def edit(root: str, operation: str, seed: int) -> None:
    """One change in a place that ``seed`` chooses, if it can be made there."""
    chance = random.Random(seed)
    found = [os.path.join(here, name) for here, dirs, files in os.walk(root) for name in (*dirs, *files)]
    folders = [root, *(path for path in sorted(found) if os.path.isdir(path) and not os.path.islink(path))]
    new = os.path.join(chance.choice(folders), chance.choice("abcd"))
    old = chance.choice(sorted(found) or [new])
    with contextlib.suppress(OSError):
        match operation:
            case "write" if not os.path.islink(new):
                Path(new).write_text(chance.choice(["one", "two", "three"]))
            case "mkdir":
                os.mkdir(new)
            case "remove" | "remake":
                was_folder = os.path.isdir(old) and not os.path.islink(old)
                shutil.rmtree(old) if was_folder else os.unlink(old)
                if operation == "remake":
                    os.mkdir(old) if chance.random() < 0.7 else Path(old).write_text("remade")
            case "link":
                os.link(old, new, follow_symlinks=False)
            case "symlink":
                os.symlink(chance.choice("abcd"), new)
            case "chmod" if not os.path.islink(old):
                os.chmod(old, chance.choice([0o755, 0o700, 0o4711]))
            case "chown":
                os.lchown(old, chance.choice([0, 7]), 0)
            case "xattr":
                os.setxattr(old, "user.x", chance.choice([b"1", b"2"]), follow_symlinks=False)
            case "node":
                os.mknod(new, 0o020600, os.makedev(1, chance.choice([3, 5])))


def layers(store: Store, parts: Sequence[Sequence[tuple[str, int]]]) -> list[str]:
    """A stack with one layer for each part, between two that make sure that the kernel merges something."""
    stack: list[str] = []
    for part in ([("write", 1)], *parts, [("mkdir", 2), ("mkdir", 3), ("mkdir", 4)]):
        with store.draft() as draft:
            with mount(store, stack, draft) as root:
                for operation, seed in part:
                    edit(str(root), operation, seed)
            stack.append(commit(store, draft, StackView(store, stack)).diff_id)
    return stack


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(shared=steps, left=steps, right=steps, split=st.integers(0, 12))
def test_indexes_tell_what_a_walk_tells(
    shared: list[tuple[str, int]], left: list[tuple[str, int]], right: list[tuple[str, int]], split: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, Store.open(folder) as store:
        before = layers(store, [shared[:split], shared[split:], left])
        after = layers(store, [shared, right])
        with mount(store, before, None) as one, mount(store, after, None) as other:
            trees = read_directory(str(one)), read_directory(str(other))
        expected: dict[str, set[str]] = {}
        for difference in compare_trees(*trees):
            expected.setdefault(difference.path, set()).add(difference.what)
        found = changes(store, before, after)
        for change in found:
            told = expected.pop(change.path)
            if {"only left", "only right"} & told:
                assert change.aspects == ("removed" if "only left" in told else "added",)
            elif "kind" in told:
                assert change.aspects[0] == "kind"
            else:
                words = set().union(*(WORDS.get(aspect, {aspect}) for aspect in change.aspects))
                assert told <= words
            assert any(origin(store, stack, change.path) is not None for stack in (before, after))
        assert not expected
        assert sum(count_entries(store, before).values()) == len(trees[0]) - 1


def test_times_are_compared_when_asked_for(tmp_path: Path) -> None:
    def stamped(path: str, time: int) -> list[str]:
        with store.draft() as draft:
            with mount(store, [], draft) as root:
                Path(f"{root}/{path}").write_text("x")
                os.utime(f"{root}/{path}", (time, time))
            return [commit(store, draft, StackView(store, [])).diff_id]

    with Store.open(str(tmp_path)) as store:
        one, other = stamped("f", 1), stamped("f", 2)
        assert changes(store, one, other) == []
        assert {c.path: c.aspects for c in changes(store, one, other, times=True) if c.path} == {
            "f": ("time",)
        }


def test_what_hides_a_path_is_where_it_comes_from(tmp_path: Path) -> None:
    with Store.open(str(tmp_path)) as store:
        stack: list[str] = []
        for words in (["mkdir -p d/e", "touch d/e/f g"], ["rm -r d", "mkdir d"], ["rm g", "touch h"]):
            with store.draft() as draft:
                with mount(store, stack, draft) as root:
                    for word in words:
                        assert os.system(f"cd {root} && {word}") == 0
                stack.append(commit(store, draft, StackView(store, stack)).diff_id)
        places = {path: origin(store, stack, path) for path in ("d/e/f", "d", "g", "h", "nothing")}
        assert places == {"d/e/f": 1, "d": 1, "g": 2, "h": 2, "nothing": None}
