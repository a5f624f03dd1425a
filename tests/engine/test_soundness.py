"""The cache against its adversary: after every change, an incremental build gives what a clean build gives, and
no step runs without need. ``test_histories.py`` makes edits up.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from histories import Tree, read_tree
from tiny import BASE, TinyProject

from layerc.compiler.options import CompileOptions, NamedContext
from layerc.runtime.engine.build import build
from layerc.runtime.engine.request import BuildResult, Secret
from layerc.runtime.errors import InputError, StepError
from layerc.runtime.snapshot.mount import enter_mount_namespace, mount
from layerc.runtime.store import Store

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that has the base stage."""
    enter_mount_namespace()
    project = TinyProject(tmp_path_factory.mktemp("template"))
    project.build("")
    return project.home


@pytest.fixture
def project(tmp_path: Path, template: Path) -> TinyProject:
    project = TinyProject(tmp_path)
    copy_store(template, project.home)
    return project


def copy_store(template: Path, home: Path) -> None:
    subprocess.run(["cp", "-a", template, home], check=True)


def tree_of(home: Path, result: BuildResult) -> Tree:
    """The image's tree as a container would see it: everything but times."""
    with Store.open(str(home)) as store, mount(store, result.images[-1].diff_ids, None) as root:
        return read_tree(str(root))


class Twin:
    """Builds each state incrementally, and cleanly in a fresh store, and compares."""

    def __init__(self, project: TinyProject, template: Path) -> None:
        self.project = project
        self.template = template
        self.count = 0

    def build(self, text: str, **changes: object) -> BuildResult:
        result = self.project.build(text, **changes)
        assert tree_of(self.project.home, result) == self.clean(text, **changes)
        return result

    def clean(self, text: str, **changes: object) -> Tree:
        self.count += 1
        home = self.project.home.with_name(f"clean-{self.count}")
        copy_store(self.template, home)
        with Store.open(str(home)) as store:
            result = build(self.project.request(text, **changes), store, lambda _: None)
        return tree_of(home, result)

    def ran(self) -> list[str]:
        return self.project.ran()


@pytest.fixture
def twin(project: TinyProject, template: Path) -> Twin:
    return Twin(project, template)


# --- edits of the build context ----------------------------------------------------------------------


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def make_context(root: Path) -> None:
    """``d`` is what steps take; ``other`` is not."""
    (root / "d/sub").mkdir(parents=True)
    (root / "other").write_text("other")
    (root / "d/file").write_text("12345")
    (root / "d/sub/inner").write_text("inner")
    (root / "d/one").write_text("linked")
    os.link(root / "d/one", root / "d/two")
    (root / "d/link").symlink_to("file")
    os.mkfifo(root / "d/fifo", 0o600)
    os.utime(root / "d/file", (1, 1))


def restore_times(path: Path, change: Callable[[], object]) -> None:
    before = path.stat()
    change()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_by_rename(root: Path) -> None:
    new = root / "new"
    new.write_text("abcde")
    os.utime(new, (1, 1))
    new.rename(root / "d/file")


def retype(path: Path, make: Callable[[Path], object]) -> None:
    remove(path)
    make(path)


def unlink_pair(root: Path) -> None:
    (root / "d/two").unlink()
    shutil.copy2(root / "d/one", root / "d/two")


def swap(one: Path, two: Path) -> None:
    aside = one.with_name("aside")
    one.rename(aside)
    two.rename(one)
    aside.rename(two)


