"""What a step costs beyond the work of its program."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from layerc.runtime.sandbox import Process, Sandbox
from layerc.runtime.sandbox.runtime import find_runtime

pytestmark = pytest.mark.root


@pytest.fixture
def root(tmp_path: Path) -> str:
    (tmp_path / "bin").mkdir()
    shutil.copy("/bin/busybox", tmp_path / "bin/true")
    return str(tmp_path)


@pytest.mark.parametrize("security", ["sandbox", "insecure"])
@pytest.mark.parametrize("runtime", ["crun", "runc"])
def test_true(
    benchmark: BenchmarkFixture, root: str, runtime: str, security: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One ``true``, from the call to the exit status. The first step, which sets things up, is not counted."""
    monkeypatch.setenv("LAYERC_RUNTIME", runtime)
    process = Process(("true",), security=security)
    with Sandbox(find_runtime()) as sandbox:
        status = benchmark(sandbox.run, root, process, [], lambda *_: None)
    assert status == 0


def test_first_step(benchmark: BenchmarkFixture, root: str) -> None:
    """A sandbox for one step: directory, cgroup, keeper and seccomp filter are made for it."""

    def run() -> int:
        with Sandbox() as sandbox:
            return sandbox.run(root, Process(("true",)), [], lambda *_: None)

    assert benchmark(run) == 0
