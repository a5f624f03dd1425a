"""Layer archives that lie: nothing outside of the draft is touched, and the store stays usable."""

import hashlib
import io
import os
import resource
import stat
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from layerc.runtime.errors import IntegrityError, SourceError
from layerc.runtime.snapshot.apply import apply
from layerc.runtime.snapshot.mount import mount
from layerc.runtime.snapshot.view import StackView
from layerc.runtime.store import Store, StoredLayer

from .conftest import Node, make_tar, member, read_tree

pytestmark = pytest.mark.root

DIR, LINK, HARD, CHAR, BLOCK, FIFO = (
    tarfile.DIRTYPE,
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.CHRTYPE,
    tarfile.BLKTYPE,
    tarfile.FIFOTYPE,
)

Unpack = Callable[..., StoredLayer]


@pytest.fixture
def unpack(tmp_path: Path, store: Store) -> Iterator[Unpack]:
    """Apply an archive with its true diff ID. Afterwards: canary untouched, store usable, no draft left."""
    canary = tmp_path / "canary"
    canary.mkdir()
    (canary / "file").write_bytes(b"sings")
    (canary / "directory").mkdir()
    before = read_tree(str(canary))

    def run(data: bytes, diff_id: str | None = "") -> StoredLayer:
        name = f"sha256:{hashlib.sha256(data).hexdigest()}" if diff_id == "" else diff_id
        return apply(store, io.BytesIO(data), name)

    yield run
    assert read_tree(str(canary)) == before
    assert sorted(os.listdir(tmp_path)) == ["canary", "store"]
    assert not list((tmp_path / "store" / "work").glob("*/draft*"))
    again = apply(store, io.BytesIO(make_tar([member("alive", data=b"yes")])))
    with StackView(store, [again.diff_id]).open("alive") as file:
        assert file.read() == b"yes"


def tree_of(store: Store, *layers: StoredLayer) -> dict[str, Node]:
    stack = [layer.diff_id for layer in layers]
    with mount(store, stack) as root:
        tree = read_tree(root)
    view = StackView(store, stack)
    assert {entry.path for entry in view.walk()} == set(tree)
    for path, node in tree.items():
        entry = view.lstat(path)
        assert entry is not None
        assert (entry.mode, entry.uid, entry.gid, entry.xattrs) == (
            node.mode,
            node.uid,
            node.gid,
            node.xattrs,
        ), path
    return tree


CANARY = "../../../../canary"