MEANT: dict[str, Callable[[Path], object]] = {
    "content": lambda root: (root / "d/file").write_text("other content"),
    "same size and mtime": lambda root: restore_times(
        root / "d/file", lambda: (root / "d/file").write_text("54321")
    ),
    "replaced by rename": replace_by_rename,
    "mode": lambda root: (root / "d/file").chmod(0o700),
    "mode of a directory": lambda root: (root / "d/sub").chmod(0o700),
    "mode of a fifo": lambda root: (root / "d/fifo").chmod(0o640),
    "xattr": lambda root: os.setxattr(root / "d/file", "user.a", b"1"),
    "xattr of a directory": lambda root: os.setxattr(root / "d/sub", "user.a", b"1"),
    "target": lambda root: retype(root / "d/link", lambda path: path.symlink_to("sub")),
    "hard link broken": unlink_pair,
    "hard link made": lambda root: retype(root / "d/file", lambda path: os.link(root / "d/one", path)),
    "rename": lambda root: (root / "d/file").rename(root / "d/elif"),
    "swap": lambda root: swap(root / "d/file", root / "d/one"),
    "file to directory": lambda root: retype(root / "d/file", Path.mkdir),
    "file to link": lambda root: retype(root / "d/file", lambda path: path.symlink_to("one")),
    "directory to file": lambda root: retype(root / "d/sub", lambda path: path.write_text("")),
    "fifo to file": lambda root: retype(root / "d/fifo", lambda path: path.write_text("")),
    "new empty directory": lambda root: (root / "d/empty").mkdir(),
    "removed": lambda root: (root / "d/sub/inner").unlink(),
    "ignored": lambda root: (root / ".dockerignore").write_text("d/sub\n"),
}
MEANINGLESS: dict[str, Callable[[Path], object]] = {
    "nothing": lambda _: None,
    "touch": lambda root: os.utime(root / "d/file"),
    "touch of a directory": lambda root: os.utime(root / "d"),
    "rewritten": lambda root: (root / "d/file").write_text("12345"),
    "made again": lambda root: retype(root / "d/file", lambda path: path.write_text("12345")),
    "outside": lambda root: (root / "other").write_text("changed"),
    "new outside": lambda root: (root / "another").mkdir(),
    "ignored outside": lambda root: (root / ".dockerignore").write_text("other\n"),
    "mode of the copied directory itself": lambda root: (root / "d").chmod(0o700),
}
# The same selection, taken in different ways. The second step reads all of it.
TAKES = {
    "copy": "COPY d /d\nRUN ls -lR /d > /list\n",
    "link": "COPY --link d /d\n",
    "mount": "RUN --mount=type=bind,source=d,target=/d cp -a /d /copy\n",
}


EDITED = "".join(f"FROM base AS {name}\n{take}" for name, take in TAKES.items())
EDITED += "FROM base\nCOPY --from=copy /d /copy\nCOPY --from=link /d /link\nCOPY --from=mount /copy /mount\n"


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Twin:
    """One project for all edits: the store remembers every state that the context was in."""
    project = TinyProject(tmp_path_factory.mktemp("edited"))
    copy_store(template, project.home)
    make_context(project.context)
    twin = Twin(project, template)
    twin.build(EDITED)
    return twin


@pytest.fixture
def before(edited: Twin) -> Twin:
    """The project as it was made, in new files with new times: which runs nothing."""
    for name in ("d", "other", "another", ".dockerignore"):
        if (edited.project.context / name).exists():
            remove(edited.project.context / name)
    make_context(edited.project.context)
    edited.project.build(EDITED)
    assert edited.ran() == []
    return edited


@pytest.mark.parametrize("name", MEANT)
def test_edits_that_matter_are_seen(before: Twin, name: str) -> None:
    MEANT[name](before.project.context)
    before.build(EDITED)
    ran = before.ran()
    for step in ("COPY d /d", "COPY --link d /d", "RUN --mount"):
        assert any(title.startswith(step) for title in ran), f"{step} in {ran}"


@pytest.mark.parametrize("name", MEANINGLESS)
def test_edits_that_do_not_matter_run_nothing(before: Twin, name: str) -> None:
    MEANINGLESS[name](before.project.context)
    before.project.build(EDITED)
    assert before.ran() == []


def test_quick_edits_of_one_size_are_all_seen(project: TinyProject) -> None:
    for number in range(6):
        project.write("a", str(number))
        assert project.read(project.build("COPY a /a\n"), "a") == str(number)


def test_another_directory_of_equal_content_runs_nothing(project: TinyProject, tmp_path: Path) -> None:
    make_context(project.context)
    for number in range(20):
        os.link(project.context / "d/one", project.context / f"d/link{number}")
    project.build("COPY d /d\n")
    other = tmp_path / "elsewhere"
    subprocess.run(["cp", "-a", project.context, other], check=True)
    # The names of one file, made in another order, so that the directory lists them in another.
    for number in reversed(range(20)):
        (other / f"d/link{number}").unlink()
    for name in ("one", "two"):
        (other / "d" / name).rename(other / "d" / f"{name}.new")
    for number in reversed(range(20)):
        os.link(other / "d/two.new", other / f"d/link{number}")
    for name in ("two", "one"):
        (other / "d" / f"{name}.new").rename(other / "d" / name)
    project.build("COPY d /d\n", context=str(other))
    assert project.ran() == []


