"""Exported root file systems: directories and tars."""

import io
import os
import socket
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from layerc.runtime.errors import InputError, UsageError
from layerc.runtime.events import Event
from layerc.runtime.export import export, parse_output
from layerc.runtime.oci.image import ImageManifest
from layerc.runtime.store import Store

from .conftest import Change, Maker, files

pytestmark = pytest.mark.root


def silent(event: Event) -> None:
    """Nobody listens."""


def write(store: Store, output: str, *images: ImageManifest) -> None:
    export(parse_output(output), images, (), store, silent)


def everything(root: str) -> None:
    """One of each kind."""
    files({"bin/tool": b"tool" * 1000, "etc/empty": b"", "data/größe": b"utf-8"})(root)
    os.chmod(f"{root}/bin/tool", 0o4755)
    os.chown(f"{root}/data/größe", 1000, 1001)
    os.link(f"{root}/bin/tool", f"{root}/data/tool")
    os.symlink("../../../../etc/passwd", f"{root}/etc/up")
    os.symlink("/etc", f"{root}/absolute")
    os.mkfifo(f"{root}/fifo", 0o640)
    os.mknod(f"{root}/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.setxattr(f"{root}/data/größe", "user.note", b"kept")
    os.mkdir(f"{root}/sticky")
    os.chmod(f"{root}/sticky", 0o1777)
    os.utime(f"{root}/sticky", (5, 5))


def facts(root: str) -> dict[str, tuple[object, ...]]:
    """All that is below ``root``, without following links."""
    found: dict[str, tuple[object, ...]] = {}
    for directory, names, others in os.walk(root):
        for name in (*names, *others):
            path = os.path.join(directory, name)
            status = os.lstat(path)
            detail: object = os.readlink(path) if stat.S_ISLNK(status.st_mode) else status.st_rdev
            if stat.S_ISREG(status.st_mode):
                detail = Path(path).read_bytes()
            owner = (status.st_uid, status.st_gid)
            found[os.path.relpath(path, root)] = (status.st_mode, owner, status.st_mtime_ns, detail)
    return found


def test_a_directory_holds_exactly_the_tree(store: Store, maker: Maker, tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    everything(str(made))
    for directory in (made / "bin", made / "etc", made / "data"):
        os.utime(directory, (7, 7))

    def change(root: str) -> None:
        everything(root)
        for name in ("bin", "etc", "data"):
            os.utime(f"{root}/{name}", (7, 7))

    write(store, f"{tmp_path}/out", maker.image(change))
    ours, theirs = facts(f"{tmp_path}/out"), facts(str(made))
    for timeless in ("null", "fifo", "absolute", "etc/up"):  # made now, twice
        ours[timeless], theirs[timeless] = (
            (mode, owner, 0, detail) for mode, owner, _, detail in (ours[timeless], theirs[timeless])
        )
    assert ours == theirs
    assert os.getxattr(f"{tmp_path}/out/data/größe", "user.note") == b"kept"
    assert os.stat(f"{tmp_path}/out/data/tool").st_nlink == 2


def test_a_linked_file_that_was_replaced_is_a_file_of_its_own(
    store: Store, maker: Maker, tmp_path: Path
) -> None:
    def first(root: str) -> None:
        files({"a": b"old"})(root)
        os.link(f"{root}/a", f"{root}/b")
        os.link(f"{root}/a", f"{root}/c")

    def second(root: str) -> None:
        os.unlink(f"{root}/a")
        files({"a": b"new"})(root)

    image = maker.image(first, second)
    write(store, f"{tmp_path}/out", image)
    write(store, f"type=tar,dest={tmp_path}/out.tar", image)
    with tarfile.open(tmp_path / "out.tar") as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    for place in ("out", "unpacked"):
        assert [(tmp_path / place / name).read_bytes() for name in "abc"] == [b"new", b"old", b"old"]
        assert os.stat(tmp_path / place / "b").st_ino == os.stat(tmp_path / place / "c").st_ino


def test_it_merges_into_what_is_there(store: Store, maker: Maker, tmp_path: Path) -> None:
    out = tmp_path / "out"
    files({"mine": b"mine", "etc/conf": b"old", "tool/inside": b"x", "lib": b"file"})(str(out))
    write(store, str(out), maker.image(files({"etc/conf": b"new", "tool": b"now a file", "lib/so": b"so"})))
    assert (out / "mine").read_bytes() == b"mine"
    assert (out / "etc/conf").read_bytes() == b"new"
    assert (out / "tool").read_bytes() == b"now a file"
    assert (out / "lib/so").read_bytes() == b"so"
    assert not [name for name in os.listdir(out) if name.startswith(".tmp")]


def test_links_in_the_destination_are_replaced_not_followed(
    store: Store, maker: Maker, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    files({"conf": b"theirs", "file": b"theirs"})(str(outside))
    out = tmp_path / "out"
    out.mkdir()
    (out / "etc").symlink_to(outside)
    (out / "file").symlink_to(outside / "file")
    write(store, str(out), maker.image(files({"etc/conf": b"ours", "etc/more": b"ours", "file": b"ours"})))
    assert facts(str(outside)).keys() == {"conf", "file"}
    assert (outside / "conf").read_bytes() == (outside / "file").read_bytes() == b"theirs"
    assert (out / "etc/conf").read_bytes() == (out / "file").read_bytes() == b"ours"
    assert not (out / "etc").is_symlink()


def test_links_of_the_image_are_not_followed(store: Store, maker: Maker, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()

    def first(root: str) -> None:
        os.symlink(outside, f"{root}/out")

    def second(root: str) -> None:
        os.unlink(f"{root}/out")
        files({"out/file": b"data"})(root)

    write(store, f"{tmp_path}/dest", maker.image(first))
    write(store, f"{tmp_path}/dest", maker.image(first, second))
    assert os.listdir(outside) == []
    assert (tmp_path / "dest/out/file").read_bytes() == b"data"


def test_several_platforms_go_to_directories(store: Store, maker: Maker, tmp_path: Path) -> None:
    images = [
        maker.image(files({"arch": name.encode()}), platform=name) for name in ("linux/amd64", "linux/arm64")
    ]
    write(store, f"{tmp_path}/out", *images)
    assert (tmp_path / "out/linux_arm64/arch").read_bytes() == b"linux/arm64"
    write(store, f"type=tar,dest={tmp_path}/out.tar", *images)
    with tarfile.open(tmp_path / "out.tar") as archive:
        assert archive.getnames() == [
            *("linux_amd64", "linux_amd64/arch"),
            *("linux_arm64", "linux_arm64/arch"),
        ]
    write(store, f"type=local,dest={tmp_path}/split,platform-split=true", images[0])
    assert (tmp_path / "split/linux_amd64/arch").exists()
    with pytest.raises(UsageError, match="arch is in the images of linux/amd64 and linux/arm64"):
        write(store, f"type=local,dest={tmp_path}/x,platform-split=false", *images)
    with pytest.raises(UsageError, match="a tar keeps several platforms apart"):
        write(store, f"type=tar,dest={tmp_path}/x,platform-split=false", *images)


def test_platforms_that_share_no_file_may_go_to_one_directory(
    store: Store, maker: Maker, tmp_path: Path
) -> None:
    def program(name: str) -> Change:
        def write_it(root: str) -> None:
            os.mkdir(f"{root}/bin")
            Path(root, "bin", name).write_bytes(b"x")

        return write_it

    images = [maker.image(program(name), platform=f"linux/{name}") for name in ("amd64", "arm64")]
    write(store, f"type=local,dest={tmp_path}/out,platform-split=false", *images)
    assert sorted(path.name for path in (tmp_path / "out" / "bin").iterdir()) == ["amd64", "arm64"]


def test_a_tar_keeps_everything(store: Store, maker: Maker, tmp_path: Path) -> None:
    write(store, f"type=tar,dest={tmp_path}/out.tar", maker.image(everything))
    with tarfile.open(tmp_path / "out.tar") as archive:
        members = {member.name: member for member in archive}
    assert members["data/größe"].pax_headers["SCHILY.xattr.user.note"] == "kept"
    assert (members["data/größe"].uid, members["data/größe"].gid) == (1000, 1001)
    assert members["data/tool"].linkname == "bin/tool"
    assert members["null"].ischr()
    assert members["fifo"].isfifo()
    assert members["sticky"].mode == 0o1777


def test_a_tar_on_standard_output(store: Store, maker: Maker, tmp_path: Path) -> None:
    image = maker.image(files({"a": b"data"}))
    (tmp_path / "config.json").write_bytes(image.config_bytes)
    code = (
        "import sys\n"
        "from layerc.runtime.export import export, parse_output\n"
        "from layerc.runtime.oci.image import ImageManifest\n"
        "from layerc.runtime.store import Store\n"
        "with Store.open(sys.argv[1]) as store, open(sys.argv[2], 'rb') as file:\n"
        "    image = ImageManifest(file.read())\n"
        "    export(parse_output('-'), [image], (), store, lambda event: None)\n"
    )
    words = [sys.executable, "-c", code, store.root, f"{tmp_path}/config.json"]
    done = subprocess.run(words, check=True, capture_output=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        assert archive.getnames() == ["a"]


def test_a_pipe_is_written_to(store: Store, maker: Maker, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDWR | os.O_NONBLOCK)
    write(store, f"type=tar,dest={tmp_path}/pipe", maker.image(files({"a": b"data"})))
    assert b"data" in os.read(reader, 1 << 16)
    os.close(reader)
    assert stat.S_ISFIFO(os.stat(tmp_path / "pipe").st_mode)


def test_a_file_is_no_directory(store: Store, maker: Maker, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="file"):
        write(store, f"{tmp_path}/file", maker.image(files({"a": b""})))


def test_a_socket_in_the_way_is_replaced(store: Store, maker: Maker, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{tmp_path}/out/a")
    write(store, f"{tmp_path}/out", maker.image(files({"a": b"file"})))
    assert (tmp_path / "out/a").read_bytes() == b"file"
