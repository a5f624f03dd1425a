"""The archives that layerc writes, read by GNU tar and by Python."""

import hashlib
import io
import os
import stat
import struct
import subprocess
import tarfile

import pytest

from layerc.runtime.errors import InputError
from layerc.runtime.snapshot.entry import Entry
from layerc.runtime.snapshot.index import EMPTY_CONTENT
from layerc.runtime.snapshot.mount import mount
from layerc.runtime.snapshot.stream import LayerStream
from layerc.runtime.snapshot.view import StackView
from layerc.runtime.store import Store

from .conftest import archive_of, change_layer

NOTHING = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"  # 1024 zero bytes
CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)  # cap_net_bind_service=ep


def written(*entries: tuple[Entry, bytes]) -> bytes:
    pieces: list[bytes] = []
    stream = LayerStream(pieces.append)
    for entry, data in entries:
        if entry.kind == "file" and not entry.link:
            stream.small_file(entry, data)
        else:
            stream.entry(entry)
    stream.finish()
    return b"".join(pieces)


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data), errors="surrogateescape") as archive:
        return {info.name: info for info in archive}


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "a" * 100,
        "a" * 101,
        "p" * 154 + "/" + "n" * 100,
        "p" * 156 + "/" + "n",
        "/".join(["x" * 99] * 20),
        "ü" * 40,
        "\udcff\udcfe",
        "new\nline",
        "d" * 99,
    ],
)
@pytest.mark.parametrize("kind", ["file", "directory", "symlink"])
def test_names(path: str, kind: str) -> None:
    entry = Entry(
        path, kind, 0o644, 1, 2, 3 if kind == "file" else 0, 10**9, path if kind == "symlink" else ""
    )  # type: ignore[arg-type]
    data = written((entry, b"abc"), (Entry("after", "file", 0o600, size=1), b"z"))
    found = members(data)
    assert list(found) == [path, "after"]
    assert found[path].linkname == (path if kind == "symlink" else "")
    assert (found[path].uid, found[path].gid, found[path].mtime) == (1, 2, 1)
    listed = subprocess.run(
        ["tar", "-t", "--quoting-style=literal"], input=data, capture_output=True, check=True
    )
    assert not listed.stderr
    assert listed.stdout == os.fsencode(path) + (b"/" if kind == "directory" else b"") + b"\nafter\n"


def test_large_numbers_and_times() -> None:
    entry = Entry("a", "file", 0o7777, 1 << 31, (1 << 32) - 2, 0, -1_500_000_000)
    info = members(written((entry, b"")))["a"]
    assert (info.mode, info.uid, info.gid, info.mtime) == (0o7777, 1 << 31, (1 << 32) - 2, -1.5)
    late = members(written((Entry("b", "file", mtime_ns=(1 << 40) * 10**9 + 1), b"")))["b"]
    assert late.pax_headers["mtime"] == f"{1 << 40}.000000001"


def test_whiteouts_and_opaque_marks() -> None:
    data = written(
        (Entry("", "directory", 0o755), b""),
        (Entry("d", "directory", 0o755, opaque=True), b""),
        (Entry("d/gone", "whiteout"), b""),
        (Entry("gone", "whiteout"), b""),
    )
    assert list(members(data)) == [".", "d", "d/.wh..wh..opq", "d/.wh.gone", ".wh.gone"]
    assert all(info.isreg() and not info.size for name, info in members(data).items() if ".wh." in name)


def test_a_stream_knows_its_digest_and_size() -> None:
    stream = LayerStream()
    stream.small_file(Entry("a", "file", size=600_000), bytes(600_000))
    digest = stream.finish()
    data = written((Entry("a", "file", size=600_000), bytes(600_000)))
    assert (digest, stream.size) == (f"sha256:{hashlib.sha256(data).hexdigest()}", len(data))
    assert len(data) % 512 == 0


@pytest.mark.root
def test_a_layer_without_changes_is_the_well_known_empty_one(store: Store) -> None:
    base = change_layer(store, [], lambda root: os.mkdir(f"{root}/d"))
    for stack in ([], [base.diff_id], [base.diff_id, NOTHING]):
        layer = change_layer(store, stack, lambda root: None)
        assert (layer.diff_id, layer.size, layer.entries, layer.content) == (NOTHING, 1024, 0, EMPTY_CONTENT)


