import os
import socket
import threading
import time

import pytest

from layerc.compiler.path_patterns import PatternMatcher
from layerc.runtime.errors import SourceError
from layerc.runtime.oci.digests import of_bytes
from layerc.runtime.sources import stat_cache
from layerc.runtime.sources.context import ContextTree
from layerc.runtime.sources.stat_cache import StatCache
from layerc.runtime.sources.tree import TooManyLinksError, follow, walk

OLD = 1_500_000_000


@pytest.fixture
def context(tmp_path):
    root = tmp_path / "context"
    (root / "src" / "deep").mkdir(parents=True)
    (root / "src" / "a.txt").write_text("a")
    (root / "src" / "deep" / "b.txt").write_text("bb")
    (root / "link").symlink_to("src/deep")
    (root / "top.sh").write_text("#!/bin/sh\n")
    (root / "top.sh").chmod(0o4755)
    return root


def paths(tree):
    return [entry.path for entry in walk(tree)]


def age(*files):
    """Make files look as if they were changed long ago (their ctime really is a moment old)."""
    for file in files:
        os.utime(file, (OLD, OLD))
    time.sleep(0.05)


def test_entries_belong_to_root_and_keep_mode_and_time(context):
    os.utime(context / "top.sh", ns=(5, 1_234_567_890_123_456_789))
    with ContextTree(str(context)) as tree:
        entry = tree.lstat("top.sh")
        assert (entry.uid, entry.gid, entry.mode) == (0, 0, 0o4755)
        assert entry.mtime_ns == 1_234_567_890_123_456_789
        assert entry.size == 10
        assert tree.lstat("link").target == "src/deep"
        assert tree.lstat("").kind == "directory"
        assert tree.lstat("").mode == 0o755
        assert paths(tree) == ["", "link", "src", "src/a.txt", "src/deep", "src/deep/b.txt", "top.sh"]
        assert tree.digest("src/a.txt") == of_bytes(b"a")
        assert tree.lstat("src/a.txt").digest == of_bytes(b"a")
        with tree.open("src/deep/b.txt") as file:
            assert file.read() == b"bb"


def test_what_is_not_there_is_none_and_links_are_not_followed(context):
    with ContextTree(str(context)) as tree:
        assert tree.lstat("nothing") is None
        assert tree.lstat("src/a.txt/below") is None
        assert tree.lstat("link/b.txt") is None
        assert tree.resolve("link/b.txt") == "src/deep/b.txt"
        with pytest.raises(NotADirectoryError):
            tree.listdir("top.sh")
        with pytest.raises(FileNotFoundError):
            tree.listdir("nothing")
        with pytest.raises(IsADirectoryError):
            tree.digest("src")


def test_links_stay_inside(context):
    (context / "up").symlink_to("../../../etc/passwd")
    (context / "absolute").symlink_to("/src/a.txt")
    (context / "round").symlink_to("about")
    (context / "about").symlink_to("round")
    with ContextTree(str(context)) as tree:
        assert follow(tree, "up") == "etc/passwd"
        assert follow(tree, "absolute") == "src/a.txt"
        assert follow(tree, "up", follow_last=False) == "up"
        with pytest.raises(TooManyLinksError):
            follow(tree, "round/x")
        assert tree.resolve("round") is None


def test_the_root_may_be_a_link(context, tmp_path):
    (tmp_path / "alias").symlink_to(context)
    with ContextTree(str(tmp_path / "alias")) as tree:
        assert tree.lstat("top.sh") is not None


def test_ignored_directories_are_not_read(context):
    (context / "src").chmod(0)
    with ContextTree(str(context), PatternMatcher(["src"])) as tree:
        assert paths(tree) == ["", "link", "top.sh"]
        assert "src" not in tree._directories
    (context / "src").chmod(0o755)


def test_a_directory_is_there_if_something_in_it_was_taken_back(context):
    (context / "src" / "empty").mkdir()
    with ContextTree(str(context), PatternMatcher(["*", "!src/deep/*.txt", "!src/empty/x"])) as tree:
        assert paths(tree) == ["", "src", "src/deep", "src/deep/b.txt"]
    with ContextTree(str(context), PatternMatcher(["src/deep", "!src/deep/none"])) as tree:
        assert paths(tree) == ["", "link", "src", "src/a.txt", "src/empty", "top.sh"]


def test_the_reason_for_an_ignored_file_is_told(context):
    with ContextTree(str(context), PatternMatcher(["**/*.txt"])) as tree:
        assert "excluded by the pattern '**/*.txt'" in tree.explain_missing("src/a.txt")
        assert tree.explain_missing("src/none.txt") == ""
        assert tree.explain_missing("top.sh") == ""


def test_two_names_of_one_file_are_known_as_such(context):
    os.link(context / "top.sh", context / "zweitname")
    with ContextTree(str(context)) as tree:
        entries = [tree.lstat("top.sh"), tree.lstat("zweitname")]
        identities = {entry.link or entry.path for entry in entries}
        assert len(identities) == 1


def test_a_socket_is_an_empty_file(context):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(context / "s"))
        with ContextTree(str(context)) as tree:
            entry = tree.lstat("s")
            assert (entry.kind, entry.size) == ("file", 0)
            assert tree.digest("s") == of_bytes(b"")


def test_a_pipe_is_never_waited_for(context):
    os.mkfifo(context / "pipe")
    with ContextTree(str(context)) as tree:
        assert tree.lstat("pipe").kind == "fifo"


