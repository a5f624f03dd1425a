"""ADD of archives."""

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile

import pytest
import zstandard

from layerc.runtime.engine.filecopy.apply import apply_copy
from layerc.runtime.errors import StepError


def entry(name, kind=tarfile.REGTYPE, data=b"", **fields):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = len(data)
    info.uid, info.gid = os.geteuid(), os.getegid()
    info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o640
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def archive(*entries):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


SAMPLE = archive(entry("d", tarfile.DIRTYPE), entry("d/f", data=b"content"))
SKIPPABLE = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"


@pytest.mark.parametrize(
    "data",
    [
        SAMPLE,
        gzip.compress(SAMPLE, mtime=0),
        gzip.compress(SAMPLE[:512], mtime=0) + gzip.compress(SAMPLE[512:], mtime=0),
        bz2.compress(SAMPLE),
        lzma.compress(SAMPLE),
        zstandard.compress(SAMPLE),
        SKIPPABLE + zstandard.compress(SAMPLE),
    ],
    ids=["tar", "gzip", "gzip members", "bzip2", "xz", "zstd", "zstd skippable frame"],
)
def test_archives_are_told_by_their_content_and_unpacked(world, data):
    world.put({"a.bin": data})
    assert world.copy("a.bin", dest="/x", add=True) == {"x/d/f": "content"}
    world.copy("a.bin", dest="/kept", add=True, unpack=False)
    world.copy("a.bin", dest="/copied")
    assert (world.image / "kept").read_bytes() == data
    assert (world.image / "copied").read_bytes() == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        bytes(10240),
        b"\x1f\x8b\x08rubbish",
        b"BZhrubbish",
        b"\xfd7zXZ\x00rubbish",
        b"\x28\xb5\x2f\xfdrubbish",
        gzip.compress(b"not a tar" * 100, mtime=0),
        SAMPLE[:300],
        b"PK\x03\x04" + bytes(600),
    ],
)
def test_what_is_no_archive_is_copied(world, data):
    world.put({"f": data})
    world.copy("f", dest="/x/", add=True)
    assert (world.image / "x/f").read_bytes() == data


def test_several_sources_and_directories(world):
    world.put(
        {
            "one.tar": archive(entry("one", data=b"1")),
            "two.tar": archive(entry("two", data=b"2")),
            "three": "3",
        }
    )
    assert world.copy("*", dest="/x/", add=True) == {"x/one": "1", "x/two": "2", "x/three": "3"}
    assert set(world.copy(".", dest="/y", add=True)) >= {"y/one.tar", "y/two.tar", "y/three"}


def test_metadata(world):
    world.put(
        {
            "a.tar": archive(
                entry("d", tarfile.DIRTYPE, mode=0o1710, mtime=1000),
                entry("d/f", data=b"x", mode=0o4711, pax_headers={"mtime": "1234567890.123456789"}),
                entry("d/old", data=b"x", mtime=-5),
                entry("implied/parent/f", data=b"y"),
                entry("link", tarfile.SYMTYPE, linkname="/d/f", mtime=77),
                entry("./", tarfile.DIRTYPE, mode=0o700),
            )
        }
    )
    world.copy("a.tar", dest="/x/y", add=True)
    root = world.image / "x/y"
    status = {name: os.lstat(root / name) for name in ("d", "d/f", "d/old", "implied", "link", ".")}
    assert {name: oct(stat.S_IMODE(s.st_mode)) for name, s in status.items() if name != "link"} == {
        "d": "0o1710",
        "d/f": "0o4711",
        "d/old": "0o640",
        "implied": "0o755",
        ".": "0o755",
    }
    assert status["d"].st_mtime_ns == 1000 * 10**9
    assert status["d/f"].st_mtime_ns == 1234567890123456789
    assert status["d/old"].st_mtime_ns == 0
    assert status["link"].st_mtime_ns == 77 * 10**9
    assert os.readlink(root / "link") == "/d/f"


