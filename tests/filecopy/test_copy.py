"""COPY: what goes where, with which metadata, and what is refused."""

import os
import stat
import time

import pytest

from layerc.compiler.graph.operations import ContextPath, Copy, FromContext, InlineFile
from layerc.runtime.engine.filecopy.apply import apply_copy
from layerc.runtime.engine.filecopy.plan import is_linked
from layerc.runtime.engine.filecopy.resolve import resolve_copy
from layerc.runtime.errors import InputError, SourceError, StepError
from layerc.runtime.sources.context import ContextTree

TREE = {
    "a.txt": "a",
    "b.txt": "b",
    "c.md": "c",
    "sub/one": "1",
    "sub/deep/two": "2",
    "sub/deep/lib.so": "-> lib.so.1",
    "other/three": "3",
}

SUB = {"one": "1", "deep/two": "2", "deep/lib.so": "-> lib.so.1"}


def below(prefix, files):
    return {f"{prefix}/{path}": content for path, content in files.items()}


@pytest.mark.parametrize(
    ("sources", "dest", "result"),
    [
        (["a.txt"], "/", {"a.txt": "a"}),
        (["a.txt"], "/x", {"x": "a"}),
        (["a.txt"], "/x/", {"x/a.txt": "a"}),
        (["a.txt"], "/x/.", {"x/a.txt": "a"}),
        (["a.txt"], "/x/y/z", {"x/y/z": "a"}),
        (["a.txt", "b.txt"], "/x/", {"x/a.txt": "a", "x/b.txt": "b"}),
        (["/a.txt"], "/x", {"x": "a"}),
        (["./sub/../a.txt"], "/x", {"x": "a"}),
        (["../../a.txt"], "/x", {"x": "a"}),
        (["a.txt/"], "/x", {"x": "a"}),
        (["sub"], "/x", below("x", SUB)),
        (["sub/"], "/x/", below("x", SUB)),
        (["sub/."], "/x", below("x", SUB)),
        (["sub", "other"], "/x/", {**below("x", SUB), "x/three": "3"}),
        (["."], "/x", below("x", TREE)),
        (["/"], "/", TREE),
        (["*.txt"], "/x/", {"x/a.txt": "a", "x/b.txt": "b"}),
        (["[ab].txt"], "/x/", {"x/a.txt": "a", "x/b.txt": "b"}),
        (["?.md"], "/x", {"x": "c"}),
        (["sub/*"], "/x/", {"x/one": "1", "x/two": "2", "x/lib.so": "-> lib.so.1"}),
        (["*/deep"], "/x/", {"x/two": "2", "x/lib.so": "-> lib.so.1"}),
        (["s*/*/two"], "/x", {"x": "2"}),
        (["su[!-z]/one"], "/x", {"x": "1"}),
        (["no*match"], "/x/", {}),
        (["a.txt", "no*match"], "/x/", {"x/a.txt": "a"}),
    ],
)
def test_sources_and_destinations(world, sources, dest, result):
    world.put(TREE)
    assert world.copy(*sources, dest=dest) == result


def test_patterns_without_a_match_are_reported(world):
    world.put(TREE)
    assert world.plan("no*", "a.txt", dest="/x/").unmatched == ("no*",)


def test_a_file_goes_into_a_directory_that_is_there(world):
    world.put(TREE)
    world.have({"x/old": "old"})
    assert world.copy("a.txt", dest="/x") == {"x/old": "old", "x/a.txt": "a"}


def test_the_destination_follows_links_inside_the_image(world, tmp_path):
    world.put(TREE)
    world.have({"real/keep": "", "dir": "-> /real", "file": "-> real/target", "up": "-> ../../real"})
    world.copy("a.txt", dest="/dir/")
    world.copy("b.txt", dest="/file")
    world.copy("c.md", dest="/up/c.md")
    listing = world.listing()
    assert listing["real/a.txt"] == "a"
    assert listing["real/target"] == "b"
    assert listing["real/c.md"] == "c"
    assert listing["file"] == "-> real/target"
    assert sorted(os.listdir(tmp_path)) == ["context", "image"]