@pytest.mark.root
def test_everything_that_a_tree_can_hold(store: Store) -> None:
    def change(root: str) -> None:
        os.makedirs(f"{root}/d/e")
        with open(f"{root}/d/tool", "wb") as file:
            file.write(b"tool")
        os.chown(f"{root}/d/tool", 1 << 31, 7)
        os.chmod(f"{root}/d/tool", 0o4755)
        os.setxattr(f"{root}/d/tool", "security.capability", CAPABILITY)
        os.setxattr(f"{root}/d/tool", "user.note", b"\0\xff\n=")
        os.link(f"{root}/d/tool", f"{root}/also")
        os.mkfifo(f"{root}/pipe", 0o600)
        os.mknod(f"{root}/null", 0o020666, os.makedev(1, 3))
        os.mknod(f"{root}/disk", 0o060660, os.makedev(259, 300))
        os.symlink("d/tool", f"{root}/link")
        os.utime(f"{root}/link", ns=(0, 123456789), follow_symlinks=False)
        os.mknod(f"{root}/socket", stat.S_IFSOCK | 0o600)  # which no archive can hold

    layer = change_layer(store, [], change)
    data = archive_of(store, layer.diff_id)
    assert f"sha256:{hashlib.sha256(data).hexdigest()}" == layer.diff_id
    found = members(data)
    assert set(found) == {"also", "d", "d/e", "d/tool", "disk", "link", "null", "pipe"} - ({"."} - set(found))
    first = found["also"]
    assert (
        first.pax_headers["SCHILY.xattr.security.capability"].encode("utf-8", "surrogateescape") == CAPABILITY
    )
    assert first.pax_headers["SCHILY.xattr.user.note"].encode("utf-8", "surrogateescape") == b"\0\xff\n="
    assert (first.mode, first.uid, first.gid) == (0o4755, 1 << 31, 7)
    assert (found["d/tool"].islnk(), found["d/tool"].linkname) == (True, "also")
    assert (found["null"].ischr(), found["null"].devmajor, found["null"].devminor) == (True, 1, 3)
    assert (found["disk"].isblk(), found["disk"].devmajor, found["disk"].devminor) == (True, 259, 300)
    assert found["pipe"].isfifo()
    assert found["link"].pax_headers["mtime"] == "0.123456789"
    done = subprocess.run(["tar", "-tv", "--xattrs"], input=data, capture_output=True, check=True)
    assert not done.stderr


@pytest.mark.root
def test_gnu_tar_unpacks_capabilities(store: Store, tmp_path: os.PathLike[str]) -> None:
    def change(root: str) -> None:
        with open(f"{root}/tool", "wb"):
            pass
        os.setxattr(f"{root}/tool", "security.capability", CAPABILITY)

    layer = change_layer(store, [], change)
    command = ["tar", "-x", "--xattrs", "--xattrs-include=*", "-C", str(tmp_path)]
    subprocess.run(command, input=archive_of(store, layer.diff_id), check=True)
    assert os.getxattr(f"{tmp_path}/tool", "security.capability") == CAPABILITY


@pytest.mark.root
@pytest.mark.parametrize("name", [".wh.file", "d/.wh.file", "d/.wh..wh..opq", ".wh.", ".wh.directory/"])
def test_names_that_would_become_whiteouts_are_refused(store: Store, name: str) -> None:
    def change(root: str) -> None:
        os.mkdir(f"{root}/d")
        if name.endswith("/"):
            os.mkdir(f"{root}/{name}")
        else:
            with open(f"{root}/{name}", "wb"):
                pass

    with pytest.raises(InputError, match="no layer can hold") as caught:
        change_layer(store, [], change)
    assert f"/{name.rstrip('/')}:" in caught.value.message
    assert caught.value.help
    assert store.usage().layers == 0


