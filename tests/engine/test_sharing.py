"""Results and traces that another store uses: nothing runs there that need not, and nothing wrong comes in."""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from registries import docker_registry
from tiny import BASE, TinyProject

from layerc.compiler.options import CompileOptions, NamedContext
from layerc.runtime.engine.request import BuildResult, Secret
from layerc.runtime.errors import InputError, StepError
from layerc.runtime.events import Notice
from layerc.runtime.oci.digests import of_bytes
from layerc.runtime.snapshot.mount import enter_mount_namespace
from layerc.runtime.store import Store

pytestmark = pytest.mark.root

STEPS = """\
FROM base AS tools
RUN echo tool > /tool
FROM base
COPY . /src
RUN cat /src/read > /copy; mkdir -m 700 /made; ln /copy /made/second
RUN if test -e /src/absent; then echo there; fi; ls /src/listed > /names
COPY --from=tools /tool /tool
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Machine A has built and written its cache to ``cache``."""
    enter_mount_namespace()
    root = tmp_path_factory.mktemp("a")
    project = TinyProject(root)
    for name in ("read", "unread", "listed/one"):
        project.write(name, f"{name} 1\n")
    project.build(STEPS, cache_to=(f"type=local,dest={root / 'cache'},mode=max",), outputs=(archive(root),))
    assert len(project.ran()) == 7
    return root


@pytest.fixture
def machine(tmp_path: Path, template: Path) -> TinyProject:
    """Machine B: the same context, an empty store, and a copy of the cache beside it."""
    project = TinyProject(tmp_path)
    shutil.rmtree(project.context)
    subprocess.run(["cp", "-a", template / "context", project.context], check=True)
    subprocess.run(["cp", "-a", template / "cache", tmp_path / "cache"], check=True)
    return project


def archive(root: Path) -> str:
    return f"type=oci,dest={root / 'image.tar'}"


def cache_of(project: TinyProject) -> Path:
    return project.home.parent / "cache"


def build(project: TinyProject, text: str = STEPS, **changes: object) -> BuildResult:
    return project.build(text, cache_from=(f"type=local,src={cache_of(project)}",), **changes)


def notices(project: TinyProject) -> list[str]:
    return [event.message for event in project.events if isinstance(event, Notice)]