@pytest.mark.parametrize("target", ["/etc", "../../../../etc", "/tmp"])
def test_no_link_of_the_image_leads_out_of_it(world, tmp_path, target):
    name = f"layerc-escape-{os.getpid()}"
    world.put({name: "x"})
    world.have({"app": f"-> {target}"})
    world.copy(name, dest="/app/")
    assert not os.path.exists(f"{target}/{name}")
    assert f"{target.strip('./')}/{name}" in world.listing()


def test_a_link_in_a_copied_tree_that_would_lead_out_is_only_a_link(world, tmp_path):
    (tmp_path / "victim").mkdir()
    world.put({"d/evil": f"-> {tmp_path}/victim", "e/evil/file": "x"})
    world.copy("d", dest="/x")
    with pytest.raises(StepError, match="x/evil, which is a symbolic link"):
        world.copy("e", dest="/x")
    assert list((tmp_path / "victim").iterdir()) == []


def test_a_source_link_is_followed_but_stays_in_the_context(world, tmp_path):
    (tmp_path / "secret").write_text("secret")
    world.put(
        {"real/f": "f", "link": "-> real/f", "dir": "-> real", "out": "-> ../secret", "abs": "-> /real/f"}
    )
    assert world.copy("link", dest="/x/") == {"x/link": "f"}
    assert world.copy("dir", "dir/f", "abs", dest="/y/") == {"x/link": "f", "y/f": "f", "y/abs": "f"}
    assert world.copy("di*", dest="/z/")["z/f"] == "f"
    with pytest.raises(SourceError, match=r"/out \(a link to /secret\) was not found"):
        world.copy("out", dest="/x/")


def test_links_that_lead_in_a_circle_are_named(world):
    world.put({"a": "-> b", "b": "-> a"})
    with pytest.raises(SourceError, match="lead in a circle"):
        world.copy("a", dest="/")
    world.put({"f": ""})
    world.have({"a": "-> b", "b": "-> a"})
    with pytest.raises(StepError, match="lead in a circle"):
        world.copy("f", dest="/a/")


# --- metadata ----------------------------------------------------------------------------------------


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def test_modes_and_times_are_kept(world):
    world.put(TREE)
    (world.context / "sub").chmod(0o2710)
    (world.context / "sub/one").chmod(0o4511)
    os.utime(world.context / "sub/one", ns=(1, 1_000_000_000_000_000_001))
    os.utime(world.context / "sub/deep", ns=(1, 999))
    world.copy(".", dest="/x")
    assert mode(world.image / "x/sub") == 0o2710
    assert mode(world.image / "x/sub/one") == 0o4511
    assert os.stat(world.image / "x/sub/one").st_mtime_ns == 1_000_000_000_000_000_001
    assert os.stat(world.image / "x/sub/deep").st_mtime_ns == 999


def test_only_the_directory_that_is_copied_into_keeps_its_metadata(world):
    world.put({"d/inner/f": "", "d/g": ""})
    world.have({"x/inner/old": "old"})
    (world.context / "d").chmod(0o711)
    (world.context / "d/inner").chmod(0o711)
    (world.image / "x").chmod(0o700)
    (world.image / "x/inner").chmod(0o700)
    os.utime(world.context / "d", ns=(7, 7))
    world.copy("d", dest="/x")
    assert mode(world.image / "x") == 0o700
    assert mode(world.image / "x/inner") == 0o711
    assert os.stat(world.image / "x").st_mtime_ns == 7
    assert world.listing()["x/inner/old"] == "old"