def test_ignore_files_come_and_go(twin: Twin, tmp_path: Path) -> None:
    twin.project.write("d/keep", "1")
    twin.project.write("d/drop", "2")
    dockerfile = str(twin.project.context / "Dockerfile")
    text = "COPY d /d\n"
    full = twin.build(text, dockerfile_path=dockerfile)
    twin.project.write(".dockerignore", "d/drop\n")
    without = twin.build(text, dockerfile_path=dockerfile)
    assert without.images != full.images
    twin.project.write("Dockerfile.dockerignore", "d/keep\n")  # takes the place of the other
    twin.build(text, dockerfile_path=dockerfile)
    assert twin.ran() == ["COPY d /d"]
    (twin.project.context / "Dockerfile.dockerignore").unlink()
    assert twin.build(text, dockerfile_path=dockerfile).images == without.images
    (twin.project.context / ".dockerignore").unlink()
    assert twin.build(text, dockerfile_path=dockerfile).images == full.images
    assert twin.ran() == []


def test_named_contexts_may_change_places(twin: Twin, tmp_path: Path) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_text(name)
    text = "COPY --from=one f /one\nCOPY --from=two f /two\nRUN --mount=from=one,target=/m cat /m/f > /m1\n"

    def options(one: str, two: str) -> CompileOptions:
        places = {"one": one, "two": two}
        return CompileOptions(
            contexts={name: NamedContext(name, "local", str(tmp_path / at)) for name, at in places.items()}
        )

    twin.build(text, options=options("x", "y"))
    swapped = twin.build(text, options=options("y", "x"))
    assert twin.project.read(swapped, "one") == "y"
    assert twin.project.read(swapped, "m1") == "y"
    twin.build(text, options=options("x", "y"))
    assert twin.ran() == []


# --- what else a step depends on ---------------------------------------------------------------------

PASSWD = "root:x:0:0::/root:/bin/sh\nann:x:{0}:{0}::/home/ann:/bin/sh\n"


@pytest.mark.parametrize(
    "step",
    [
        "COPY --chown=ann a /d/a",
        "COPY --link --chown=ann a /d/a",
        "COPY --link --chown=_ a /d/a",
        "USER ann\nWORKDIR /home/ann/work",
        "USER ann\nRUN id -u > /tmp/id",
    ],
)
def test_names_of_users_are_looked_up_in_the_image(twin: Twin, step: str) -> None:
    text = f"COPY passwd /etc/passwd\nRUN mkdir -p /tmp && chmod 777 /tmp\n{step}\n"
    twin.project.write("a", "a")
    for number in (1000, 2000):
        twin.project.write("passwd", PASSWD.format(number) + f"_:x:{number}:{number}::/:\n")
        twin.build(text)


def test_a_linked_copy_with_numbers_does_not_depend_on_the_image(twin: Twin) -> None:
    twin.project.write("a", "a")
    for number in (1000, 2000):
        twin.project.write("passwd", PASSWD.format(number))
        twin.build("COPY passwd /etc/passwd\nCOPY --link --chown=5:6 a /d/a\n")
    assert twin.ran() == ["COPY passwd /etc/passwd"]