def tree_bytes(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


# --- what it is for ----------------------------------------------------------------------------------


def test_another_store_runs_nothing_and_gives_the_same_image(machine: TinyProject, template: Path) -> None:
    result = build(machine, outputs=(archive(machine.home.parent),))
    assert machine.ran() == []
    assert notices(machine) == []
    assert result.executed == 0
    assert (machine.home.parent / "image.tar").read_bytes() == (template / "image.tar").read_bytes()
    machine.build(STEPS)
    assert set(machine.levels().values()) == {"definition"}


def test_only_what_is_needed_comes(machine: TinyProject) -> None:
    result = build(machine)
    with Store.open(str(machine.home)) as store:
        assert store.usage().layers == len(result.images[0].diff_ids)


@pytest.mark.parametrize("traced", [True, False])
def test_an_unrelated_edit_hits_by_trace(machine: TinyProject, traced: bool) -> None:
    """A machine that can not observe steps uses what others have observed."""
    machine.write("unread", "other")
    build(machine, traced=traced)
    assert machine.ran() == ["COPY . /src"]
    levels = machine.levels()
    assert levels["RUN cat /src/read > /copy; mkdir -m 700 /made; ln /copy /made/second"] == "trace"
    assert levels["RUN if test -e /src/absent; then echo there; fi; ls /src/listed > /names"] == "trace"


@pytest.mark.parametrize(
    ("name", "step"),
    [("read", "RUN cat"), ("absent", "RUN if"), ("listed/two", "RUN if")],
)
def test_an_edit_of_what_was_seen_misses(machine: TinyProject, name: str, step: str) -> None:
    machine.write(name, "changed")
    ran: list[str] = []
    try:
        build(machine)
    finally:
        ran = machine.ran()
    assert [title for title in ran if title.startswith("RUN")] == [
        title for title in ran if title.startswith(step)
    ]
    assert any(title.startswith(step) for title in ran)


LOOKS = """\
FROM base
COPY . /src
RUN stat -c %h /src/one > /links
RUN ls /src > /names
RUN readlink /src/link > /target
RUN test -x /src/read && echo x > /x; true
RUN cat /src/read /src/sub/deep > /content
RUN test -e /src/sub/absent && echo y > /y; true
RUN stat -c %a%u%F /src/sub /src/one > /owners
"""
EDITS: list[Callable[[Path], object]] = [
    lambda root: (root / "unread").write_text("2"),
    lambda root: (root / "read").write_text("2"),
    lambda root: os.link(root / "one", root / "sub/two"),
    lambda root: (root / "read").chmod(0o755),
    lambda root: ((root / "link").unlink(), (root / "link").symlink_to("unread")),
    lambda root: (root / "sub").chmod(0o700),
    lambda root: ((root / "one").unlink(), (root / "one").symlink_to("read")),
    lambda root: (shutil.rmtree(root / "sub"), (root / "sub").write_text("")),
]


def test_shared_traces_mean_what_own_traces_mean(tmp_path: Path) -> None:
    """After each edit, a store that has only the cache runs the same steps as the one that wrote it."""
    first = TinyProject(tmp_path)
    for name in ("read", "unread", "one", "sub/deep"):
        first.write(name, name)
    (first.context / "link").symlink_to("read")
    target = f"type=local,dest={tmp_path / 'cache'}"
    first.build(LOOKS, cache_to=(target,))
    start, home = tmp_path / "start", tmp_path / "first"
    subprocess.run(["cp", "-a", first.context, start], check=True)
    first.home.rename(home)
    for number, edit in enumerate(EDITS):
        shutil.rmtree(first.context)
        subprocess.run(["cp", "-a", start, first.context], check=True)
        edit(first.context)
        first.home = tmp_path / f"own {number}"  # never the same place twice: indexes are remembered
        subprocess.run(["cp", "-a", home, first.home], check=True)
        with contextlib.suppress(StepError):
            first.build(LOOKS)
        ran = first.ran()
        first.home = tmp_path / f"other {number}"
        with contextlib.suppress(StepError):
            first.build(LOOKS, cache_from=(f"type=local,src={tmp_path / 'cache'}",))
        assert first.ran() == ran, number
        assert len(ran) < 8


# --- what is written ---------------------------------------------------------------------------------


def test_equal_stores_write_equal_bytes_and_nothing_twice(machine: TinyProject, template: Path) -> None:
    store = Path(shutil.copytree(template / "store", machine.home, symlinks=True))
    again = machine.home.parent / "again"
    for _ in range(2):
        machine.build(STEPS, cache_to=(f"type=local,dest={again},mode=max",))
        times = {path: path.stat().st_mtime_ns for path in (again / "blobs").rglob("*")}
    assert tree_bytes(again) == tree_bytes(template / "cache")
    machine.build(STEPS, cache_to=(f"type=local,dest={again},mode=max",))
    assert {path: path.stat().st_mtime_ns for path in (again / "blobs").rglob("*")} == times
    assert store.is_dir()


def test_what_came_from_a_cache_goes_on_with_its_traces(machine: TinyProject, template: Path) -> None:
    there = machine.home.parent / "there"
    build(machine, cache_to=(f"type=local,dest={there},mode=max",))
    assert machine.ran() == []
    assert tree_bytes(there) == tree_bytes(template / "cache")


@pytest.mark.engine
def test_registries_hold_it(machine: TinyProject, tmp_path: Path) -> None:
    back = tmp_path / "back"
    with docker_registry(tmp_path) as host:
        place = f"docker://{host}/cache:latest"
        words = ["--dest-tls-verify=false", f"oci:{cache_of(machine)}:latest", place]
        subprocess.run(["skopeo", "copy", *words], check=True, capture_output=True)
        words = ["--src-tls-verify=false", place, f"oci:{back}:latest"]
        subprocess.run(["skopeo", "copy", *words], check=True, capture_output=True)
    machine.build(STEPS, cache_from=(f"type=local,src={back}",))
    assert machine.ran() == []


def test_modes(machine: TinyProject, template: Path) -> None:
    there = machine.home.parent / "there"
    build(machine, cache_to=(f"type=local,dest={there}", f"type=local,dest={there},tag=all,mode=max"))
    small, whole = (titles_of(there, tag) for tag in ("latest", "all"))
    assert len(whole) == 7
    assert len(small) == 6
    assert small < whole


def test_replaced_blobs_are_removed_unless_someone_reads(machine: TinyProject) -> None:
    there = machine.home.parent / "there"
    target = (f"type=local,dest={there}",)
    machine.build(STEPS, cache_to=target)
    machine.write("read", "other")
    with open(there / "oci-layout", "rb") as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        machine.build(STEPS, cache_to=target)
        held = set(tree_bytes(there))
    machine.build(STEPS, cache_to=target)
    left = set(tree_bytes(there))
    assert left < held
    assert left == {"oci-layout", "index.json", *(f"blobs/sha256/{digest[7:]}" for digest in reached(there))}


def test_two_builds_write_at_once(machine: TinyProject, template: Path) -> None:
    there = machine.home.parent / "there"
    command = [sys.executable, "-m", "layerc", "build", "-q", "-f", str(machine.home.parent / "Dockerfile")]
    (machine.home.parent / "Dockerfile").write_text(BASE + STEPS)
    running = []
    for name in ("one", "two"):
        store = shutil.copytree(template / "store", machine.home.parent / name, symlinks=True)
        words = ["--store", store, "--cache-to", f"type=local,dest={there},tag={name}", str(machine.context)]
        running.append(subprocess.Popen([*command, *words], stdout=subprocess.DEVNULL))
    assert [process.wait() for process in running] == [0, 0]
    for digest in reached(there):
        assert of_bytes((there / "blobs/sha256" / digest[7:]).read_bytes()) == digest
    machine.build(STEPS, cache_from=(f"type=local,src={there},tag=two",))
    assert machine.ran() == []


def test_a_writer_that_is_killed_leaves_a_cache_or_none(machine: TinyProject, template: Path) -> None:
    there = machine.home.parent / "there"
    dockerfile = machine.home.parent / "Dockerfile"
    dockerfile.write_text(BASE + STEPS)
    for count in (1, 5, 9):
        store = shutil.copytree(template / "store", machine.home.parent / f"store {count}", symlinks=True)
        words = [
            "--store",
            store,
            "-f",
            dockerfile,
            "--cache-to",
            f"type=local,dest={there}",
            machine.context,
        ]
        process = subprocess.Popen(
            [sys.executable, "-m", "layerc", "build", "-q", *map(str, words)], stdout=subprocess.DEVNULL
        )
        while process.poll() is None and len(list(there.rglob("*/*/*"))) < count:
            time.sleep(0.001)
        process.kill()
        process.wait()
        machine.home = machine.home.with_name(f"other {count}")
        machine.build(STEPS, cache_from=(f"type=local,src={there}",))
        texts = notices(machine)
        assert (machine.ran() == []) == (texts == [])
        assert not any("damaged" in text or "missing" in text for text in texts)
        shutil.rmtree(there)


# --- caches that are damaged, or lie -----------------------------------------------------------------


def document_of(cache: Path, tag: str = "latest") -> tuple[dict[str, Any], dict[str, Any]]:
    """The manifest and the config of a cache."""
    index = json.loads((cache / "index.json").read_bytes())
    (entry,) = [e for e in index["manifests"] if e["annotations"]["org.opencontainers.image.ref.name"] == tag]
    manifest = read_json(cache, entry["digest"])
    return manifest, read_json(cache, manifest["config"]["digest"])


def read_json(cache: Path, digest: str) -> Any:
    return json.loads((cache / "blobs/sha256" / digest[7:]).read_bytes())


def put(cache: Path, data: bytes) -> dict[str, Any]:
    digest = of_bytes(data)
    (cache / "blobs/sha256" / digest[7:]).write_bytes(data)
    return {"digest": digest, "size": len(data)}


def rewrite(cache: Path, manifest: dict[str, Any], config: bytes) -> None:
    """Let the cache consist of these, with all digests in order."""
    manifest["config"] |= put(cache, config)
    index = json.loads((cache / "index.json").read_bytes())
    index["manifests"][0] |= put(cache, json.dumps(manifest).encode())
    (cache / "index.json").write_text(json.dumps(index))


def change(cache: Path, edit: Callable[[dict[str, Any], dict[str, Any]], object]) -> None:
    manifest, config = document_of(cache)
    edit(manifest, config)
    rewrite(cache, manifest, json.dumps(config).encode())


def titles_of(cache: Path, tag: str) -> set[str]:
    return {step["definition"] for step in document_of(cache, tag)[1]["steps"]}


def reached(cache: Path) -> set[str]:
    digests: set[str] = set()
    for entry in json.loads((cache / "index.json").read_bytes())["manifests"]:
        manifest = read_json(cache, entry["digest"])
        digests |= {entry["digest"], manifest["config"]["digest"], *(b["digest"] for b in manifest["layers"])}
    return digests


def layer_files(cache: Path) -> list[Path]:
    manifest, config = document_of(cache)
    blobs = manifest["layers"][: len(config["layers"])]
    return [cache / "blobs/sha256" / blob["digest"][7:] for blob in blobs]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def make_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def make_link(path: Path) -> None:
    outside = path.parent.parent.parent.parent / "outside"
    outside.mkdir(exist_ok=True)
    path.rename(outside / path.name)
    path.symlink_to(outside / path.name)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (flip, "is damaged"),
        (Path.unlink, "is missing"),
        (lambda path: os.truncate(path, 9), "instead of"),
        (make_pipe, "is not a regular file"),
        (make_link, "is a link"),
    ],
)
def test_damaged_layers_are_told_and_made_again(
    machine: TinyProject, harm: Callable[[Path], object], said: str
) -> None:
    for path in layer_files(cache_of(machine)):
        harm(path)
    target = (f"type=local,dest={cache_of(machine)}",)
    build(machine, cache_to=target)
    assert len(machine.ran()) == 7
    assert any(said in text for text in notices(machine))
    machine.home = machine.home.with_name("other")
    build(machine)  # what was damaged was written again
    assert machine.ran() == []
    assert notices(machine) == []