def test_directories_that_are_made_on_the_way_have_mode_755(world):
    world.put({"d/f": ""})
    (world.context / "d").chmod(0o700)
    old = os.umask(0o077)
    try:
        world.copy("d", dest="/p/q/r")
        world.copy("d/f", dest="/s/t/")
    finally:
        os.umask(old)
    for path in ("p", "p/q", "p/q/r", "s", "s/t"):
        assert mode(world.image / path) == 0o755, path


@pytest.mark.parametrize(
    ("chmod", "file", "directory", "parent"),
    [("640", 0o640, 0o640, 0o640), ("1777", 0o1777, 0o1777, 0o777), ("g+w,o=", 0o660, 0o770, 0o755)],
)
def test_chmod(world, chmod, file, directory, parent):
    world.put({"d/e/f": "", "d/l": "-> f"})
    (world.context / "d/e/f").chmod(0o644)
    (world.context / "d/e").chmod(0o755)
    world.copy("d", dest="/new/x", chmod=chmod)
    assert mode(world.image / "new/x/e/f") == file
    assert mode(world.image / "new/x/e") == directory
    assert mode(world.image / "new/x") == parent


@pytest.mark.parametrize("chmod", ["9", "10000", "64a", "u+q", "u+x,"])
def test_a_malformed_chmod_is_refused(world, chmod):
    world.put({"f": ""})
    with pytest.raises(InputError, match="invalid chmod parameter"):
        world.plan("f", chmod=chmod)


@pytest.mark.root
def test_chown_owns_all_that_is_made(world):
    world.put({"d/e/f": "", "d/l": "-> f"})
    world.have({"old": "/", "etc/passwd": "u:x:10:20::/:\n", "etc/group": "g:x:30:\n"})
    world.copy("d", dest="/p/x", chown="u:g")
    world.copy("d", dest="/old", chown="7")
    owners = {
        path: os.lstat(world.image / path)[4:6] for path in ("p", "p/x", "p/x/e/f", "p/x/l", "old", "old/e")
    }
    assert owners == {
        "p": (10, 30),
        "p/x": (10, 30),
        "p/x/e/f": (10, 30),
        "p/x/l": (10, 30),
        "old": (0, 0),
        "old/e": (7, 7),
    }


@pytest.mark.root
def test_without_chown_a_stage_keeps_its_owners_even_in_a_setgid_directory(world, tmp_path):
    world.put({"d/f": "", "d/g": ""})
    world.have({"x": "/"})
    os.chown(world.image / "x", 0, 500)
    (world.image / "x").chmod(0o2775)
    world.copy("d", dest="/x")
    assert os.lstat(world.image / "x/f").st_gid == 0


