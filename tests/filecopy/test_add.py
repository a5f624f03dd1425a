"""ADD of what was downloaded: URLs and git repositories. (Archives: test_unpack.py.)"""

import io
import os
import stat
import tarfile

import pytest

from layerc.compiler.graph.operations import GitTree, HttpFile
from layerc.runtime.sources.context import ContextTree
from layerc.runtime.sources.tree import MemoryTree

FILE = HttpFile("https://example.com/f.tar")
REPOSITORY = GitTree("https://example.com/r.git")


def archive():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        info = tarfile.TarInfo("inside")
        info.size = 1
        info.uid, info.gid = os.geteuid(), os.getegid()
        tar.addfile(info, io.BytesIO(b"x"))
    return buffer.getvalue()


@pytest.fixture
def downloads(tmp_path):
    repository = tmp_path / "repository"
    (repository / "sub").mkdir(parents=True)
    (repository / "sub/f").write_text("f")
    (repository / "archive.tar").write_bytes(archive())
    repository.chmod(0o700)
    with ContextTree(str(repository)) as tree:
        yield {FILE: MemoryTree({"f.tar": archive()}, mode=0o600, mtime_ns=77), REPOSITORY: tree}


@pytest.mark.parametrize(
    ("dest", "path"), [("/x", "x"), ("/x/", "x/f.tar"), ("/there", "there/f.tar"), ("/p/q/r", "p/q/r")]
)
def test_a_file_is_kept_as_it_came(world, downloads, dest, path):
    (world.image / "there").mkdir()
    world.copy(FILE, dest=dest, add=True, fetched=downloads)
    status = os.lstat(world.image / path)
    assert (stat.S_IMODE(status.st_mode), status.st_mtime_ns) == (0o600, 77)
    assert (world.image / path).read_bytes() == archive()


def test_a_file_is_unpacked_on_demand(world, downloads):
    assert world.copy(FILE, dest="/x/", add=True, unpack=True, fetched=downloads) == {"x/inside": "x"}


def test_a_repository_goes_into_the_destination(world, downloads):
    found = world.copy(REPOSITORY, dest="/x", add=True, fetched=downloads)
    assert set(found) == {"x/sub/f", "x/archive.tar"}  # nothing in it is unpacked
    (world.image / "y").mkdir(mode=0o711)
    found = world.copy(REPOSITORY, dest="/y", add=True, fetched=downloads)
    assert "y/sub/f" in found
    assert stat.S_IMODE(os.lstat(world.image / "y").st_mode) == 0o711
    found = world.copy(REPOSITORY, dest="/z/", add=True, exclude=("*.tar",), fetched=downloads)
    assert "z/sub/f" in found
    assert "z/archive.tar" not in found


def test_all_kinds_of_sources_together(world, downloads):
    world.put({"local.tar": archive(), "a": "a"})
    found = world.copy("a", FILE, "local.tar", REPOSITORY, dest="/x/", add=True, fetched=downloads)
    assert set(found) == {"x/a", "x/f.tar", "x/inside", "x/sub/f", "x/archive.tar"}


def test_what_came_is_in_the_key(world, downloads):
    first = world.plan(FILE, dest="/x", add=True, fetched=downloads).key()
    later = {FILE: MemoryTree({"f.tar": archive()}, mode=0o600, mtime_ns=78)}
    other = {FILE: MemoryTree({"f.tar": b"other"}, mode=0o600, mtime_ns=77)}
    assert world.plan(FILE, dest="/x", add=True, fetched=later).key() == first
    assert world.plan(FILE, dest="/x", add=True, fetched=other).key() != first