@pytest.mark.parametrize(
    "edit",
    [
        lambda cache: shutil.rmtree(cache),
        lambda cache: (cache / "index.json").unlink(),
        lambda cache: (cache / "index.json").write_text("[" * 100_000),
        lambda cache: (cache / "oci-layout").write_text("{}"),
        lambda cache: rewrite(cache, document_of(cache)[0], b"[]"),
        lambda cache: change(cache, lambda _, config: config.update(version=2)),
        lambda cache: change(cache, lambda manifest, _: manifest["config"].update(mediaType="application/x")),
        lambda cache: change(cache, lambda manifest, _: manifest["config"].pop("mediaType")),
    ],
)
def test_a_cache_that_can_not_be_read_is_told(machine: TinyProject, edit: Callable[[Path], object]) -> None:
    edit(cache_of(machine))
    build(machine)
    assert len(machine.ran()) == 7
    (text,) = notices(machine)
    assert text.startswith(f"the cache {cache_of(machine)} ")


def layer_archive(*members: tarfile.TarInfo) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    return stream.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, size
    return info


def forge(cache: Path, archive: bytes, **claims: Any) -> None:
    """Let ``archive`` be the layer of all steps."""

    def edit(manifest: dict[str, Any], config: dict[str, Any]) -> None:
        blob = {
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            **put(cache, gzip.compress(archive)),
        }
        layer = {"diffID": of_bytes(archive), "size": len(archive), "created": 1.0, **claims}
        count = len(config["layers"])
        manifest["layers"][:count] = [blob]
        config["layers"] = [layer]
        for step in config["steps"]:
            step["layer"] = 0

    change(cache, edit)