REFUSED = {
    "climbs": [member("../../escaped", data=b"x")],
    "climbs from within": [member("a", DIR), member("a/../../b", data=b"x")],
    "climbs a whiteout": [member("../.wh.canary")],
    "hides nothing": [member(".wh.")],
    "hides the directory": [member("a", DIR), member("a/.wh..")],
    "hides the parent": [member("a", DIR), member("a/.wh...")],
    "hard link to nothing": [member("a", HARD, linkname="b")],
    "hard link outside": [member("a", HARD, linkname="../../../canary/file")],
    "hard link to an absolute file": [member("a", HARD, linkname="/etc/passwd")],
    "hard link to a directory": [member("d", DIR), member("a", HARD, linkname="d")],
    "hard link to a whiteout": [member(".wh.b"), member("a", HARD, linkname="b")],
    "hard link to the root": [member("a", HARD, linkname="/")],
    "hard link at the root": [member("f", data=b"x"), member("./", HARD, linkname="f")],
    "hard link in place of its directory": [member("d/f", data=b"x"), member("d", HARD, linkname="d/f")],
    "hard link through a link outside": [
        member("out", LINK, linkname=CANARY),
        member("a", HARD, linkname="out/file"),
    ],
    "file at the root": [member("./", data=b"x")],
    "link at the root": [member("/", LINK, linkname=CANARY)],
    "device of a whiteout": [member("null", CHAR, devmajor=0, devminor=0)],
    "device that can not be": [member("d", CHAR, devmajor=2000000, devminor=1)],
    "circle of links": [
        member("a", LINK, linkname="b"),
        member("b", LINK, linkname="a"),
        member("a/f", data=b"x"),
    ],
    "name too long": [member("n" * 300, data=b"x")],
    "path too long": [member("/".join(["d" * 200] * 30), data=b"x")],
    "link too long": [member("a", LINK, linkname="x" * 5000)],
    "link to nothing": [member("a", LINK, linkname="")],
    "owner that can not be": [member("a", data=b"x", uid=(1 << 32) - 1)],
    "owner far too large": [member("a", data=b"x", gid=1 << 60)],
    "attribute too large": [member("a", data=b"x", pax_headers={"SCHILY.xattr.user.a": "x" * 100_000})],
    "attribute without a name": [member("a", data=b"x", pax_headers={"SCHILY.xattr.user.a\0b": "x"})],
    "name with a zero byte": [member("a", data=b"x", pax_headers={"path": "a\0b"})],
    "unknown type": [member("a", b"Z")],
    "time without an end": [member("a", data=b"x", pax_headers={"mtime": "1e999999999"})],
    "time that is none": [member("a", data=b"x", pax_headers={"mtime": "NaN"})],
    "header too large": [member("a", data=b"x", pax_headers={"comment": "x" * (2 << 20)})],
    "xattrs of digits": [member("a", data=b"x", pax_headers={"comment": "1" * (17 << 20)})],
    "GNU sparse overlaps": [
        member("a", data=b"xy", pax_headers={"GNU.sparse.size": "9", "GNU.sparse.map": "0,1,0,1"})
    ],
    "GNU sparse beyond its end": [
        member("a", data=b"xy", pax_headers={"GNU.sparse.size": "9", "GNU.sparse.map": "8,2"})
    ],
    "GNU sparse without data": [member("a", pax_headers={"GNU.sparse.size": "9", "GNU.sparse.map": "0,5"})],
    "GNU sparse of an exabyte": [
        member("a", data=b"x", pax_headers={"GNU.sparse.size": str(1 << 60), "GNU.sparse.map": "0,1"})
    ],
    "GNU sparse with a bad map": [
        member(
            "a",
            data=b"z" * 512,
            pax_headers={"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9"},
        )
    ],
    "GNU sparse with an endless map": [
        member(
            "a",
            data=b"999999999\n" * 512,
            pax_headers={"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9"},
        )
    ],
}