@pytest.mark.root
def test_devices_and_pipes_are_copied_as_such(world):
    world.put({"d/f": ""})
    os.mknod(world.context / "d/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    os.mkfifo(world.context / "d/pipe", 0o640)
    world.copy("d", dest="/x")
    assert os.lstat(world.image / "x/null").st_rdev == os.makedev(1, 3)
    assert stat.S_ISFIFO(os.lstat(world.image / "x/pipe").st_mode)
    assert mode(world.image / "x/pipe") == 0o640


@pytest.mark.root
def test_a_device_that_would_be_a_whiteout_is_refused(world):
    world.put({"d/f": ""})
    os.mknod(world.context / "d/gone", 0o666 | stat.S_IFCHR, os.makedev(0, 0))
    with pytest.raises(StepError, match="device 0:0"):
        world.copy("d", dest="/x")


def test_extended_attributes_are_copied_but_for_those_of_the_overlay(world):
    world.put({"d/f": "x"})
    try:
        os.setxattr(world.context / "d/f", "user.note", b"n\0")
        os.setxattr(world.context / "d/f", "user.overlay.opaque", b"y")
    except OSError:
        pytest.skip("the file system has no user attributes")
    world.copy("d", dest="/x")
    assert os.listxattr(world.image / "x/f") == ["user.note"]
    assert os.getxattr(world.image / "x/f", "user.note") == b"n\0"


def test_hard_links_within_a_directory_stay_hard_links(world):
    world.put({"d/a": "same", "d/z/c": "x"})
    os.link(world.context / "d/a", world.context / "d/b")
    os.link(world.context / "d/a", world.context / "d/z/e")
    world.copy("d", dest="/x")
    inodes = {os.stat(world.image / "x" / name).st_ino for name in ("a", "b", "z/e")}
    assert len(inodes) == 1
    world.copy("d/a", "d/b", dest="/y/")
    assert os.stat(world.image / "y/a").st_ino != os.stat(world.image / "y/b").st_ino


# --- what is in the way ------------------------------------------------------------------------------


def test_a_file_replaces_a_link_instead_of_writing_through_it(world):
    world.put({"d/f": "new"})
    world.have({"x/f": "-> ../precious", "precious": "old"})
    assert world.copy("d", dest="/x") == {"x/f": "new", "precious": "old"}


def test_a_file_that_is_a_hard_link_in_the_image_is_replaced_not_overwritten(world):
    world.put({"f": "new"})
    world.have({"f": "old"})
    os.link(world.image / "f", world.image / "twin")
    assert world.copy("f", dest="/f") == {"f": "new", "twin": "old"}


def test_a_directory_and_a_file_do_not_replace_each_other(world):
    world.put({"d/x": "file", "e/x/f": "", "f": ""})
    world.have({"one/x/": "/", "two/x": "file"})
    with pytest.raises(StepError, match="can not replace the directory /one/x by a file"):
        world.copy("d", dest="/one")
    with pytest.raises(StepError, match="over /two/x, which is not a directory"):
        world.copy("e", dest="/two")
    with pytest.raises(StepError, match="/two/x exists and is not a directory"):
        world.copy("f", dest="/two/x/")
    with pytest.raises(StepError, match="/two/x exists and is not a directory"):
        world.copy("f", dest="/two/x/y/z")
    with pytest.raises(StepError, match="/two/x, which is none"):
        world.copy("e", dest="/two/x")


# --- what is missing ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "ignore", "help_text"),
    [
        ("sub/on", (), "did you mean /sub/one?"),
        ("SUB/one", (), "did you mean /sub/one?"),
        ("sbu/deep/two", (), "did you mean /sub/deep/two?"),
        ("a.txt", ["*.txt"], "excluded by the pattern '*.txt' of .dockerignore"),
        ("a.txt/below", (), "/a.txt is not a directory"),
        ("quite/different", (), None),
    ],
)
def test_a_missing_source_is_named_with_advice(world, source, ignore, help_text):
    world.put(TREE)
    with pytest.raises(SourceError, match=f"/{source} was not found in the build context") as caught:
        world.plan(source, ignore=ignore)
    assert (caught.value.help is None) if help_text is None else (help_text in caught.value.help)


def test_an_empty_tree_has_nothing():
    operation = Copy(origin=FromContext(), sources=(), dest="/")
    assert resolve_copy(operation, None).actions == ()


# --- flags -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sources", "result"),
    [
        (["sub/deep/two"], {"x/sub/deep/two": "2"}),
        (["./sub/./deep/two"], {"x/deep/two": "2"}),
        (["/sub/deep/./two"], {"x/two": "2"}),
        (["sub/./deep/./two"], {"x/deep/two": "2"}),
        (["sub/deep/."], {"x/sub/deep/two": "2", "x/sub/deep/lib.so": "-> lib.so.1"}),
        (["**/t*"], {"x/sub/deep/two": "2", "x/other/three": "3"}),
        (["o*/./t*"], {"x/three": "3"}),
        (["s*/./deep"], {"x/deep/two": "2", "x/deep/lib.so": "-> lib.so.1"}),
        # What a pattern before the pivot matches is copied as a source of its own, be it a file: as BuildKit.
        (["[ao]*/./three"], {"x/three": "3", "x/a.txt": "a"}),
        (["a.txt", "sub/one"], {"x/a.txt": "a", "x/sub/one": "1"}),
        (["nothing*"], {"x": "/"}),
    ],
)
def test_parents(world, sources, result):
    world.put(TREE)
    assert world.copy(*sources, dest="/x/", parents=True) == result