BOMB = layer_archive(member("zeros", size=30_000_000))


@pytest.mark.parametrize(
    ("archive", "claims", "said"),
    [
        (layer_archive(member("../../../escaped")), {}, "leads out"),
        (layer_archive(member("/a", tarfile.SYMTYPE, "/tmp"), member("a/../../escaped")), {}, "leads out"),
        (layer_archive(member("a")), {"diffID": of_bytes(b"other")}, "not what its diff ID says"),
        (BOMB, {"size": 10_000}, "larger than it should be"),
        (b"no archive" * 100, {}, "no readable tar"),
    ],
)
def test_forged_layers_do_not_get_in(
    machine: TinyProject, archive: bytes, claims: dict[str, Any], said: str
) -> None:
    forge(cache_of(machine), archive, **claims)
    build(machine)
    assert len(machine.ran()) == 7
    assert any(said in text for text in notices(machine))
    assert not list(machine.home.parent.rglob("escaped"))
    with Store.open(str(machine.home)) as store:
        assert store.layer(of_bytes(archive)) is None


def test_links_of_a_layer_stay_inside(machine: TinyProject) -> None:
    target = machine.home.parent / "target"
    target.mkdir()
    out = [member("a", tarfile.SYMTYPE, str(target)), member("a/escaped")]
    forge(cache_of(machine), layer_archive(*out))
    with contextlib.suppress(StepError):  # there is no shell left
        build(machine)
    assert not list(target.iterdir())


