"""Composed copies: the layer is the one that a mounted tree gives, and borrowing changes none of its bytes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerc.compiler.graph.operations import ContextPath, Copy, FromContext
from layerc.compiler.options import CompileOptions
from layerc.grammar.errors import LayercError
from layerc.grammar.source import SourceFile
from layerc.runtime.engine.build import build
from layerc.runtime.engine.copies import composed_copy
from layerc.runtime.engine.filecopy.apply import apply_copy
from layerc.runtime.engine.filecopy.resolve import resolve_copy
from layerc.runtime.engine.request import BuildRequest, BuildResult
from layerc.runtime.snapshot.commit import commit
from layerc.runtime.snapshot.export import write_layer
from layerc.runtime.snapshot.index import open_index
from layerc.runtime.snapshot.mount import enter_mount_namespace, mount
from layerc.runtime.snapshot.view import StackView
from layerc.runtime.sources.context import ContextTree
from layerc.runtime.store import Store

pytestmark = pytest.mark.root
STEP = 10**9


@pytest.fixture(scope="module", autouse=True)
def own_mounts() -> None:
    enter_mount_namespace()


# --- the same layer, whichever way it is made ---------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
MODES = st.sampled_from([0o755, 0o700, 0o644, 0o4755, 0o1777])
CONTENTS = st.sampled_from(["file x", "file y", "link a", "link /b/c", "link ..", "directory", "same"])
FILES = st.dictionaries(PATHS, st.tuples(CONTENTS, MODES, st.sampled_from([1, 2])), max_size=6)


def fill(root: str, files: dict[str, tuple[str, int, int]]) -> None:
    """Make what fits: names below files are left out. ``same`` is another name of the first file."""
    first = ""
    for path, (content, mode, _) in sorted(files.items()):
        real = os.path.join(root, path)
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(real), exist_ok=True)
            kind, _, value = content.partition(" ")
            if kind == "directory":
                os.mkdir(real)
            elif kind == "link":
                os.symlink(value, real)
                continue
            elif kind == "same" and first:
                os.link(first, real)
            else:
                with open(real, "x", encoding="utf-8") as file:
                    file.write(value)
                first = first or real
            os.chmod(real, mode)
    for directory, names, others in os.walk(root, topdown=False):
        for name in (*names, *others):
            real = os.path.join(directory, name)
            number = files.get(os.path.relpath(real, root), ("", 0, 1))[2]
            os.utime(real, (number, number), follow_symlinks=False)


def shown(store: Store, diff_id: str, since: int) -> list[object]:
    """The entries of a layer. Times that the clock gave are left out."""
    (layer,) = store.layers([diff_id])
    rows = []
    for entry in open_index(store.index_path(layer.snapshot)).entries(implied=True):
        clock = entry.mtime_ns >= since or entry.implied
        rows.append(entry._replace(mtime_ns=0 if clock else entry.mtime_ns))
    write_layer(store, diff_id, lambda _: None)  # raises if a file is not where it should be
    return rows


@settings(max_examples=60, deadline=None)
@given(
    below=FILES,
    context=FILES,
    sources=st.lists(st.sampled_from([".", "a", "b", "*", "a/b", "c/."]), min_size=1, max_size=2),
    dest=st.sampled_from(["/", "/a", "/a/", "/b/c/", "/new/dir/", "/new/name", "/c/../b"]),
    chmod=st.sampled_from(["", "", "750", "u+x,go-w"]),
    chown=st.sampled_from(["", "", "7:8"]),
)
def test_composed_and_mounted_copies_give_one_layer(
    tmp_path_factory: pytest.TempPathFactory,
    below: dict[str, tuple[str, int, int]],
    context: dict[str, tuple[str, int, int]],
    sources: list[str],
    dest: str,
    chmod: str,
    chown: str,
) -> None:
    folder = tmp_path_factory.mktemp("both")
    (folder / "context").mkdir()
    fill(str(folder / "context"), context)
    since = time.time_ns() - STEP
    if len(sources) > 1 or "*" in sources:
        dest = dest if dest.endswith("/") else f"{dest}/"
    copy = Copy(
        origin=FromContext(),
        sources=tuple(map(ContextPath, sources)),
        dest=dest,
        chmod=chmod,
        chown=chown,
    )
    with Store.open(str(folder / "store")) as store, ContextTree(str(folder / "context")) as tree:
        with store.draft() as draft:
            fill(draft.diff, below)
            parent = (commit(store, draft, StackView(store, ())).diff_id,)
        try:
            plan = resolve_copy(copy, tree)
        except LayercError:
            return
        view = StackView(store, parent)

        def composed() -> str:
            made = composed_copy(store, copy, plan, parent, parent, lambda: None, None)
            assert made is not None
            return made[0]

        def mounted() -> str:
            with store.draft() as draft:
                with mount(store, parent, draft) as root:
                    apply_copy(plan, root, view)
                return commit(store, draft, view).diff_id

        results = []
        for way in (composed, mounted):
            try:
                results.append(shown(store, way(), since))
            except LayercError as error:
                results.append([error.message])
        assert results[0] == results[1]
    shutil.rmtree(folder)


# --- edits: an incremental build is a clean build ------------------------------------------------------

COUNT = 200


class Project:
    """A context of ``COUNT`` files and a store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "store"
        self.context = folder / "context"
        self.source = self.context / "src"
        for number in range(COUNT):
            path = self.source / f"{number % 10}" / f"{number}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{number}\n")
        (self.source / "link").symlink_to("1/1.txt")
        os.link(self.source / "2/2.txt", self.source / "2/other")

    def build(self, home: Path | None = None, text: str = "COPY src /src\n") -> BuildResult:
        request = BuildRequest(
            SourceFile("Dockerfile", f"FROM scratch\n{text}"), CompileOptions(), context=str(self.context)
        )
        with Store.open(str(home or self.home)) as store:
            return build(request, store, lambda _: None)

    def clean(self, text: str = "COPY src /src\n") -> BuildResult:
        home = self.folder / "clean"
        shutil.rmtree(home, ignore_errors=True)
        return self.build(home, text)

    def check(self, result: BuildResult) -> int:
        """The layer is as the index says: as an archive, and as an overlay. The number that it borrows from."""
        (diff_id,) = result.images[0].diff_ids
        with Store.open(str(self.home)) as store:
            write_layer(store, diff_id, lambda _: None)
            view = StackView(store, (diff_id,))
            with mount(store, (diff_id,)) as root:
                assert on_disk(root) == expected(view)
            return store.layers([diff_id])[0].borrows


