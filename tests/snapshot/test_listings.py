"""Long listings of directories: single names are found, and two of them compared, without reading all rows."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerc.runtime.snapshot import index
from layerc.runtime.snapshot.entry import Entry
from layerc.runtime.snapshot.index import IndexWriter, LayerIndex

# What a listing is made of, in names and targets where it must not be taken for that.
TEXTS = st.text(st.sampled_from('a],["fl\\\udc80é'), min_size=1, max_size=8) | st.sampled_from(
    ['],["f","a', '["f","a",', "a", "f", 'a","a', '],["d","']
)
ATTRIBUTES = st.lists(st.tuples(TEXTS.map("user.{}".format), st.binary(max_size=3)), max_size=2).map(tuple)
ENTRIES = st.builds(
    lambda kind, mode, text, xattrs, link: Entry(
        "",
        kind,
        mode,
        mtime_ns=mode * 10**9,
        size=mode if kind == "file" else 0,
        target=text if kind == "symlink" else "",
        digest="sha256:00" if kind == "file" else "",
        xattrs=xattrs,
        link=link,
    ),
    st.sampled_from(["file", "symlink", "fifo", "directory"]),
    st.integers(0, 3),
    TEXTS,
    ATTRIBUTES,
    st.sampled_from(["", "", "a"]),
)
LISTINGS = st.dictionaries(TEXTS, ENTRIES, max_size=8)


def written(path: Path, listing: dict[str, Entry]) -> LayerIndex:
    file = io.BytesIO()
    writer = IndexWriter(file)
    rows = []
    for name in sorted(listing, key=os.fsencode):
        entry = listing[name]._replace(path=name)
        rows.append(writer.directory(entry, []) if entry.is_directory else writer.leaf(entry))
    writer.finish(writer.directory(Entry("", "directory"), rows))
    path.write_bytes(file.getvalue())
    return LayerIndex(str(path))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("listings")


@settings(max_examples=60, deadline=None)
@given(one=LISTINGS, other=LISTINGS, changes=st.booleans())
def test_two_listings_differ_where_their_rows_do(
    folder: Path, one: dict[str, Entry], other: dict[str, Entry], changes: bool
) -> None:
    if changes:
        other = {**one, **dict(list(other.items())[:1])}
    left, right = written(folder / "one", one), written(folder / "other", other)
    rows, others = left.children(left.root), right.children(right.root)
    expected = {name for name in rows.keys() | others.keys() if rows.get(name) != others.get(name)}
    assert left.changed(left.root, right, right.root) == expected


@settings(max_examples=60, deadline=None)
@given(listing=LISTINGS, name=TEXTS)
def test_a_row_is_found_in_a_long_listing(folder: Path, listing: dict[str, Entry], name: str) -> None:
    whole, sought = written(folder / "whole", listing), written(folder / "sought", listing)
    rows = whole.children(whole.root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "_LONG", 0)
        patch.setattr(index, "_FEW", 100)
        assert {item: sought.child(sought.root, item) for item in rows} == rows
        assert sought.child(sought.root, name) == rows.get(name)