def test_what_the_store_has_is_not_replaced(machine: TinyProject) -> None:
    own = machine.build(STEPS)
    forge(cache_of(machine), layer_archive(member("evil")))
    assert build(machine).images == own.images
    assert machine.ran() == []


def test_keys_that_nobody_asked_for_are_not_kept(machine: TinyProject) -> None:
    foreign = "f" * 64

    def edit(_: dict[str, Any], config: dict[str, Any]) -> None:
        config["steps"].append({**config["steps"][0], "definition": foreign, "content": "e" * 64})
        config["steps"][1]["content"] = "d" * 64

    change(cache_of(machine), edit)
    build(machine)
    assert machine.ran() == []
    with Store.open(str(machine.home)) as store:
        assert [store.result(letter * 64) for letter in "fed"] == [None] * 3


def test_a_result_made_on_something_else_does_not_count(machine: TinyProject) -> None:
    def edit(_: dict[str, Any], config: dict[str, Any]) -> None:
        for step in config["steps"]:
            step.update(basis="", content="", traces=[])

    change(cache_of(machine), edit)
    build(machine)
    assert len(machine.ran()) == 6  # all but the first, which stands on nothing


def test_a_trace_that_claims_too_much_counts_for_its_cache_alone(machine: TinyProject) -> None:
    cache = cache_of(machine)

    def edit(manifest: dict[str, Any], config: dict[str, Any]) -> None:
        blob = put(cache, zlib.compress(b"layerc-states 1\n0\n"))
        manifest["layers"].append({"mediaType": "application/vnd.layerc.cache.trace.v1", **blob})
        for step in config["steps"]:
            step["traces"] = [blob["digest"]]

    change(cache, edit)
    machine.write("read", "edited")
    build(machine)  # whoever names this cache trusts it
    assert not any(title.startswith("RUN") for title in machine.ran())
    machine.write("read", "edited again")
    machine.build(STEPS)
    assert any(title.startswith("RUN cat") for title in machine.ran())


@pytest.mark.parametrize(
    "data", [b"", zlib.compress(b"layerc-states 1\n3\n"), zlib.compress(bytes(70 << 20))]
)
def test_damaged_traces_are_told(machine: TinyProject, data: bytes) -> None:
    cache = cache_of(machine)

    def edit(manifest: dict[str, Any], config: dict[str, Any]) -> None:
        blob = put(cache, data)
        manifest["layers"].append({"mediaType": "application/vnd.layerc.cache.trace.v1", **blob})
        for step in config["steps"]:
            step["traces"] = [blob["digest"]]

    change(cache, edit)
    machine.write("unread", "edited")
    build(machine)
    assert any("is damaged: trace sha256:" in text for text in notices(machine))
    assert any(title.startswith("RUN cat") for title in machine.ran())


def test_base_images_do_not_come_from_a_cache(machine: TinyProject) -> None:
    """Not even if it has a layer under the key of a base image."""
    layout = machine.home.parent / "layout"
    machine.build("FROM base", outputs=(f"type=oci-layout,dest={layout}",))
    context = NamedContext("image", "oci-layout", f"oci-layout://{layout}")
    options = CompileOptions()._replace(contexts={"image": context})
    own = machine.build("FROM image\nRUN echo 1 > /one", options=options)
    with sqlite3.connect(machine.home / "index.db") as index:
        keys = [key for (key,) in index.execute("SELECT key FROM results")]

    def edit(_: dict[str, Any], config: dict[str, Any]) -> None:
        config["steps"] = [
            {**config["steps"][0], "definition": key, "content": key, "basis": ""} for key in keys
        ]

    forge(cache_of(machine), layer_archive(member("evil")))
    change(cache_of(machine), edit)
    machine.home = machine.home.with_name("other")
    result = build(machine, "FROM image\nRUN echo 1 > /one", options=options)
    assert result.images[0].diff_ids[:-1] == own.images[0].diff_ids[:-1]