def on_disk(root: str) -> dict[str, tuple[object, ...]]:
    found = {}
    for directory, names, files in os.walk(root):
        for name in (*names, *files):
            path = os.path.join(directory, name)
            status = os.lstat(path)
            content = ""
            if stat.S_ISREG(status.st_mode):
                content = "sha256:" + hashlib.sha256(Path(path).read_bytes()).hexdigest()
            elif stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            links = 0 if stat.S_ISDIR(status.st_mode) else status.st_nlink
            found[os.path.relpath(path, root)] = (
                stat.S_IMODE(status.st_mode),
                status.st_mtime_ns,
                content,
                links,
            )
    return found


def expected(view: StackView) -> dict[str, tuple[object, ...]]:
    entries = [entry for entry in view.walk() if entry.path]
    names: dict[str, int] = {}
    for entry in entries:
        names[entry.link or entry.path] = names.get(entry.link or entry.path, 0) + 1
    return {
        entry.path: (
            entry.mode,
            entry.mtime_ns,
            entry.digest or entry.target,
            0 if entry.is_directory else names[entry.link or entry.path],
        )
        for entry in entries
    }


def edit(source: Path) -> None:
    (source / "3/3.txt").write_text("edited\n")


def add(source: Path) -> None:
    (source / "3/new").write_text("new\n")
    (source / "fresh").mkdir()
    (source / "fresh/file").write_text("new\n")


def chmod(source: Path) -> None:
    (source / "4/4.txt").chmod(0o600)
    (source / "5").chmod(0o711)


def touch(source: Path) -> None:
    edit(source)  # times alone make no step run
    os.utime(source / "6/6.txt", (5, 5))
    os.utime(source / "7", (5, 5))


def retarget(source: Path) -> None:
    (source / "link").unlink()
    (source / "link").symlink_to("2/2.txt")


