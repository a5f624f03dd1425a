"""The parts that a build's time is made of, in one process.

pytest tests/bench/test_build_parts.py --benchmark-only
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from compiling import CASES, compile_case, compile_text
from pytest_benchmark.fixture import BenchmarkFixture

from layerc.compiler.graph.operations import MakeDir
from layerc.compiler.options import CompileOptions
from layerc.grammar.source import SourceFile
from layerc.runtime.engine.build import build
from layerc.runtime.engine.observer import Trees, View
from layerc.runtime.engine.request import BuildRequest, BuildResult
from layerc.runtime.engine.traces import TraceCache
from layerc.runtime.sandbox import Process, Sandbox
from layerc.runtime.snapshot.commit import commit
from layerc.runtime.snapshot.entry import Entry
from layerc.runtime.snapshot.index import IndexWriter, open_index
from layerc.runtime.snapshot.mount import enter_mount_namespace, mount
from layerc.runtime.snapshot.view import StackView
from layerc.runtime.sources.context import ContextTree
from layerc.runtime.store import Result, Store, StoredLayer
from layerc.runtime.trace.trace import LOOKED_UP, READ, STATED, Trace

BUSYBOX = 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n'
SMALL, LARGE = 1_000, 5_000  # files


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(str(tmp_path / "store")) as opened:
        yield opened


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    folder.mkdir()
    shutil.copy(shutil.which("busybox") or "/bin/busybox", folder / "busybox")
    return folder


def request_for(context: Path, text: str, **changes: bool) -> BuildRequest:
    dockerfile = SourceFile("Dockerfile", BUSYBOX + text)
    return BuildRequest(dockerfile, CompileOptions(), context=str(context), **changes)


def run(store: Store, request: BuildRequest) -> BuildResult:
    return build(request, store, lambda _: None)


def write_files(folder: Path, count: int) -> None:
    for number in range(count):
        directory = folder / f"{number % 50:02}"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / str(number)).write_bytes(number.to_bytes(4, "big") * 250)
        os.utime(directory / str(number), (1, 1))


@pytest.mark.benchmark(group="compile")
def test_compile_the_cases_of_the_corpus(benchmark: BenchmarkFixture) -> None:
    folders = [path.parent for path in sorted(CASES.glob("*/plan.json"))]
    plans = benchmark(lambda: [compile_case(folder) for folder in folders])
    assert len(plans) == len(folders) > 20


@pytest.mark.benchmark(group="compile 8,000 lines")
@pytest.mark.parametrize("line", ["ENV n{0}=v", "LABEL n{0}=v", "EXPOSE {0}", "RUN echo {0}"])
def test_compile_many_lines(benchmark: BenchmarkFixture, line: str) -> None:
    text = "FROM scratch\n" + "".join(line.format(number) + "\n" for number in range(1, 8_001))
    plan = benchmark.pedantic(lambda: compile_text(text), rounds=5)
    assert plan.images


@pytest.mark.benchmark(group=f"a context of {LARGE} files")
@pytest.mark.parametrize("known", [False, True], ids=["unknown", "unchanged"])
def test_scan_a_context(benchmark: BenchmarkFixture, tmp_path: Path, known: bool) -> None:
    folder, cache = tmp_path / "files", tmp_path / "cache"
    write_files(folder, LARGE)

    def scan() -> int:
        tree = ContextTree(str(folder), cache=str(cache))
        digests = [tree.digest(entry.path) for entry in tree.walk() if entry.kind == "file"]
        tree.close()
        return len(digests)

    def forget() -> None:
        if not known:
            cache.unlink(missing_ok=True)

    scan()
    assert benchmark.pedantic(scan, setup=forget, rounds=5) == LARGE


@pytest.mark.root
@pytest.mark.benchmark(group="steps")
def test_run_a_program_in_the_sandbox(benchmark: BenchmarkFixture, tmp_path: Path, context: Path) -> None:
    root = tmp_path / "root"
    (root / "bin").mkdir(parents=True)
    shutil.copy(context / "busybox", root / "bin/true")
    process = Process(("/bin/true",), (), "/", "", "none", "sandbox", (), 0, ())
    with Sandbox() as sandbox:
        status = benchmark(lambda: sandbox.run(str(root), process, [], lambda _stream, _data: None))
    assert status == 0


@pytest.mark.root
@pytest.mark.benchmark(group="snapshots")
@pytest.mark.parametrize("files", [1, SMALL])
def test_commit_a_layer(benchmark: BenchmarkFixture, store: Store, tmp_path: Path, files: int) -> None:
    write_files(tmp_path / "files", files)

    def make() -> str:
        with store.draft() as draft:
            shutil.copytree(tmp_path / "files", draft.diff, dirs_exist_ok=True)
            # Each time another layer: one that is known already would not be kept.
            Path(draft.diff, "nonce").write_bytes(os.urandom(16))
            return commit(store, draft, StackView(store, ())).diff_id

    assert benchmark.pedantic(make, rounds=10).startswith("sha256:")


@pytest.mark.root
@pytest.mark.benchmark(group="snapshots")
@pytest.mark.parametrize("layers", [2, 100])
def test_mount_a_stack(benchmark: BenchmarkFixture, store: Store, context: Path, layers: int) -> None:
    runs = "".join(f"RUN echo {number} > /{number}\n" for number in range(layers - 2))
    stack = run(store, request_for(context, runs)).images[0].diff_ids
    assert len(stack) == layers
    enter_mount_namespace()

    def mounted() -> bool:
        with store.draft() as draft, mount(store, stack, draft) as root:
            return os.path.exists(f"{root}/bin/busybox")

    assert benchmark(mounted)


@pytest.mark.root
@pytest.mark.benchmark(group="builds with nothing to do")
@pytest.mark.parametrize("steps", [5, 100])
def test_build_nothing(benchmark: BenchmarkFixture, tmp_path: Path, context: Path, steps: int) -> None:
    request = request_for(context, "".join(f"RUN echo {number} > /{number}\n" for number in range(steps)))
    home = str(tmp_path / "store")

    def again() -> BuildResult:
        with Store.open(home) as store:
            return run(store, request)

    assert again().executed == steps + 2
    assert benchmark(again).executed == 0


@pytest.mark.root
@pytest.mark.benchmark(group="builds that run everything")
@pytest.mark.parametrize("steps", [5, 50])
def test_build_a_chain(benchmark: BenchmarkFixture, store: Store, context: Path, steps: int) -> None:
    text = "".join(f"RUN echo {number} > /{number}\n" for number in range(steps))
    result = benchmark.pedantic(lambda: run(store, request_for(context, text, no_cache=True)), rounds=3)
    assert result.executed == steps + 2


def indexed_layer(store: Store, top: str, directories: int, each: int, edited: str = "") -> str:
    """A layer of which only the index is there: all that a look-up reads."""
    with store.draft() as draft:
        with open(draft.index, "xb") as file:
            writer = IndexWriter(file)
            rows = []
            for directory in range(directories):
                here = f"{top}/{directory:04}"
                leaves = []
                for path in sorted(f"{here}/{number}.txt" for number in range(each)):
                    digest = hashlib.sha256(f"{path}{path == edited}".encode()).hexdigest()
                    entry = Entry(path, "file", 0o644, size=5_000, mtime_ns=1, digest=f"sha256:{digest}")
                    leaves.append(writer.leaf(entry))
                rows.append(writer.directory(Entry(here, "directory", 0o755), leaves))
            above = writer.directory(Entry(top, "directory", 0o755), rows)
            content = writer.finish(writer.directory(Entry("", "directory", 0o755, implied=True), [above]))
        diff_id = f"sha256:{hashlib.sha256(f'{top} {edited}'.encode()).hexdigest()}"
        layer = StoredLayer(diff_id, content, 0, 1, 0.0, entries=writer.entries)
        return store.add_layer(draft, layer, 1).diff_id


@pytest.mark.benchmark(group="finding a step by what it read: 20,000 paths of 200,000, one changed")
@pytest.mark.parametrize("directories", [200, 1])
def test_look_up_a_trace(benchmark: BenchmarkFixture, tmp_path: Path, directories: int) -> None:
    home, each = str(tmp_path / "store"), 20_000 // directories
    edited = f"src/0000/{each // 2}.txt"
    paths = {f"src/{top:04}/{number}.txt" for top in range(directories) for number in range(each)} - {edited}
    events = dict.fromkeys(paths, LOOKED_UP | STATED | READ)
    events |= dict.fromkeys(["", "src", *(f"src/{top:04}" for top in range(directories))], LOOKED_UP)
    operation = MakeDir("/x")
    with Store.open(home) as store:
        below = indexed_layer(store, "usr", 2_000, 90)
        before, after = (
            (below, indexed_layer(store, "src", directories, each, name)) for name in ("", edited)
        )

    def record() -> None:
        open_index.cache_clear()
        with Store.open(home) as store:
            view = View(before, Trace(events))
            TraceCache(store).add(operation, Trees((before,), ()), [view], Result(before[1:]))

    def look_up() -> bool:
        with Store.open(home) as store:
            return TraceCache(store).find(operation, Trees((after,), ())).result is not None

    # A find makes the trace one of today's tree, so each round has a new one.
    assert benchmark.pedantic(look_up, setup=record, rounds=15)


@pytest.mark.root
@pytest.mark.benchmark(group=f"copying {LARGE} files")
@pytest.mark.parametrize("edited", [False, True], ids=["first", "one edited"])
def test_copy_a_context(benchmark: BenchmarkFixture, tmp_path: Path, context: Path, edited: bool) -> None:
    write_files(context / "src", LARGE)
    home = tmp_path / "store"
    enter_mount_namespace()

    def prepare() -> None:
        if not edited:
            shutil.rmtree(home, ignore_errors=True)
        (context / "src/00/0").write_bytes(os.urandom(1_000))

    def copy() -> int:
        with Store.open(str(home)) as store:
            return run(store, request_for(context, "COPY src /src\n")).executed

    prepare()
    copy()
    assert benchmark.pedantic(copy, setup=prepare, rounds=5) == (1 if edited else 3)