# --- cache mounts ------------------------------------------------------------------------------------

MOUNTED = "RUN --mount=type=cache,id=c,target=/c cat /c/log > /seen; echo {0} >> /c/log\n"


def other_machine(project: TinyProject, name: str) -> None:
    project.home = project.home.with_name(name)


def test_cache_mounts_go_with_the_cache_if_that_is_wanted(tmp_path: Path) -> None:
    project = TinyProject(tmp_path)
    cache, second = tmp_path / "cache", tmp_path / "second"
    project.build(MOUNTED.format(1), cache_to=(f"type=local,dest={cache},mounts=true",))
    other_machine(project, "b")
    result = project.build(MOUNTED.format(2), cache_from=(f"type=local,src={cache},mounts=true",))
    assert project.read(result, "seen") == "1\n"
    other_machine(project, "c")
    result = project.build(MOUNTED.format(2), cache_from=(f"type=local,src={cache}",))
    assert project.read(result, "seen") == ""
    other_machine(project, "d")
    source, target = f"type=local,src={cache},mounts=true", f"type=local,dest={second},mounts=true"
    project.build(MOUNTED.format(1), cache_from=(source,), cache_to=(target,))
    assert project.ran() == []
    assert tree_bytes(second) == tree_bytes(cache)  # though no step needed the cache mount


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda mount, blob: mount.update(size=100), "larger than it should be"),
        (lambda mount, blob: mount.update(name="f" * 64), ""),
        (lambda mount, blob: blob.write_bytes(gzip.compress(b"x" * 1024)), "is damaged"),
    ],
)
def test_cache_mounts_that_lie_do_not_get_in(
    tmp_path: Path, edit: Callable[[dict[str, Any], Path], object], said: str
) -> None:
    project = TinyProject(tmp_path)
    cache = tmp_path / "cache"
    project.build(MOUNTED.format(1), cache_to=(f"type=local,dest={cache},mounts=true",))

    def change_mount(_: dict[str, Any], config: dict[str, Any]) -> None:
        (mount,) = config["mounts"]
        edit(mount, cache / "blobs/sha256" / mount["blob"][7:])

    change(cache, change_mount)
    other_machine(project, "b")
    result = project.build(MOUNTED.format(2), cache_from=(f"type=local,src={cache},mounts=true",))
    assert project.read(result, "seen") == ""
    assert any(said in text for text in notices(project)) == bool(said)


# --- what must not get out ---------------------------------------------------------------------------


def test_secrets_are_in_no_cache(tmp_path: Path) -> None:
    project = TinyProject(tmp_path)
    (tmp_path / "token").write_text("the-secret-5d1c")
    secret = Secret("token", source=str(tmp_path / "token"))
    text = (
        "RUN --mount=type=secret,id=token --mount=type=secret,id=token,env=TOKEN cat /run/secrets/token; "
        "test $TOKEN = the-$(echo secret)-5d1c\n"
    )
    target = f"type=local,dest={tmp_path / 'cache'},mode=max,mounts=true"
    project.build(text, cache_to=(target,), secrets=(secret,))
    assert b"the-secret-5d1c" in project.output()
    for data in tree_bytes(tmp_path / "cache").values():
        for unpack in (bytes, gzip.decompress, zlib.decompress):
            with contextlib.suppress(OSError, zlib.error):
                assert b"the-secret-5d1c" not in unpack(data)


# --- words -------------------------------------------------------------------------------------------


def test_a_target_that_can_not_be_written(machine: TinyProject) -> None:
    (machine.home.parent / "file").write_text("")
    place = machine.home.parent / "file"
    with pytest.raises(InputError):
        build(machine, cache_to=(f"type=local,dest={place}",))
    build(machine, cache_to=(f"type=local,dest={place},ignore-error=true",))
    assert any(str(place) in text for text in notices(machine))