@pytest.mark.parametrize("members", REFUSED.values(), ids=REFUSED)
def test_refused(unpack: Unpack, members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    start = time.monotonic()
    data = make_tar(members)
    with pytest.raises(SourceError, match="a layer"):
        unpack(data)
    with pytest.raises(SourceError, match="a layer"):
        unpack(data, None)
    assert time.monotonic() - start < 10


DAMAGED: dict[str, bytes] = {
    "no archive": b"this is no archive at all" * 100,
    "half a header": make_tar([member("a", data=b"x")])[:300],
    "ends in a file": make_tar([member("a", data=b"x" * 5000)])[:2000],
    "ends in the padding": make_tar([member("a", data=b"x")])[:600],
    "ends in a pax header": make_tar([member("a", pax_headers={"comment": "x" * 3000})])[:1500],
    "wrong checksum": make_tar([member("a", data=b"x")]).replace(b"ustar", b"uster", 1),
    "second header damaged": make_tar([member("a")])[:512] + b"\1" * 512 + bytes(1024),
    "member after one block of zeros": make_tar([member("a")])[:512] + bytes(512) + make_tar([member("b")]),
}


def header(name: bytes, kind: bytes, size: int, rest: bytes = b"") -> bytes:
    block = bytearray(512)
    block[: len(name)] = name
    block[100:108] = block[108:116] = block[116:124] = b"0000000\0"
    block[124:136] = b"%011o\0" % size
    block[136:148] = b"%011o\0" % 0
    block[156:157] = kind
    block[257:265] = b"ustar  \0"
    block[386 : 386 + len(rest)] = rest
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def pax(body: bytes) -> bytes:
    return (
        header(b"x", b"x", len(body)) + body + bytes(-len(body) % 512) + header(b"a", b"0", 0) + bytes(1024)
    )


DAMAGED["pax record without a length"] = pax(b"path=x\n")
DAMAGED["pax record too long"] = pax(b"99 path=x\n")
DAMAGED["pax record of length zero"] = pax(b"0 path=x\n")
DAMAGED["old sparse map without an end"] = (
    header(b"a", b"S", 0, bytes(96) + b"\1") + bytes(504) + b"\1" + bytes(7)
)


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_damaged(unpack: Unpack, data: bytes) -> None:
    with pytest.raises(SourceError, match="no readable tar archive"):
        unpack(data)
    with pytest.raises(SourceError, match="no readable tar archive"):
        unpack(data, None)


def test_wrong_diff_id(unpack: Unpack, store: Store) -> None:
    wrong = f"sha256:{'0' * 64}"
    with pytest.raises(IntegrityError, match="not what its diff ID says"):
        unpack(make_tar([member("a", data=b"x")]), wrong)
    assert store.layer(wrong) is None


def test_what_stands_after_the_end_counts_for_the_diff_id(unpack: Unpack, store: Store) -> None:
    data = make_tar([member("a", data=b"x")])
    with pytest.raises(IntegrityError):
        unpack(data + b"more", f"sha256:{hashlib.sha256(data).hexdigest()}")
    assert set(tree_of(store, unpack(data + b"more"))) == {"", "a"}


@pytest.mark.parametrize("data", [b"", bytes(512), bytes(1024), bytes(10240)], ids=len)
def test_empty_archives(unpack: Unpack, store: Store, data: bytes) -> None:
    assert unpack(data).entries == 0


def test_an_archive_may_lack_its_end(unpack: Unpack, store: Store) -> None:
    data = make_tar([member("a", data=b"x")])[:1024]
    assert set(tree_of(store, unpack(data))) == {"", "a"}


# --- links are followed in memory, inside the root ------------------------------------------------------


@pytest.mark.parametrize("target", ["/canary", CANARY, "../../canary", "/../../canary", "x/../../../canary"])
def test_a_link_never_leads_out(unpack: Unpack, store: Store, target: str) -> None:
    layer = unpack(make_tar([member("out", LINK, linkname=target), member("out/file", data=b"evil")]))
    tree = tree_of(store, layer)
    assert tree["out"].content == target
    assert "canary/file" in tree


def test_a_link_inside_is_followed(unpack: Unpack, store: Store) -> None:
    members = [
        member("usr/lib", DIR),
        member("lib", LINK, linkname="usr/lib"),
        member("lib/f", data=b"x"),
        member("g", HARD, linkname="lib/f"),
        member("lib/.wh.gone"),
    ]
    tree = tree_of(store, unpack(make_tar(members)))
    assert set(tree) == {"", "usr", "usr/lib", "lib", "usr/lib/f", "g"}
    assert tree["usr/lib/f"].first == tree["g"].first


def test_writing_a_file_over_a_link_does_not_follow_it(unpack: Unpack, store: Store) -> None:
    members = [
        member("a", data=b"old"),
        member("b", LINK, linkname="a"),
        member("b", data=b"new"),
        member("c", HARD, linkname="b"),
        member("c", data=b"newer"),
    ]
    tree = tree_of(store, unpack(make_tar(members)))
    assert [tree[name].content for name in "abc"] == [
        hashlib.sha256(data).hexdigest() for data in (b"old", b"new", b"newer")
    ]


def test_a_hard_link_to_a_link_is_the_link(unpack: Unpack, store: Store) -> None:
    members = [member("l", LINK, linkname="/canary/file"), member("h", HARD, linkname="l")]
    tree = tree_of(store, unpack(make_tar(members)))
    assert stat.S_ISLNK(tree["h"].kind)
    assert tree["h"].content == "/canary/file"


def test_absolute_names_are_inside(unpack: Unpack, store: Store) -> None:
    assert set(tree_of(store, unpack(make_tar([member("/etc/x", data=b"x")])))) == {"", "etc", "etc/x"}


def test_links_that_grow_are_bounded(unpack: Unpack) -> None:
    long = "/".join("a" * 2000)
    members = [member(f"l{n}", LINK, linkname=f"l{n + 1}/{long}") for n in range(39)]
    start = time.monotonic()
    with pytest.raises(SourceError, match="too long"):
        unpack(make_tar([*members, member("l0/f", data=b"x")]))
    assert time.monotonic() - start < 5


# --- whiteouts and duplicates ---------------------------------------------------------------------------


@pytest.fixture
def below(store: Store) -> StoredLayer:
    members = [
        member("d", DIR, mode=0o700, uid=7),
        member("d/old", data=b"old"),
        member("d/sub/deep", data=b"deep"),
        member("f", data=b"f"),
    ]
    data = make_tar(members)
    return apply(store, io.BytesIO(data), f"sha256:{hashlib.sha256(data).hexdigest()}")


CHANGES = {
    "whiteout of a directory": ([member(".wh.d")], {"f"}),
    "whiteout of a file": ([member("d/.wh.old")], {"d", "d/sub", "d/sub/deep", "f"}),
    "whiteout of nothing": ([member("x/.wh.y")], {"d", "d/old", "d/sub", "d/sub/deep", "f", "x"}),
    "whiteout, then the directory": (
        [member(".wh.d"), member("d", DIR), member("d/new", data=b"n")],
        {"d", "d/new", "f"},
    ),
    "the directory, then its whiteout": (
        [member("d", DIR), member("d/new", data=b"n"), member(".wh.d")],
        {"d", "d/new", "f"},
    ),
    "whiteout, then a file in it": ([member(".wh.d"), member("d/new", data=b"n")], {"d", "d/new", "f"}),
    "whiteout, then a file": ([member(".wh.d"), member("d", data=b"n")], {"d", "f"}),
    "a file, then its whiteout": (
        [member("f", data=b"n"), member(".wh.f")],
        {"d", "d/old", "d/sub", "d/sub/deep", "f"},
    ),
    "whiteout twice": ([member(".wh.d"), member(".wh.d")], {"f"}),
    "opaque": ([member("d", DIR), member("d/.wh..wh..opq"), member("d/new", data=b"n")], {"d", "d/new", "f"}),
    "opaque at the end": (
        [member("d", DIR), member("d/new", data=b"n"), member("d/.wh..wh..opq")],
        {"d", "d/new", "f"},
    ),
    "opaque alone": ([member("d/.wh..wh..opq")], {"d", "f"}),
    "opaque before its directory": (
        [member("d/.wh..wh..opq"), member("d", DIR), member("d/n")],
        {"d", "d/n", "f"},
    ),
    "opaque root": ([member(".wh..wh..opq"), member("n", data=b"n")], {"n"}),
    "opaque root alone": ([member("./.wh..wh..opq")], set()),
    "marks of old drivers": (
        [member(".wh..wh.plnk", DIR), member(".wh..wh.aufs")],
        {"d", "d/old", "d/sub", "d/sub/deep", "f"},
    ),
    "file over a directory": ([member("d", data=b"n")], {"d", "f"}),
    "directory over a file": ([member("f", DIR)], {"d", "d/old", "d/sub", "d/sub/deep", "f"}),
    "file, then directory": ([member("d", data=b"n"), member("d", DIR)], {"d", "f"}),
    "link, then directory": (
        [member("d", LINK, linkname="f"), member("d", DIR), member("d/n")],
        {"d", "d/n", "f"},
    ),
    "directory, then file": (
        [member("d", DIR), member("d/new", data=b"n"), member("d", data=b"n")],
        {"d", "f"},
    ),
    "directory, file, directory": (
        [member("d/new", data=b"n"), member("d", data=b"n"), member("d", DIR)],
        {"d", "f"},
    ),
    "file as a directory": ([member("d", data=b"n"), member("d/in", data=b"n")], {"d", "d/in", "f"}),
}


@pytest.mark.parametrize(("members", "expected"), CHANGES.values(), ids=CHANGES)
def test_changes(
    unpack: Unpack,
    store: Store,
    below: StoredLayer,
    members: list[tuple[tarfile.TarInfo, bytes]],
    expected: set[str],
) -> None:
    assert set(tree_of(store, below, unpack(make_tar(members)))) == expected | {""}


def test_a_directory_that_is_passed_through_keeps_what_it_is(
    unpack: Unpack, store: Store, below: StoredLayer
) -> None:
    tree = tree_of(store, below, unpack(make_tar([member("d/new", data=b"n")])))
    assert (tree["d"].mode, tree["d"].uid) == (0o700, 7)


def test_hard_links_survive_the_end_of_their_first_name(unpack: Unpack, store: Store) -> None:
    members = [
        member("a", data=b"one"),
        member("c", HARD, linkname="a"),
        member("b", HARD, linkname="c"),
        member("a", data=b"two"),
    ]
    layer = unpack(make_tar(members))
    tree = tree_of(store, layer)
    assert tree["b"].first == tree["c"].first == "b"
    entries = {entry.path: entry for entry in StackView(store, [layer.diff_id]).walk()}
    assert (entries["b"].link, entries["c"].link, entries["a"].link) == ("", "b", "")
    assert entries["a"].digest != entries["b"].digest


# --- odd but valid --------------------------------------------------------------------------------------


def test_odd_names(unpack: Unpack, store: Store) -> None:
    names = [
        "new\nline",
        "tab\t",
        "back\\slash",
        "ünï",
        "\udcff\udcfe",
        "a" * 255,
        "-rf",
        " ",
        "%2e%2e",
        ".whale",
    ]
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        tree = tree_of(store, unpack(make_tar([member(name, data=b"x") for name in names], form)))
        assert set(tree) == {"", *names}


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names(unpack: Unpack, store: Store, form: int) -> None:
    name = "/".join(["directory-" + "x" * 60] * 12) + "/file"
    members = [member(name, data=b"x"), member("h", HARD, linkname=name), member("l", LINK, linkname=name)]
    tree = tree_of(store, unpack(make_tar(members, form)))
    assert tree["l"].content == name
    assert name in tree


def test_devices(unpack: Unpack, store: Store) -> None:
    members = [
        member("c", CHAR, devmajor=1, devminor=3, mode=0o666),
        member("b", BLOCK, devmajor=4095, devminor=1048575),
        member("p", FIFO),
        member("zero", BLOCK, devmajor=0, devminor=0),
    ]
    tree = tree_of(store, unpack(make_tar(members)))
    assert (tree["c"].device, tree["c"].mode) == (os.makedev(1, 3), 0o666)
    assert tree["b"].device == os.makedev(4095, 1048575)
    assert stat.S_ISFIFO(tree["p"].kind)


def test_set_id_bits_and_times(unpack: Unpack, store: Store) -> None:
    members = [
        member("s", data=b"x", mode=0o6755, uid=3, gid=4, mtime=-1.5),
        member("big", data=b"x", uid=1 << 31),
    ]
    tree = tree_of(store, unpack(make_tar(members)))
    assert (tree["s"].mode, tree["s"].mtime_ns) == (0o6755, -1_500_000_000)
    assert tree["big"].uid == 1 << 31


def sparse_forms() -> dict[str, bytes]:
    """The same sparse file, 1 at 4096 and 2 at 1 MiB, in all four forms."""
    size, pieces, data = 2 << 20, [(4096, 3), (1 << 20, 2)], b"onetw"
    flat = ",".join(f"{offset},{length}" for offset, length in pieces)
    stored = f"{len(pieces)}\n" + "".join(f"{o}\n{n}\n" for o, n in pieces)
    name = {"GNU.sparse.name": "sparse", "GNU.sparse.realsize": str(size)}
    body = stored.encode() + bytes(-len(stored) % 512) + data
    repeated = b"".join(
        record(key, value)
        for o, n in pieces
        for key, value in ((b"GNU.sparse.offset", o), (b"GNU.sparse.numbytes", n))
    ) + record(b"GNU.sparse.size", size)
    numbers = b"".join(b"%011o\0%011o\0" % piece for piece in pieces)
    old = header(b"sparse", b"S", len(data), numbers + bytes(97 - len(numbers)) + b"%011o\0" % size)
    end = data + bytes(-len(data) % 512) + bytes(1024)
    return {
        "0.0": pax(repeated)[: 512 * 2] + header(b"sparse", b"0", len(data)) + end,
        "0.1": make_tar(
            [
                member(
                    "x", data=data, pax_headers={"GNU.sparse.map": flat, "GNU.sparse.size": str(size), **name}
                )
            ]
        ),
        "1.0": make_tar(
            [member("x", data=body, pax_headers={"GNU.sparse.major": "1", "GNU.sparse.minor": "0", **name})]
        ),
        "old": old + end,
        "old, extended": extended_map(size),
    }


def record(key: bytes, value: object) -> bytes:
    rest = b" %s=%s\n" % (key, str(value).encode())
    length = len(rest) + 2
    return b"%d%s" % (length, rest)


def extended_map(size: int) -> bytes:
    pieces = [(4096, 1), (4097, 1), (4098, 1), (1 << 20, 1), ((1 << 20) + 1, 1)]
    numbers = [b"%011o\0%011o\0" % piece for piece in pieces]
    first = header(b"sparse", b"S", 5, b"".join(numbers[:4]) + b"\1" + b"%011o\0" % size)
    more = numbers[4] + bytes(504 - 24) + bytes(8)
    return first + more + b"onetw" + bytes(507) + bytes(1024)


@pytest.mark.parametrize("form", sparse_forms())
def test_sparse_files(unpack: Unpack, store: Store, form: str) -> None:
    layer = unpack(sparse_forms()[form])
    expected = bytearray(2 << 20)
    expected[4096:4099], expected[1 << 20 : (1 << 20) + 2] = b"one", b"tw"
    tree = tree_of(store, layer)
    assert tree["sparse"].content == hashlib.sha256(expected).hexdigest()
    with mount(store, [layer.diff_id]) as root:
        assert os.lstat(f"{root}/sparse").st_blocks * 512 < 1 << 20


def test_sparse_files_of_gnu_tar(unpack: Unpack, store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "store" / "input"
    folder.mkdir()
    with open(folder / "holes", "wb") as file:
        for number in range(60):
            file.seek(number << 16)
            file.write(b"%d" % number)
        file.truncate(8 << 20)
    for form in ("gnu", "pax", "posix --sparse-version=0.0", "posix --sparse-version=0.1"):
        command = ["tar", "-C", folder, "-cS", *f"--format={form}".split(), "holes"]
        data = subprocess.run(command, check=True, capture_output=True).stdout
        assert len(data) < 1 << 20
        tree = tree_of(store, unpack(data))
        assert tree["holes"].content == hashlib.sha256((folder / "holes").read_bytes()).hexdigest(), form


# --- size -----------------------------------------------------------------------------------------------


def test_deep_directories(unpack: Unpack, store: Store) -> None:
    path = "/".join("d" * 1500)
    layer = unpack(make_tar([member(path, DIR), member(f"{path}/f", data=b"x")]))
    view = StackView(store, [layer.diff_id])
    assert view.digest(f"{path}/f") == f"sha256:{hashlib.sha256(b'x').hexdigest()}"
    assert view.resolve(f"{path}/f") == f"{path}/f"
    replaced = unpack(make_tar([member(f"{path}/f", data=b"x"), member("d", data=b"y")]))
    assert replaced.entries == 1


def test_a_large_claim_takes_no_memory(unpack: Unpack) -> None:
    lies = [header(b"x", kind, (8 << 30) - 1) + bytes(4096) for kind in (b"x", b"g", b"L", b"K")]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for data in lies:
        with pytest.raises(SourceError):
            unpack(data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_many_entries(unpack: Unpack) -> None:
    members = [
        member(f"d{n % 100}/f{n}", HARD if n else tarfile.REGTYPE, linkname="d0/f0") for n in range(20_000)
    ]
    start = time.process_time()
    assert unpack(make_tar(members)).entries == 20_000
    assert time.process_time() - start < 60


def test_replacing_often_is_linear(unpack: Unpack) -> None:
    """Each replaced directory costs what it held, not what the archive holds."""
    ballast = [member(f"b/{n}", LINK, linkname="x") for n in range(3000)]
    swaps = [
        m for n in range(1500) for m in (member("s/f", LINK, linkname="x"), member("s", LINK, linkname="x"))
    ]
    data = make_tar([*ballast, *swaps, member("s", DIR)])
    start = time.process_time()
    unpack(data)
    assert time.process_time() - start < 30


def test_a_stream_that_fails_is_not_swallowed(store: Store) -> None:
    class Broken:
        def read(self, size: int = -1) -> bytes:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply(store, Broken())
    assert store.usage().layers == 0