CHANGED_TEXTS = {
    "env": ("ENV A=1\nRUN env > /env\n", "ENV A=2\nRUN env > /env\n"),
    "arg": ("ARG A=1\nRUN env > /env\n", "ARG A=2\nRUN env > /env\n"),
    "shell": ("RUN echo $0 > /a\n", 'SHELL ["/bin/ash", "-c"]\nRUN echo $0 > /a\n'),
    "user": ("RUN id > /a\n", "USER 5\nWORKDIR /w\nUSER 0\nRUN id > /a\n"),
    "workdir": ("RUN pwd > /a\n", "WORKDIR /w\nRUN pwd > /a\n"),
    "heredoc": ("RUN <<E\necho 1 > /a\nE\n", "RUN <<E\necho 2 > /a\nE\n"),
    "heredoc of a copy": ("COPY <<E /a\n1\nE\n", "COPY <<E /a\n2\nE\n"),
    "heredoc as input": ("RUN cat <<E > /a\n1\nE\n", "RUN cat <<E > /a\n2\nE\n"),
    "network": ("RUN ls /sys/class/net > /a\n", "RUN --network=none ls /sys/class/net > /a\n"),
    "chmod": ("COPY a /a\n", "COPY --chmod=700 a /a\n"),
    "chown": ("COPY a /a\n", "COPY --chown=5 a /a\n"),
    "dest": ("COPY a /x\n", "COPY a /x/\n"),
    "mount target": (
        "RUN --mount=source=a,target=/m1 ls -d /m* > /o\n",
        "RUN --mount=source=a,target=/m2 ls -d /m* > /o\n",
    ),
    "mount source": (
        "RUN --mount=source=a,target=/m cat /m > /o\n",
        "RUN --mount=source=b,target=/m cat /m > /o\n",
    ),
    "mount writable": (
        "RUN --mount=source=d,target=/m touch /m/x || touch /ro\n",
        "RUN --mount=source=d,target=/m,rw touch /m/x || touch /ro\n",
    ),
    "mount from": (
        ("FROM base AS x\nRUN echo 1 > /f\nFROM base AS y\nRUN echo 2 > /f\nFROM base\n"
        "RUN --mount=from=x,source=/f,target=/m cat /m > /o\n"),
        ("FROM base AS x\nRUN echo 1 > /f\nFROM base AS y\nRUN echo 2 > /f\nFROM base\n"
        "RUN --mount=from=y,source=/f,target=/m cat /m > /o\n"),
    ),
    "cache owner": (
        "RUN --mount=type=cache,target=/m,uid=1 stat -c %u /m > /o\n",
        "RUN --mount=type=cache,target=/m,uid=2 stat -c %u /m > /o\n",
    ),
    "secret mode": (
        "RUN --mount=type=secret,id=s,target=/s,mode=0400 stat -c %a /s > /o\n",
        "RUN --mount=type=secret,id=s,target=/s,mode=0440 stat -c %a /s > /o\n",
    ),
    "tmpfs": ("RUN mkdir /t; touch /t/x\n", "RUN --mount=type=tmpfs,target=/t mkdir /t; touch /t/x\n"),
    "equal step on another parent": ("RUN echo 1 > /a\nRUN cat /a > /b\n", "RUN echo 2 > /a\nRUN cat /a > /b\n"),
    "swapped": ("RUN echo 1 > /a\nRUN echo 2 > /a\n", "RUN echo 2 > /a\nRUN echo 1 > /a\n"),
    "removed by a step": ("RUN touch /a\nRUN rm /a\nRUN ls / > /l\n", "RUN touch /a\nRUN true\nRUN ls / > /l\n"),
    "empty layer": ("RUN true\nRUN ls / > /l\n", "RUN false || true\nRUN ls / > /l\n"),
    "made again": ("RUN mkdir -p /d/e && touch /d/f\nRUN ls -R /d > /l\n", "RUN mkdir -p /d/e && touch /d/f\nRUN rm -r /d && mkdir /d\nRUN ls -R /d > /l\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGED_TEXTS)
def test_changes_of_the_text(twin: Twin, name: str) -> None:
    twin.project.write("a", "a")
    twin.project.write("b", "b")
    twin.project.write("d/f", "f")
    (twin.project.context / "secret").write_text("x")
    secrets = (Secret("s", str(twin.project.context / "secret")),)
    before, after = CHANGED_TEXTS[name]
    first = twin.build(before, secrets=secrets)
    twin.build(after, secrets=secrets)
    assert twin.project.build(before, secrets=secrets).images == first.images
    assert twin.ran() == []


def test_options_that_steps_can_see(twin: Twin) -> None:
    def options(**changes: object) -> CompileOptions:
        return CompileOptions()._replace(**changes)

    text = "ARG A\nRUN echo $A $HTTP_PROXY > /a; cp /etc/hosts /hosts; ls /sys/class/net > /net\n"
    twin.build(text)
    seen = {"build_args": {"A": "1"}, "extra_hosts": (("one", "10.0.0.1"),), "network": "none"}
    for name, value in seen.items():
        twin.build(text, options=options(**{name: value}))
        assert twin.ran()[-1].startswith("RUN echo"), name
    twin.project.build(text, options=options(build_args={"HTTP_PROXY": "http://proxy"}))
    assert twin.ran() == []
    twin.build(text, options=options(labels=(("a", "b"),)))
    assert twin.ran() == []


# --- bind mounts of stages ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "reruns"),
    [
        ("mkdir -m 755 /d && echo 1 > /d/f && touch /new", False),
        ("mkdir -m 700 /d && echo 1 > /d/f", True),
        ("mkdir -m 755 /d && chown 5 /d && echo 1 > /d/f", True),
        ("mkdir -m 755 /d && echo 2 > /d/f", True),
        ("mkdir -m 755 /d && echo 1 > /d/f && chmod 600 /d/f", True),
        ("mkdir -m 755 /d && echo 1 > /d/f && mkfifo /d/p", True),
        ("mkdir -m 755 /d && echo 1 > /d/f && ln /d/f /d/g", True),
    ],
)
def test_a_mounted_directory_of_a_stage(twin: Twin, made: str, reruns: bool) -> None:
    text = "FROM base AS stage\nRUN {}\nFROM base\nRUN --mount=from=stage,source=/d,target=/m stat -c '%a %u %h' /m /m/* > /l\n"
    twin.build(text.format("mkdir -m 755 /d && echo 1 > /d/f"))
    twin.build(text.format(made))
    assert any("--mount" in title for title in twin.ran()) == reruns


def test_a_mounted_file_or_link_of_the_context(twin: Twin) -> None:
    twin.project.write("d/f", "1")
    twin.project.write("d/g", "2")
    (twin.project.context / "link").symlink_to("d/f")
    text = "RUN --mount=source=link,target=/m cat /m > /o\n"
    twin.build(text)
    twin.project.write("d/g", "3")
    twin.build(text)
    assert twin.ran() == []
    (twin.project.context / "link").unlink()
    (twin.project.context / "link").symlink_to("d/g")
    assert twin.project.read(twin.build(text), "o") == "3"


# --- results that were not made together -------------------------------------------------------------

RANDOM = "cat /proc/sys/kernel/random/uuid"


def pair(project: TinyProject, result: BuildResult) -> tuple[str, str]:
    return project.read(result, "a"), project.read(result, "b")


def forget(project: TinyProject) -> None:
    """Drop the results of the last step but one, as garbage collection may."""
    with Store.open(str(project.home)) as store:
        # Each step has two rows, one by its definition and one by its content.
        for key in [row[0] for row in store._index.rows("SELECT key FROM results ORDER BY created")][-4:-2]:
            store._index.execute("DELETE FROM results WHERE key = ?", (key,))


def test_a_step_is_not_put_on_a_parent_that_was_made_again(project: TinyProject) -> None:
    """A build that remakes the parent and goes no further must leave no mixture to the next one."""
    stage = f"FROM base AS one\nRUN {RANDOM} > /a\n"
    text = f"{stage}FROM one\nRUN cp /a /b\n"
    project.build(text)
    project.build(stage, no_cache=True)
    one, other = pair(project, project.build(text))
    assert one == other
    project.build(text)
    assert project.ran() == []


def test_a_step_is_not_put_on_a_parent_that_was_collected(project: TinyProject) -> None:
    text = f"RUN {RANDOM} > /a\nRUN cp /a /b\n"
    project.build(text)
    forget(project)
    one, other = pair(project, project.build(text))
    assert one == other


STAGE = f"FROM base AS one\nRUN {RANDOM} > /a && cp /a /b\n"


@pytest.mark.parametrize("lost", ["made again", "collected"])
@pytest.mark.parametrize(
    "copies",
    [
        "COPY --from=one /a /a\nCOPY --from=one /b /b\n",
        "COPY --link --from=one /a /a\nCOPY --link --from=one /b /b\n",
        "COPY --from=one /a /a\nRUN --mount=from=one,target=/m cp /m/b /b\n",
    ],
)
def test_copies_from_one_stage_agree(project: TinyProject, lost: str, copies: str) -> None:
    first = copies.splitlines()[0]
    project.build(f"{STAGE}FROM base\n{first}\n")
    if lost == "collected":
        forget(project)
    else:
        project.build(STAGE, no_cache=True)
    text = f"{STAGE}FROM base\n{copies}"
    one, other = pair(project, project.build(text))
    assert one == other
    project.build(text)
    assert project.ran() == []


def test_a_stage_that_is_gone_and_not_needed_is_not_made(project: TinyProject) -> None:
    text = f"{STAGE}FROM base\nCOPY --from=one /a /a\n"
    project.build(text)
    forget(project)
    project.build(text + "RUN true\n")
    assert project.ran() == ["RUN true"]


def test_a_linked_pair_that_was_parted_is_copied_apart(twin: Twin) -> None:
    text = (
        "FROM base AS one\nRUN mkdir /d && echo aa > /d/a && touch -d @0 /d/a && ln /d/a /d/b\n"
        "RUN rm /d/a && echo bb > /d/a && touch -d @0 /d/a\nFROM base\nCOPY --from=one /d /d\n"
    )
    result = twin.build(text)
    assert [twin.project.read(result, f"d/{name}") for name in "ab"] == ["bb\n", "aa\n"]


def test_groups_of_hard_links_do_not_depend_on_what_was_read_before(project: TinyProject) -> None:
    project.write("d/sub/one", "1")
    os.link(project.context / "d/sub/one", project.context / "d/two")
    project.build("COPY --link d /d\n")
    project.build("COPY --link d/sub /sub\nCOPY --link d /d\n")
    assert project.ran() == ["COPY --link d/sub /sub"]


# --- base images, flags, other Dockerfiles -----------------------------------------------------------


def test_a_tag_that_moves_is_seen(project: TinyProject, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    options = CompileOptions(
        contexts={"mine": NamedContext("mine", "image", f"oci-layout://{layout}:one")},
    )

    def base(text: str) -> None:
        shutil.rmtree(layout, ignore_errors=True)
        output = f"type=oci,tar=false,dest={layout}"
        project.build(text, outputs=(output,), tags=("example.com/mine:one",))

    def above() -> BuildResult:
        return project.build("FROM mine\nRUN cat /a > /b; echo $E > /e\n", options=options)

    base("RUN echo 1 > /a\nENV E=1\n")
    assert project.read(above(), "b") == "1\n"
    above()
    assert project.ran() == []
    base("RUN echo 2 > /a\nENV E=1\n")
    assert project.read(above(), "b") == "2\n"
    base("RUN echo 2 > /a\nENV E=2\n")  # the config alone
    assert project.read(above(), "e") == "2\n"
    base("RUN echo 2 > /a\nENV E=2\nLABEL a=b\n")
    above()
    assert [title for title in project.ran() if title.startswith("RUN")] == []
    base("RUN echo 2 > /a\nENV E=2\nONBUILD RUN touch /onbuild\n")
    result = above()
    assert project.read(result, "onbuild") == ""
    base("RUN echo 2 > /a\nENV E=2\n")
    assert above().images[0].diff_ids != result.images[0].diff_ids


def test_no_cache_filter_makes_its_stage_again_and_what_changes_above(project: TinyProject) -> None:
    text = (
        f"FROM base AS one\nRUN {RANDOM} > /a\nFROM base AS two\nRUN : 2; {RANDOM} > /a\n"
        "FROM base\nCOPY --from=one /a /a\nCOPY --from=two /a /b\n"
    )
    first = pair(project, project.build(text))
    second = pair(project, project.build(text, no_cache_filter=("two",)))
    assert (second[0] == first[0], second[1] == first[1]) == (True, False)
    assert pair(project, project.build(text)) == second
    third = pair(project, project.build(text, no_cache=True))
    assert third[0] != first[0]
    assert third[1] != second[1]
    assert pair(project, project.build(text, pull=True)) == third
    assert project.ran() == []


def test_a_filter_names_any_of_the_stages_that_share_a_step(project: TinyProject) -> None:
    stages = "".join(f"FROM base AS {name}\nRUN {RANDOM} > /a\n" for name in ("one", "two"))
    text = stages + "FROM base\nCOPY --from=one /a /a\nCOPY --from=two /a /b\n"
    first = pair(project, project.build(text))
    assert pair(project, project.build(text, no_cache_filter=("two",)))[1] != first[1]


def test_dockerfiles_share_steps_and_plans_do_not_mix(twin: Twin) -> None:
    twin.project.write("a", "a")
    one, two = "COPY a /a\nRUN cp /a /b\nRUN touch /one\n", "COPY a /a\nRUN cp /a /b\nRUN touch /two\n"
    twin.build(one)
    twin.build(two)
    assert twin.ran() == ["RUN touch /two"]
    request = twin.project.request(one)
    renamed = request._replace(dockerfile=request.dockerfile._replace(name="other/Dockerfile"))
    with Store.open(str(twin.project.home)) as store:
        events: list[object] = []
        build(renamed, store, events.append)
    assert not any(type(event).__name__ == "StepStarted" for event in events)


@pytest.mark.parametrize("limit", [None, "half"])
def test_collection_between_builds(twin: Twin, limit: str | None) -> None:
    twin.project.write("a", "a")
    text = (
        "FROM base AS one\nCOPY a /a\nRUN cp /a /b\nFROM base\nCOPY --from=one /b /c\n"
        "RUN --mount=source=a,target=/m cat /m > /d\nRUN rm /c && mkdir /c\n"
    )
    twin.build(text)
    with Store.open(str(twin.project.home)) as store:
        usage = store.gc(keep_bytes=None if limit is None else store.usage().total // 2)
    assert usage.removed["layers"] > 0
    twin.build(text)
    twin.project.build(text)
    assert twin.ran() == []


def test_results_whose_layers_are_gone_are_not_found(twin: Twin) -> None:
    text = "RUN echo 1 > /a\nRUN cp /a /b\n"
    result = twin.build(text)
    for diff_id in result.images[0].diff_ids[-2:]:
        with Store.open(str(twin.project.home)) as store:
            store._index.execute("DELETE FROM layers WHERE diff_id = ?", (diff_id,))
        twin.build(text)
        twin.project.build(text)
        assert twin.ran() == []


# --- downloads ---------------------------------------------------------------------------------------


class Served(BaseHTTPRequestHandler):
    content = b"1"
    etag = '"1"'
    asked: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.asked.append(self.headers["If-None-Match"])
        same = bool(self.etag) and self.headers["If-None-Match"] == self.etag
        self.send_response(304 if same else 200)
        if self.etag:
            self.send_header("ETag", self.etag)
        self.send_header("Content-Length", "0" if same else str(len(self.content)))
        self.end_headers()
        if not same:
            self.wfile.write(self.content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    Served.content, Served.etag, Served.asked = b"1", '"1"', []
    with ThreadingHTTPServer(("127.0.0.1", 0), Served) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/file"
        server.shutdown()
        thread.join()


def test_downloads_are_asked_for_again(project: TinyProject, url: str) -> None:
    text = f"ADD {url} /a\n"
    assert project.read(project.build(text), "a") == "1"
    project.build(text)
    assert project.ran() == []
    assert Served.asked == [None, '"1"']
    Served.content, Served.etag = b"2", '"2"'
    assert project.read(project.build(text), "a") == "2"
    Served.content, Served.etag = b"3", ""  # a server without tags
    assert project.read(project.build(text), "a") == "3"
    Served.content = b"4"
    assert project.read(project.build(text), "a") == "4"
    Served.etag = '"another"'  # another tag, the same content
    project.build(text)
    assert project.ran() == []
    with Store.open(str(project.home)) as store:
        store.gc()
    assert project.read(project.build(text), "a") == "4"


def test_a_checksum_that_the_store_knows_does_not_speak_for_the_url(project: TinyProject, url: str) -> None:
    old = f"ADD --checksum=sha256:{hashlib.sha256(b'1').hexdigest()} {url} /old\n"
    project.build(old)
    Served.content, Served.etag = b"2", '"2"'
    result = project.build(f"{old}ADD {url} /new\n")
    assert project.read(result, "old") == "1"
    assert project.read(result, "new") == "2"


# --- caches ------------------------------------------------------------------------------------------


def test_a_cache_is_no_part_of_a_result(project: TinyProject) -> None:
    text = "RUN --mount=type=cache,id=c,target=/c echo {0} >> /c/log; cp /c/log /log\n"
    project.build(text.format(1))
    project.build(text.format(2))
    project.build(text.format(1))
    assert project.ran() == []


def test_a_cache_begins_with_what_its_source_holds(project: TinyProject) -> None:
    text = (
        "FROM base AS seed\nRUN mkdir /s && echo {0} > /s/f\nFROM base\n"
        "RUN --mount=type=cache,target=/c,from=seed,source=/s cat /c/f > /o; echo x >> /c/f\n"
    )
    for number in "12":
        assert project.read(project.build(text.format(number)), "o") == f"{number}\n"


def test_caches_that_are_locked_can_be_shared_in_any_order(project: TinyProject) -> None:
    first = "RUN --mount=type=cache,id={0},sharing=locked,target=/1 --mount=type=cache,id={1},sharing=locked,target=/2 "
    work = "sleep 0.05; echo x >> /1/log; sleep 0.05; echo y >> /2/log\n"
    stages = [first.format(*names) + f": {n}; " + work for n, names in enumerate(("ab", "ba") * 4)]
    text = "".join(f"FROM base AS s{n}\n{stage}" for n, stage in enumerate(stages))
    text += "FROM base\n" + "".join(f"COPY --from=s{n} /bin/sh /s{n}\n" for n in range(len(stages)))
    project.build(text, jobs=8)
    both = first.format("a", "a") + "cp /1/log /log; touch /2/same; test -e /1/same\n"
    lines = project.read(project.build(both), "log").split()
    assert (lines.count("x"), lines.count("y")) == (4, 4)


@pytest.mark.parametrize(("sharing", "together"), [("locked", False), ("shared", True), ("private", False)])
def test_a_cache_between_processes(project: TinyProject, sharing: str, together: bool) -> None:
    """Two processes use one cache at the same time; each leaves its mark for a moment and looks for others."""
    text = (
        f"RUN --mount=type=cache,id=c,sharing={sharing},target=/c touch /c/{{0}}; "
        "for i in 1 2 3 4 5 6 7 8 9 10; do ls /c >> /seen; sleep 0.1; done; rm /c/{0}; echo {0} >> /c/log\n"
    )
    found = []
    started = [start(project, text.format(name)) for name in ("one", "two")]
    for process in started:
        assert process.wait(60) == 0
    for name, other in (("one", "two"), ("two", "one")):
        seen = project.read(project.build(text.format(name)), "seen").split()
        assert project.ran() == []
        found.append(other in seen)
    assert any(found) == together
    logs = [path.read_text().split() for path in project.home.glob("caches/*/data/log")]
    assert len(logs) == (2 if sharing == "private" else 1)
    assert sorted(word for log in logs for word in log) == ["one", "two"]


# --- processes ---------------------------------------------------------------------------------------


def start(project: TinyProject, text: str, *arguments: str) -> subprocess.Popen[bytes]:
    """``layerc build`` in a process of its own; its events go to a file beside the context."""
    path = project.context.with_name(f"Dockerfile.{len(list(project.context.parent.iterdir()))}")
    path.write_text(BASE + text)
    command = [sys.executable, "-m", "layerc", "build", "--store", str(project.home), "--progress", "json"]
    with path.with_name(f"events-{path.name}").open("wb") as events:
        return subprocess.Popen(
            [*command, "-f", str(path), *arguments, str(project.context)], stdout=events, stderr=events
        )


def test_processes_that_build_the_same_run_each_step_once(twin: Twin) -> None:
    project = twin.project
    project.write("a", "a")
    text = "COPY a /a\n" + "".join(f"RUN sleep 0.1; echo {n} > /{n}\n" for n in range(4))
    processes = [start(project, text) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    events = "".join(path.read_text() for path in project.context.parent.glob("events-*"))
    started = [json.loads(line) for line in events.splitlines() if '"step-started"' in line]
    titles = [event["provenance"]["title"] for event in started]
    assert len(titles) == len(set(titles)) == 5
    twin.build(text)
    assert twin.ran() == []


SECRET = "the-secret-0f1e2d3c4b5a"


def test_killed_builds_leave_a_sound_store_and_no_secret(twin: Twin) -> None:
    project = twin.project
    (project.context.parent / "secret").write_text(SECRET)
    secrets = ("--secret", f"id=s,src={project.context.parent / 'secret'}")
    handed = (Secret("s", str(project.context.parent / "secret")),)
    source = random.Random(8)
    seconds = 0.0
    for number in range(15):
        project.write("a", str(number))
        text = (
            "FROM base AS one\nCOPY a /a\nRUN cp /a /b && ln /b /c\nFROM base\nCOPY --from=one /b /c /d/\n"
            "RUN --mount=type=secret,id=s,target=/s --mount=type=secret,id=s,env=S "
            'test "$S" = "$(cat /s)" && for i in 1 2 3 4 5 6 7 8 9; do echo $i > /f$i; done\nRUN rm /d/b\n'
        )
        began = time.monotonic()
        process = start(project, text, *secrets)
        if number == 0:
            assert process.wait(60) == 0
            seconds = time.monotonic() - began
            continue
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(source.uniform(0.2, 1.0) * seconds)
        process.kill()
        process.wait()
        holders = files_with(project.home, SECRET)
        assert holders == []
        if number % 3:
            project.build(text, secrets=handed)
        else:
            twin.build(text, secrets=handed)


def files_with(folder: Path, text: str) -> list[str]:
    found = []
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            with contextlib.suppress(FileNotFoundError):
                if stat.S_ISREG(path.lstat().st_mode) and text.encode() in path.read_bytes():
                    found.append(str(path))
    return found


def test_secrets_stay_out_of_stores_events_and_errors(
    project: TinyProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET)
    monkeypatch.setenv("LAYERC_TEST_SECRET", SECRET)
    secrets = (Secret("file", str(file)), Secret("variable", env="LAYERC_TEST_SECRET"))
    mounts = (
        "--mount=type=secret,id=file,target=/s --mount=type=secret,id=variable,env=V "
        "--mount=type=secret,id=variable,target=/v"
    )
    text = f'RUN {mounts} test "$(cat /s)$V" = "$V$(cat /v)" && test -n "$V" && touch /ok\n'
    project.build(text, secrets=secrets, outputs=(f"type=oci,dest={tmp_path}/image.tar",))
    seen = [repr(project.events)]
    assert SECRET.encode() not in (tmp_path / "image.tar").read_bytes()
    for failing in ("exit 3", "exec /nothing", "kill -9 -1"):
        with pytest.raises(StepError) as caught:
            project.build(f"RUN {mounts} {failing}\n", secrets=secrets)
        seen += [repr(project.events), str(caught.value), repr(vars(caught.value))]
    assert SECRET not in "".join(seen)
    assert files_with(project.home, SECRET) == []
    file.unlink()
    with pytest.raises(InputError):
        project.build(f"RUN {mounts} true\n", secrets=secrets)
    project.build(text, secrets=())  # found: values and presence of secrets take no part in a key
    assert project.ran() == []