def link_more(source: Path) -> None:
    os.link(source / "2/2.txt", source / "2/third")
    os.link(source / "8/8.txt", source / "9/eight")


def part_links(source: Path) -> None:
    (source / "2/other").unlink()
    shutil.copy(source / "2/2.txt", source / "2/other")


def file_for_directory(source: Path) -> None:
    shutil.rmtree(source / "9")
    (source / "9").write_text("a file now\n")


def directory_for_file(source: Path) -> None:
    (source / "1/1.txt").unlink()
    (source / "1/1.txt").mkdir()
    (source / "1/1.txt/x").write_text("x")


def remove(source: Path) -> None:
    (source / "3/3.txt").unlink()


def rename(source: Path) -> None:
    (source / "3/13.txt").rename(source / "3/thirteen")


def empty(source: Path) -> None:
    for name in os.listdir(source):
        path = source / name
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


BORROWING: list[Callable[[Path], None]] = [
    edit,
    add,
    chmod,
    touch,
    retarget,
    link_more,
    part_links,
    file_for_directory,
]
OTHERS: list[Callable[[Path], None]] = [directory_for_file, remove, rename, empty]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize("change", [*BORROWING, *OTHERS], ids=lambda change: change.__name__)
def test_an_edited_copy_is_the_same_layer_as_a_clean_one(
    project: Project, change: Callable[[Path], None]
) -> None:
    project.check(project.build())
    change(project.source)
    result = project.build()
    assert result.images[0].diff_ids == project.clean().images[0].diff_ids
    assert bool(project.check(result)) == (change in BORROWING)


def test_many_edits_one_after_the_other(project: Project) -> None:
    choices = random.Random(4)
    project.build()
    borrowed = 0
    for _ in range(6):
        for change in choices.sample([*BORROWING, *OTHERS[:-1]], 2):
            with contextlib.suppress(OSError):
                change(project.source)
        edit_at_random(project.source, choices)
        result = project.build()
        assert result.images[0].diff_ids == project.clean().images[0].diff_ids
        borrowed += bool(project.check(result))
    assert borrowed


def edit_at_random(source: Path, choices: random.Random) -> None:
    files = [path for path in sorted(source.rglob("*.txt")) if path.is_file()]
    choices.choice(files).write_text(str(choices.random()))


def test_a_file_that_is_gone_lets_what_is_below_show_through(project: Project) -> None:
    text = "COPY below /src/\nCOPY src /src\n"
    (project.context / "below").mkdir()
    (project.context / "below/fresh").write_text("below")
    project.build(text=text)
    (project.source / "fresh").write_text("above")
    project.build(text=text)
    (project.source / "fresh").unlink()
    result = project.build(text=text)
    with Store.open(str(project.home)) as store, mount(store, result.images[0].diff_ids) as root:
        assert Path(root, "src/fresh").read_text() == "below"


def test_what_is_borrowed_outlives_the_layer_that_made_it(project: Project) -> None:
    project.build()
    edit(project.source)
    result = project.build()
    lender = project.check(result)
    assert lender
    with Store.open(str(project.home)) as store:
        (diff_id,) = result.images[0].diff_ids
        held = store.layers([diff_id])
        store.gc()
        assert held
    assert project.check(result) == lender
    with Store.open(str(project.home)) as store:
        assert store.gc().layers == 0
        assert os.listdir(os.path.join(store.root, "snapshots")) == ["0"]


@pytest.fixture
def many(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    for number in range(3000):
        (project.source / "1" / f"more{number}").write_bytes(bytes(2000))
    return project


def test_a_killed_copy_leaves_nothing_that_counts(many: Project) -> None:
    dockerfile = many.context / "Dockerfile"
    dockerfile.write_text("FROM scratch\nCOPY src /src\n")
    command = [sys.executable, "-m", "layerc", "build", "--quiet", "--store", str(many.home)]
    many.build()
    choices = random.Random(2)
    for delay in (0.15, 0.2, 0.25, 0.3, 0.4):
        edit_at_random(many.source, choices)
        process = subprocess.Popen([*command, str(many.context)], stdout=subprocess.DEVNULL)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
    result = many.build()
    assert result.images[0].diff_ids == many.clean().images[0].diff_ids
    assert many.check(result)
