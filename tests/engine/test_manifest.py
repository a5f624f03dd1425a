"""What a COPY took, in the form that is kept, and what of an instruction changed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerc.compiler.graph.operations import Copy, FromContext, Mount, Run
from layerc.runtime.decisions import Change
from layerc.runtime.engine.aspects import aspects, difference
from layerc.runtime.engine.filecopy.plan import CopyAction, CopyPlan, Item
from layerc.runtime.engine.manifest import changes, dump, lines, load
from layerc.runtime.snapshot.entry import Entry

LETTERS = st.characters(exclude_characters="/\0", exclude_categories=("Cs",)) | st.just("\udcff")
NAMES = st.text(LETTERS, min_size=1, max_size=6).filter(lambda name: name not in (".", ".."))
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
ENTRIES = st.one_of(
    st.builds(
        Entry,
        PATHS,
        st.just("file"),
        st.integers(0, 0o7777),
        digest=st.sampled_from(["sha256:0", "sha256:1"]),
    ),
    st.builds(
        Entry, PATHS, st.just("directory"), st.integers(0, 0o7777), st.integers(0, 3), st.integers(0, 3)
    ),
    st.builds(Entry, PATHS, st.just("symlink"), target=st.text(LETTERS | st.just("/"), min_size=1)),
    st.builds(Entry, PATHS, st.just("character"), device=st.tuples(st.integers(0, 3), st.integers(0, 3))),
)
TREES = st.lists(ENTRIES, max_size=6, unique_by=lambda entry: entry.path)


class Tree:
    def digest(self, path: str) -> str:
        return "sha256:read"


def plan(entries: list[Entry]) -> CopyPlan:
    items = tuple(Item(entry.path, entry) for entry in (Entry("", "directory", 0o755), *entries))
    tree: Any = Tree()
    return CopyPlan((CopyAction(tree, "x", items, contents=True),), "/")


@given(TREES)
def test_what_is_kept_is_read_again(entries: list[Entry]) -> None:
    found = lines(plan(entries))
    assert load(dump(found)) == found
    assert list(changes(found, found)) == []


@given(TREES, TREES)
def test_every_path_that_changed_is_named_or_lies_in_one(before: list[Entry], after: list[Entry]) -> None:
    olds, news = ({entry.path: entry for entry in entries} for entries in (before, after))
    found = {change.path for change in changes(lines(plan(before)), lines(plan(after)))}
    different = {path for path in olds.keys() | news.keys() if olds.get(path) != news.get(path)}
    assert found <= different
    for path in different - found:
        parents = {path[:at] for at, letter in enumerate(path) if letter == "/"}
        assert parents & found


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (Entry("a", "file", 0o644), Entry("a", "file", 0o755), Change("a", "mode", "0644", "0755")),
        (Entry("a", "file", uid=1), Entry("a", "file", uid=2), Change("a", "owner", "1:0", "2:0")),
        (Entry("a", "file"), Entry("a", "directory"), Change("a", "type", "file", "directory")),
        (
            Entry("a", "symlink", target="=b"),
            Entry("a", "symlink", target="/c"),
            Change("a", "link target", "=b", "/c"),
        ),
    ],
)
def test_what_is_told_of_a_path(before: Entry, after: Entry, expected: Change) -> None:
    assert list(changes(lines(plan([before])), lines(plan([after])))) == [expected]


@pytest.mark.parametrize("data", [b"", b"x", dump([])[:-2]])
def test_what_is_no_list_is_refused(data: bytes) -> None:
    assert load(data) is None


def test_aspects_have_names_for_people() -> None:
    run = Run(
        ("sh",), env=(("A", "1"),), mounts=(Mount("cache", "/c"), Mount("secret", env="T", cache_id="t"))
    )
    assert list(aspects(run)) == [
        "the instruction",
        "the command",
        "environment variable A",
        "--mount=cache /c",
        "--mount=secret 1",
    ]
    copy = Copy(origin=FromContext(), sources=(), dest="/", chown="1", parents=True)
    assert difference(aspects(run), aspects(copy))[0] == "the instruction"
    assert "--chown" in aspects(copy)


def test_equal_operations_have_no_difference() -> None:
    run = Run(("sh",), env=(("A", "1"),))
    assert difference(aspects(run), aspects(run)) == []