@pytest.mark.root
def test_owners_and_nodes(world):
    data = archive(
        entry("f", data=b"x", uid=12, gid=34, uname="root", gname="root"),
        entry("l", tarfile.SYMTYPE, linkname="f", uid=5, gid=6),
        entry("null", tarfile.CHRTYPE, devmajor=1, devminor=3),
        entry("pipe", tarfile.FIFOTYPE),
    )
    world.put({"a.tar": data})
    world.copy("a.tar", dest="/x", add=True)
    assert os.lstat(world.image / "x/f")[4:6] == (12, 34)
    assert os.lstat(world.image / "x/l")[4:6] == (5, 6)
    assert os.lstat(world.image / "x/null").st_rdev == os.makedev(1, 3)
    assert stat.S_ISFIFO(os.lstat(world.image / "x/pipe").st_mode)
    assert os.lstat(world.image / "x")[4:6] == (0, 0)
    world.copy("a.tar", dest="/y", add=True, chown="7:8")
    assert {os.lstat(world.image / "y" / name)[4:6] for name in (".", "f", "l", "null")} == {(7, 8)}


def test_extended_attributes(world):
    info, data = entry("f", data=b"x", pax_headers={"SCHILY.xattr.user.note": "\udcff\x01"})
    world.put({"a.tar": archive((info, data))})
    world.copy("a.tar", dest="/x", add=True)
    try:
        assert os.getxattr(world.image / "x/f", "user.note") == b"\xff\x01"
    except OSError:
        pytest.skip("the file system has no user attributes")


def test_hard_links(world):
    world.put(
        {
            "a.tar": archive(
                entry("d/f", data=b"x"),
                entry("g", tarfile.LNKTYPE, linkname="d/f"),
                entry("h", tarfile.LNKTYPE, linkname="/d/f", mode=0o600),
            )
        }
    )
    world.copy("a.tar", dest="/x", add=True)
    assert len({os.stat(world.image / "x" / name).st_ino for name in ("d/f", "g", "h")}) == 1
    assert stat.S_IMODE(os.stat(world.image / "x/g").st_mode) == 0o600


def test_sparse_files(world, tmp_path):
    with open(tmp_path / "sparse", "wb") as file:
        file.seek(1 << 20)
        file.write(b"end")
    os.system(f"tar -C {tmp_path} --sparse -cf {world.context}/a.tar sparse")
    os.system(f"tar -C {tmp_path} --sparse --format=posix -cf {world.context}/b.tar sparse")
    for name in ("a.tar", "b.tar"):
        world.copy(name, dest=f"/{name}/", add=True)
        assert (world.image / name / "sparse").read_bytes() == (tmp_path / "sparse").read_bytes()


def test_entries_replace_what_is_there_and_directories_are_merged(world):
    world.have({"x/d/old": "old", "x/file": "f", "x/dir/deep/f": "", "x/link": "-> d", "x/hard": "h"})
    os.link(world.image / "x/hard", world.image / "twin")
    world.put(
        {
            "a.tar": archive(
                entry("d", tarfile.DIRTYPE),
                entry("d/new", data=b"new"),
                entry("file", tarfile.DIRTYPE),
                entry("file/below", data=b"b"),
                entry("dir", data=b"now a file"),
                entry("link", tarfile.DIRTYPE),
                entry("link/f", data=b"l"),
                entry("hard", data=b"replaced"),
            )
        }
    )
    assert world.copy("a.tar", dest="/x", add=True) == {
        "x/d/old": "old",
        "x/d/new": "new",
        "x/file/below": "b",
        "x/dir": "now a file",
        "x/link/f": "l",
        "x/hard": "replaced",
        "twin": "h",
    }


# --- hostile archives --------------------------------------------------------------------------------


UP = entry("up", tarfile.SYMTYPE, linkname="../../..")


