"""The archives that layerc writes: their exact form, and that any metadata survives it."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerc.runtime.snapshot.entry import Entry
from layerc.runtime.snapshot.stream import LayerStream
from layerc.runtime.snapshot.tar import END, headers

NANO = 10**9


def archive(*entries: Entry, data: bytes = b"") -> bytes:
    pieces: list[bytes] = []
    stream = LayerStream(pieces.append)
    for entry in entries:
        if entry.kind == "file" and not entry.link:
            assert stream.file(entry, io.BytesIO(data)) == f"sha256:{hashlib.sha256(data).hexdigest()}"
        else:
            stream.entry(entry)
    stream.finish()
    return b"".join(pieces)


def members(data: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data), errors="surrogateescape") as opened:
        return opened.getmembers()


def test_the_form_never_changes() -> None:
    """Diff IDs of images that people have stand on these bytes."""
    data = archive(
        Entry("", "directory", 0o700),
        Entry("etc", "directory", 0o1777, 1, 2, mtime_ns=1_700_000_000 * NANO, opaque=True),
        Entry("etc/gone", "whiteout"),
        Entry("etc/link", "symlink", 0o777, target="../a", mtime_ns=5 * NANO + 120_000_000),
        Entry("etc/same", "file", 0o4755, size=3, link="etc/x"),
        Entry("etc/tty", "character", 0o666, device=(5, 0)),
        Entry("etc/ü" + "y" * 200, "file", 0o644, 1 << 22, 7, 3, -1, xattrs=(("user.a", b"\0\n="),)),
        data=b"abc",
    )
    assert (
        hashlib.sha256(data).hexdigest() == "41562db99d5329e82f23cd8b4e30cbb75fb20735b78004806b7d8e7b6cc46ff7"
    )


def test_what_fits_needs_no_extension() -> None:
    entry = Entry("d/" * 60 + "n" * 100, "file", 0o644, 0o7777777, 0o7777777, 0, 0o77777777777 * NANO)
    data = headers(entry)
    assert len(data) == 512
    (info,) = members(data + END)
    assert (info.name, info.uid, info.mtime) == (entry.path, entry.uid, 0o77777777777)


@pytest.mark.parametrize(
    ("entry", "record"),
    [
        (Entry("n" * 101, "file"), ("path", "n" * 101)),
        (Entry("é", "file"), ("path", "é")),
        (Entry("l", "symlink", target="t" * 101), ("linkpath", "t" * 101)),
        (Entry("f", "file", uid=1 << 21), ("uid", str(1 << 21))),
        (Entry("f", "file", gid=(1 << 32) - 2), ("gid", str((1 << 32) - 2))),
        (Entry("f", "file", size=1 << 33), ("size", str(1 << 33))),
        (Entry("f", "file", mtime_ns=1), ("mtime", "0.000000001")),
        (Entry("f", "file", mtime_ns=1_500_000_000), ("mtime", "1.5")),
        (Entry("f", "file", mtime_ns=-1), ("mtime", "-0.000000001")),
        (Entry("f", "file", mtime_ns=-3 * NANO), ("mtime", "-3")),
        (Entry("f", "file", xattrs=(("user.x", b"v\0"),)), ("SCHILY.xattr.user.x", "v\0")),
    ],
)
def test_extensions(entry: Entry, record: tuple[str, str]) -> None:
    assert len(headers(entry)) == 1536
    with tarfile.open(fileobj=io.BytesIO(headers(entry) + END)) as opened:
        info = opened.next()
    assert info is not None
    assert info.pax_headers == dict([record])


def test_names_of_other_encodings_stay_as_they_are() -> None:
    for raw in (b"\xff\xfe", b"\xff" * 120):
        entry = Entry(raw.decode("utf-8", "surrogateescape"), "file")
        assert raw in headers(entry)
        assert [info.name for info in members(headers(entry) + END)] == [entry.path]


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=90)
PATHS = st.lists(NAMES.filter(lambda name: name not in (".", "..")), min_size=1, max_size=4).map("/".join)
XATTRS = st.dictionaries(st.sampled_from(["user.a", "user.bb.c", "user.d"]), st.binary(max_size=50))
IDS = st.integers(0, (1 << 32) - 2)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    return Entry(
        draw(PATHS),
        "file",
        draw(st.integers(0, 0o7777)),
        draw(IDS),
        draw(IDS),
        mtime_ns=draw(st.integers(-(10**18), 10**20)),
        xattrs=tuple(sorted(draw(XATTRS).items())),
    )


@given(entries())
def test_any_metadata_can_be_read_again(entry: Entry) -> None:
    (info,) = members(headers(entry) + END)
    assert (info.name, info.mode, info.uid, info.gid) == (entry.path, entry.mode, entry.uid, entry.gid)
    for name, value in entry.xattrs:
        assert info.pax_headers[f"SCHILY.xattr.{name}"].encode("utf-8", "surrogateescape") == value
    assert abs(info.mtime - entry.mtime_ns / NANO) < max(1e-6, abs(info.mtime) * 1e-9)


@given(st.lists(st.binary(max_size=3000), max_size=8))
def test_contents(contents: list[bytes]) -> None:
    pieces: list[bytes] = []
    stream = LayerStream(pieces.append)
    for number, content in enumerate(contents):
        entry = Entry(str(number), "file", size=len(content))
        if number % 2:
            stream.small_file(entry, content)
        else:
            stream.file(entry, io.BytesIO(content))
    stream.finish()
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as opened:
        assert [opened.extractfile(info).read() for info in opened] == contents  # type: ignore[union-attr]


@pytest.mark.engine
def test_gnu_tar_reads_them(tmp_path: Path) -> None:
    long_name = "d/" + "long" * 60
    data = archive(
        Entry("d", "directory", 0o750, mtime_ns=7 * NANO),
        Entry(long_name, "file", 0o644, size=3, mtime_ns=1_500_000_000 * NANO + 42),
        Entry("d/same", "file", 0o644, size=3, link=long_name),
        Entry("l", "symlink", 0o777, target="t" * 150),
        Entry("p", "fifo", 0o600),
        Entry("ü", "file", 0o4711, size=3),
        data=b"abc",
    )
    Path(tmp_path, "a.tar").write_bytes(data)
    subprocess.run(["tar", "-xpf", "a.tar"], cwd=tmp_path, check=True)
    long = tmp_path / long_name
    assert long.read_bytes() == b"abc"
    assert long.stat().st_mtime_ns == 1_500_000_000 * NANO + 42
    assert long.samefile(tmp_path / "d" / "same")
    assert (tmp_path / "l").readlink() == Path("t" * 150)
    assert (tmp_path / "p").is_fifo()
    assert (tmp_path / "ü").stat().st_mode & 0o7777 == 0o4711
    assert (tmp_path / "d").stat().st_mtime_ns == 7 * NANO