def test_parents_take_the_metadata_of_their_sources(world):
    world.put(TREE)
    (world.context / "sub").chmod(0o700)
    (world.context / "sub/deep").chmod(0o711)
    world.copy("sub/deep/two", dest="/x", parents=True)
    assert [mode(world.image / path) for path in ("x", "x/sub", "x/sub/deep")] == [0o755, 0o700, 0o711]


@pytest.mark.parametrize("source", ["sub/nothing", "nothing", ".", "./", "sub/./nothing"])
def test_parents_of_what_is_missing(world, source):
    world.put(TREE)
    with pytest.raises(SourceError):
        world.plan(source, dest="/x/", parents=True)


@pytest.mark.parametrize(
    ("sources", "exclude", "result"),
    [
        (["."], ["*.txt", "other", "sub"], {"x/c.md": "c"}),
        (["."], ["**", "!sub/deep/two"], {"x/sub/deep/two": "2"}),
        (["sub"], ["one"], {"x/deep/two": "2", "x/deep/lib.so": "-> lib.so.1"}),
        (["sub"], ["sub/one"], below("x", SUB)),
        (["*.txt"], ["a.txt"], {"x/a.txt": "a", "x/b.txt": "b"}),
        (["sub"], ["*"], {"x": "/"}),
    ],
)
def test_exclude(world, sources, exclude, result):
    world.put(TREE)
    assert world.copy(*sources, dest="/x/", exclude=tuple(exclude)) == result


def test_exclude_and_parents_together(world):
    world.put(TREE)
    assert world.copy("sub", dest="/x/", parents=True, exclude=("sub/deep",)) == {"x/sub/one": "1"}


def test_malformed_patterns_are_refused(world):
    world.put(TREE)
    with pytest.raises(InputError, match="--exclude: syntax error in pattern"):
        world.plan(".", exclude=("a[",))
    with pytest.raises(InputError, match=r"source path 'a\[': syntax error"):
        world.plan("a[")


def test_files_in_the_dockerfile(world):
    world.put(TREE)
    world.copy(InlineFile("one.sh", "echo ä\n"), "a.txt", dest="/x/", now_ns=42)
    world.copy(InlineFile("EOF", "single"), dest="/y", chmod="755")
    assert world.listing() == {"x/one.sh": "echo ä\n", "x/a.txt": "a", "y": "single"}
    assert mode(world.image / "x/one.sh") == 0o644
    assert mode(world.image / "y") == 0o755
    assert os.stat(world.image / "x/one.sh").st_mtime_ns == 42
    with pytest.raises(InputError, match="can not be the name of a file"):
        world.plan(InlineFile("a/b", ""), dest="/x")


def test_link_means_an_empty_tree_below_unless_chmod_is_given():
    operation = Copy(origin=FromContext(), sources=(), dest="/", link=True)
    assert is_linked(operation)
    assert not is_linked(Copy(origin=FromContext(), sources=(), dest="/", link=True, chmod="644"))
    assert not is_linked(Copy(origin=FromContext(), sources=(), dest="/"))


# --- bytes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, (1 << 17) - 1, 1 << 17, (1 << 17) + 1, (3 << 20) + 5])
def test_contents_of_all_sizes(world, size):
    data = os.urandom(size)
    world.put({"f": data})
    world.copy("f", dest="/f")
    assert (world.image / "f").read_bytes() == data