@pytest.mark.parametrize(
    "entries",
    [
        [entry("../../../escape", data=b"x")],
        [entry("/../escape", data=b"x")],
        [entry("..", tarfile.DIRTYPE)],
        [entry("d/../../../escape", data=b"x")],
        [UP, entry("up/escape", data=b"x")],
        [
            entry("a", tarfile.SYMTYPE, linkname="b"),
            entry("b", tarfile.SYMTYPE, linkname="../.."),
            entry("a/escape", data=b"x"),
        ],
        [entry("f", tarfile.LNKTYPE, linkname="../../secret")],
        [entry("f", tarfile.LNKTYPE, linkname="/../../secret")],
        [UP, entry("f", tarfile.LNKTYPE, linkname="up/secret")],
    ],
)
def test_what_leads_out_of_an_archive_is_refused(world, tmp_path, entries):
    (tmp_path / "secret").write_text("secret")
    world.put({"a.tar": archive(*entries)})
    with pytest.raises(StepError, match="leads out of"):
        world.copy("a.tar", dest="/x/y", add=True)
    assert sorted(os.listdir(tmp_path)) == ["context", "image", "secret"]
    assert os.listdir(world.image) == ["x"]
    assert os.stat(tmp_path / "secret").st_nlink == 1


@pytest.mark.parametrize(
    "entries",
    [
        [entry("/name", data=b"x")],
        [entry("d/../name", data=b"x")],
        [entry("a", tarfile.SYMTYPE, linkname="/"), entry("a/name", data=b"x")],
        [entry("a", tarfile.SYMTYPE, linkname="/missing"), entry("a/name", data=b"x")],
        [entry("name", tarfile.SYMTYPE, linkname="../../secret"), entry("name", data=b"x")],
        [
            entry("a", tarfile.SYMTYPE, linkname="/name"),
            entry("name", data=b"x"),
            entry("h", tarfile.LNKTYPE, linkname="/name"),
        ],
    ],
)
def test_the_root_of_an_archive_is_where_it_is_unpacked(world, tmp_path, entries):
    (tmp_path / "secret").write_text("secret")
    world.put({"a.tar": archive(*entries)})
    listing = world.copy("a.tar", dest="/x/y", add=True)
    assert os.listdir(world.image) == ["x"]
    assert os.listdir(world.image / "x") == ["y"]
    assert listing.get("x/y/name", listing.get("x/y/missing/name")) == "x"
    assert (tmp_path / "secret").read_text() == "secret"


def test_a_hard_link_to_what_is_not_there(world):
    world.put({"a.tar": archive(entry("f", tarfile.LNKTYPE, linkname="nothing"))})
    with pytest.raises(StepError, match="can not link f to nothing"):
        world.copy("a.tar", dest="/x", add=True)


def test_links_in_a_circle(world):
    world.put(
        {
            "a.tar": archive(
                entry("a", tarfile.SYMTYPE, linkname="b"),
                entry("b", tarfile.SYMTYPE, linkname="a"),
                entry("a/f", data=b"x"),
            )
        }
    )
    with pytest.raises(StepError, match="circle"):
        world.copy("a.tar", dest="/x", add=True)


@pytest.mark.root
def test_a_whiteout_device_is_refused(world):
    world.put({"a.tar": archive(entry("gone", tarfile.CHRTYPE, devmajor=0, devminor=0))})
    with pytest.raises(StepError, match="device 0:0"):
        world.copy("a.tar", dest="/x", add=True)


BIG = archive(*(entry(f"f{index}", data=os.urandom(700)) for index in range(300)))


@pytest.mark.parametrize(
    "data",
    [
        BIG[:30000],
        BIG[: 1536 * 20] + b"\xff" * 512 + BIG[1536 * 20 + 512 :],
        gzip.compress(BIG, mtime=0)[:-3000],
        bz2.compress(BIG, 1)[:-3000],
        lzma.compress(BIG)[:-3000],
        zstandard.compress(BIG)[:-3000],
    ],
    ids=["cut", "bad header", "gzip", "bzip2", "xz", "zstd"],
)
def test_a_damaged_archive_is_an_error(world, data):
    world.put({"a.tar": data})
    with pytest.raises(StepError, match=r"the archive /a\.tar is damaged"):
        world.copy("a.tar", dest="/x", add=True)


def test_an_archive_over_a_file_is_refused(world):
    world.put({"a.tar": SAMPLE})
    world.have({"x": "file"})
    with pytest.raises(StepError, match="/x exists and is not a directory"):
        world.copy("a.tar", dest="/x", add=True)


def test_unpacking_can_be_cancelled(world):
    world.put({"a.tar": BIG})

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply_copy(world.plan("a.tar", dest="/x", add=True), str(world.image), check=stop)