def test_extended_attributes_are_kept(context):
    try:
        os.setxattr(context / "top.sh", "user.note", b"\x00\xff")
    except OSError:
        pytest.skip("the file system has no user attributes")
    cache = str(context.parent / "cache")
    time.sleep(0.05)
    for _ in range(2):
        with ContextTree(str(context), None, cache) as tree:
            assert tree.lstat("top.sh").xattrs == (("user.note", b"\x00\xff"),)


def test_a_name_that_is_not_utf8_is_named(context):
    open(os.fsencode(context) + b"/bad\xff", "wb").close()
    with ContextTree(str(context)) as tree, pytest.raises(SourceError, match=r"not valid UTF-8: bad\\xff"):
        tree.listdir("")
    with ContextTree(str(context), PatternMatcher(["bad*"])) as tree:
        assert "top.sh" in tree.listdir("")


@pytest.fixture
def not_root():
    """Work as somebody who may not read everything."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def guarded(context):
    (context / "top.sh").chmod(0)
    (context / "src").chmod(0)
    with ContextTree(str(context)) as tree:
        yield tree
    (context / "src").chmod(0o755)


def test_what_can_not_be_read_is_named(guarded, not_root):
    with pytest.raises(SourceError, match=r"can not read top\.sh in the build context: Permission denied"):
        guarded.digest("top.sh")
    with pytest.raises(SourceError, match=r"can not read src in the build context"):
        guarded.listdir("src")


@pytest.mark.parametrize("name", ["nothing", "file"])
def test_a_context_must_be_a_directory(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match=name):
        ContextTree(str(tmp_path / name))


def test_a_file_that_changes_after_it_was_seen_is_refused(context):
    with ContextTree(str(context)) as tree:
        tree.listdir("src")
        (context / "src" / "a.txt").write_text("b")
        with pytest.raises(SourceError, match="was changed"):
            tree.open("src/a.txt")
        (context / "src" / "a.txt").unlink()
        with pytest.raises(SourceError, match="was changed"):
            tree.digest("src/a.txt")


# --- the stat cache ----------------------------------------------------------------------------------


def counted(monkeypatch):
    hashed = []
    original = ContextTree._hash

    def hash_it(self, entry):
        hashed.append(entry.path)
        return original(self, entry)

    monkeypatch.setattr(ContextTree, "_hash", hash_it)
    return hashed


def digest_all(context, cache):
    with ContextTree(str(context), None, cache) as tree:
        return {entry.path: tree.digest(entry.path) for entry in walk(tree) if entry.kind == "file"}


def test_an_unchanged_file_is_hashed_once_and_the_cache_not_written_again(context, tmp_path, monkeypatch):
    cache = str(tmp_path / "cache")
    age(context / "src" / "a.txt", context / "src" / "deep" / "b.txt", context / "top.sh")
    hashed = counted(monkeypatch)
    first = digest_all(context, cache)
    assert len(hashed) == 3
    written = os.stat(cache)
    assert digest_all(context, cache) == first
    assert len(hashed) == 3
    assert os.stat(cache).st_ino == written.st_ino


def test_a_changed_file_is_hashed_again_though_size_and_time_are_the_same(context, tmp_path, monkeypatch):
    cache = str(tmp_path / "cache")
    file = context / "src" / "a.txt"
    age(file)
    digest_all(context, cache)
    hashed = counted(monkeypatch)
    file.write_text("z")
    age(file)
    assert digest_all(context, cache)["src/a.txt"] == of_bytes(b"z")
    assert hashed == ["src/a.txt"]


def test_a_file_written_in_the_same_tick_as_it_was_read_is_never_trusted(context, tmp_path, monkeypatch):
    cache = str(tmp_path / "cache")
    monkeypatch.setattr(stat_cache, "_TICK_NS", 60_000_000_000)
    hashed = counted(monkeypatch)
    digest_all(context, cache)
    digest_all(context, cache)
    assert len(hashed) == 6


def test_records_of_files_that_are_gone_are_dropped(context, tmp_path):
    cache = str(tmp_path / "cache")
    age(context / "src" / "a.txt", context / "src" / "deep" / "b.txt", context / "top.sh")
    digest_all(context, cache)
    (context / "src" / "a.txt").unlink()
    (context / "src" / "deep" / "b.txt").unlink()
    time.sleep(0.05)
    with ContextTree(str(context), None, cache) as tree:
        tree.listdir("src")
    kept = StatCache(cache)._old
    assert "src/a.txt" not in kept
    assert "src/deep/b.txt" in kept  # its directory was not looked at
    assert "top.sh" in kept


@pytest.mark.parametrize("damage", [b"", b"layerc stat cache 1\n", b"rubbish", None])
def test_a_damaged_cache_is_an_empty_one(context, tmp_path, damage):
    cache = tmp_path / "cache"
    age(context / "top.sh")
    before = digest_all(context, str(cache))
    data = cache.read_bytes()
    cache.write_bytes(damage if damage is not None else data[:-3] + b"xyz")
    assert StatCache(str(cache))._old == {}
    assert digest_all(context, str(cache)) == before


def test_a_cache_that_can_not_be_written_is_no_error(context, tmp_path):
    assert digest_all(context, str(tmp_path / "no" / "such" / "directory"))


def test_threads_may_share_a_context(context):
    for index in range(50):
        (context / "src" / f"f{index}").write_text(str(index))
    with ContextTree(str(context)) as tree:
        results = []

        def work():
            results.append([(e.path, tree.digest(e.path)) for e in walk(tree) if e.kind == "file"])

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(results) == 4
    assert all(result == results[0] for result in results)