def test_holes_stay_holes(world):
    with open(world.context / "f", "wb") as file:
        file.seek(1 << 24)
        file.write(b"middle")
        file.truncate(1 << 26)
    world.copy("f", dest="/f")
    copied = os.stat(world.image / "f")
    assert copied.st_size == 1 << 26
    assert copied.st_blocks * 512 < 1 << 20
    with open(world.image / "f", "rb") as file:
        file.seek(1 << 24)
        assert file.read(10) == b"middle\0\0\0\0"


def test_a_file_that_changes_between_the_plan_and_the_copy_is_refused(world):
    world.put({"f": "one"})
    plan = world.plan("f", dest="/f")
    plan.key()
    (world.context / "f").write_text("two")
    with pytest.raises(SourceError, match="was changed"):
        apply_copy(plan, str(world.image))


def test_a_copy_can_be_cancelled(world):
    world.put(TREE)

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply_copy(world.plan(".", dest="/x"), str(world.image), check=stop)


# --- the key -----------------------------------------------------------------------------------------


def test_the_key_is_about_contents_not_times_or_paths(world):
    world.put({"d/f": "x", "d/g": "-> f", "e/f": "x", "e/g": "-> f"})
    first = world.plan("d", dest="/d").key()
    os.utime(world.context / "d/f", ns=(1, 1))
    assert world.plan("d", dest="/d").key() == first
    assert world.plan("./d/.", dest="/d").key() == first
    (world.context / "d").chmod(0o700)  # only its content is copied
    assert world.plan("d", dest="/d").key() == first


def changes():
    def content(root):
        (root / "d/f").write_text("y")

    def permissions(root):
        (root / "d/f").chmod(0o600)

    def target(root):
        (root / "d/g").unlink()
        (root / "d/g").symlink_to("h")

    def kind(root):
        (root / "d/g").unlink()
        (root / "d/g").write_text("f")

    def more(root):
        (root / "d/new").write_text("")

    def name(root):
        (root / "d/f").rename(root / "d/f2")

    def link(root):
        os.link(root / "d/f", root / "d/f2")

    return [content, permissions, target, kind, more, name, link]


@pytest.mark.parametrize("change", changes(), ids=lambda change: change.__name__)
def test_the_key_notices(world, change):
    world.put({"d/f": "x", "d/g": "-> f"})
    (world.context / "d/f").chmod(0o644)
    first = world.plan("d", dest="/d").key()
    change(world.context)
    assert world.plan("d", dest="/d").key() != first


def test_a_hard_link_differs_from_a_copy(world):
    world.put({"d/f": "x", "d/g": "x"})
    first = world.plan("d", dest="/d").key()
    (world.context / "d/g").unlink()
    os.link(world.context / "d/f", world.context / "d/g")
    assert world.plan("d", dest="/d").key() != first


def test_what_a_flag_overrides_is_not_in_the_key(world):
    world.put({"d/f": "x"})
    first = world.plan("d", dest="/d", chmod="600").key()
    (world.context / "d/f").chmod(0o600)
    assert world.plan("d", dest="/d", chmod="600").key() == first
    relative = world.plan("d", dest="/d", chmod="u+x").key()
    (world.context / "d/f").chmod(0o644)
    assert world.plan("d", dest="/d", chmod="u+x").key() != relative


def test_a_large_context_is_fast(world):
    for directory in range(20):
        world.put({f"d{directory}/f{index}": f"{index}" for index in range(100)})
    start = time.process_time()
    world.plan(".", dest="/x").key()
    assert time.process_time() - start < 2


def test_a_tree_of_another_stage_keeps_its_owner(world, tmp_path):
    world.put({"f": ""})

    class Stage(ContextTree):
        def lstat(self, path):
            entry = super().lstat(path)
            return entry and entry._replace(uid=os.geteuid(), gid=os.getegid(), mode=0o640)

    operation = Copy(origin=FromContext(), sources=(ContextPath("f"),), dest="/f")
    with Stage(str(world.context)) as tree:
        apply_copy(resolve_copy(operation, tree), str(world.image))
    assert mode(world.image / "f") == 0o640