@pytest.mark.root
def test_names_like_whiteouts_may_come_and_go_and_others_stay(store: Store) -> None:
    def change(root: str) -> None:
        for name in (".wh.x", ".whale", "a.wh.b"):
            with open(f"{root}/{name}", "wb"):
                pass
        os.unlink(f"{root}/.wh.x")

    layer = change_layer(store, [], change)
    assert StackView(store, [layer.diff_id]).listdir("") == [".whale", "a.wh.b"]


@pytest.mark.root
def test_attributes_that_no_archive_can_hold_are_refused(store: Store) -> None:
    def change(root: str) -> None:
        with open(f"{root}/f", "wb"):
            pass
        os.setxattr(f"{root}/f", "user.a=b", b"")

    with pytest.raises(InputError, match=r"extended attribute 'user.a=b'"):
        change_layer(store, [], change)


@pytest.mark.root
@pytest.mark.parametrize("count", [0, 1, 2, 60, 400])
def test_stacks_of_many_layers(store: Store, count: int) -> None:
    from layerc.runtime.snapshot.apply import apply

    stack: list[str] = []
    for number in range(count):
        data = written(
            (Entry(f"f{number}", "file", 0o644, size=1), b"x"),
            (Entry("top", "file", size=3), b"%03d" % number),
        )
        stack.append(apply(store, io.BytesIO(data), f"sha256:{hashlib.sha256(data).hexdigest()}").diff_id)
    with mount(store, stack) as root:
        assert len(os.listdir(root)) == count + bool(count)
        if count:
            with open(f"{root}/top", "rb") as file:
                assert file.read() == b"%03d" % (count - 1)
    with store.draft() as draft, mount(store, stack, draft) as root:
        with open(f"{root}/new", "wb"):
            pass
        assert len(os.listdir(root)) == count + bool(count) + 1
    assert len(StackView(store, stack).listdir("")) == count + bool(count)


@pytest.mark.root
def test_the_same_layer_twice_in_a_stack(store: Store) -> None:
    def put(root: str) -> None:
        with open(f"{root}/f", "wb") as file:
            file.write(b"x")
        os.utime(f"{root}/f", (1, 1))

    first = change_layer(store, [], put).diff_id
    second = change_layer(store, [first], lambda root: os.unlink(f"{root}/f")).diff_id
    assert change_layer(store, [first, second], put).diff_id == first
    with mount(store, [first, second, first]) as root:
        assert os.listdir(root) == ["f"]
    assert StackView(store, [first, second, first]).listdir("") == ["f"]


@pytest.mark.root
def test_a_directory_passed_through_takes_the_metadata_of_another_parent(store: Store) -> None:
    def parent(mode: int, owner: int) -> str:
        def change(root: str) -> None:
            os.makedirs(f"{root}/d/e")
            os.setxattr(f"{root}/d/e", "user.of", b"%d" % owner)
            os.chown(f"{root}/d", owner, owner)
            os.chmod(f"{root}/d", mode)

        return change_layer(store, [], change).diff_id

    def add(root: str) -> None:
        with open(f"{root}/d/e/f", "wb"):
            pass

    one, two = parent(0o700, 1), parent(0o2775, 2)
    layer = change_layer(store, [one], add)
    for stack, expected in (
        ([one, layer.diff_id], (0o700, 1, b"1")),
        ([two, layer.diff_id], (0o2775, 2, b"2")),
    ):
        with mount(store, stack) as root:
            status = os.stat(f"{root}/d")
            assert (status.st_mode & 0o7777, status.st_uid, os.getxattr(f"{root}/d/e", "user.of")) == expected
    # A step on the corrected stack that changes nothing in them does not mention these directories.
    assert change_layer(store, [two, layer.diff_id], lambda root: None).entries == 0


@pytest.mark.root
def test_a_path_that_is_too_long_is_refused(store: Store) -> None:
    def change(root: str) -> None:
        here = os.open(root, os.O_RDONLY)
        for _ in range(50):
            os.mkdir("d" * 100, dir_fd=here)
            below = os.open("d" * 100, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        os.close(here)

    with pytest.raises(InputError, match="too long for a layer: /ddd"):
        change_layer(store, [], change)
    assert store.usage().layers == 0
