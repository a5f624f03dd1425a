"""The parts that a build's time is made of, in one process.

pytest tests/bench/test_build_parts.py --benchmark-only
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from compiling import CASES, compile_case, compile_text
from pytest_benchmark.fixture import BenchmarkFixture

from layerc.compiler.options import CompileOptions
from layerc.grammar.source import SourceFile
from layerc.runtime.engine.build import build
from layerc.runtime.engine.request import BuildRequest, BuildResult
from layerc.runtime.sandbox import Process, Sandbox
from layerc.runtime.snapshot.commit import commit
from layerc.runtime.snapshot.mount import enter_mount_namespace, mount
from layerc.runtime.snapshot.view import StackView
from layerc.runtime.sources.context import ContextTree
from layerc.runtime.store import Store

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
