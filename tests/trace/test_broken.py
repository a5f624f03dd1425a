"""A tracer that fails takes nothing with it: the step runs again without it, and nothing wrong is kept."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny import BASE, TinyProject

from layerc.runtime.engine.build import build
from layerc.runtime.engine.request import BuildResult
from layerc.runtime.errors import StepError
from layerc.runtime.events import Event, Notice, StepOutput
from layerc.runtime.snapshot.mount import enter_mount_namespace
from layerc.runtime.store import Store

pytestmark = pytest.mark.root

# Looks names up in vain, so that the tracer needs memory, and reads a file, for which it needs a descriptor.
STEP = (
    "RUN echo ready; sleep 0.3; i=0; while [ $i -lt 3000 ]; do [ -e /no/$i -o -e /none$i ]; i=$((i+1)); done; "
    "cat /data/file >/copy 2>/dev/null || echo failed >/copy"
)


@pytest.fixture
def project(tmp_path: Path) -> TinyProject:
    enter_mount_namespace()
    project = TinyProject(tmp_path)
    project.write("data/file", "the data")
    return project


def tracers(parent: int) -> list[int]:
    """Tracers that a process has started."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                command, _, rest = file.read().rpartition(")")
        except OSError:
            continue
        if "layerc-tracer" in command and int(rest.split()[1]) == parent:
            found.append(int(name))
    return found


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)


def take_descriptors(process: int) -> None:
    resource.prlimit(process, resource.RLIMIT_NOFILE, (4, 4))


def take_memory(process: int) -> None:
    for limit in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        resource.prlimit(process, limit, (1, 1))


def build_and(project: TinyProject, text: str, harm: Callable[[int], None]) -> BuildResult:
    """Build; when the first step says that it is ready, do harm to its tracer."""
    project.events = []
    harmed = []

    def report(event: Event) -> None:
        project.events.append(event)
        if isinstance(event, StepOutput) and b"ready" in event.data and not harmed:
            harmed.extend(tracers(os.getpid()))
            for process in harmed:
                harm(process)

    with Store.open(str(project.home)) as store:
        result = build(project.request(text), store, report)
    assert harmed
    return result


def notices(project: TinyProject) -> list[str]:
    return [event.message for event in project.events if isinstance(event, Notice)]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (kill, "the tracer was killed by SIGKILL"),
        (take_descriptors, "a part of the tree could not be read"),
        (take_memory, "out of memory"),
    ],
)
def test_a_step_whose_tracer_fails(project: TinyProject, harm: Callable[[int], None], said: str) -> None:
    text = f"FROM base\nCOPY data /data\n{STEP}\n"
    result = build_and(project, text, harm)
    assert project.read(result, "copy") == "the data"
    assert notices(project) == [f"the step runs again, unobserved: {said}"]
    assert project.output().count(b"ready") == 2
    project.build(text)
    assert not project.ran()
    # There is no trace: what the step read is not known.
    project.write("data/other", "x")
    project.build(text)
    assert STEP in project.ran()


def test_a_step_that_really_fails_does_so_once_more(project: TinyProject) -> None:
    """After a tracer has failed, the second run tells whether the step does."""
    with pytest.raises(StepError):
        build_and(project, "FROM base\nCOPY data /data\nRUN echo ready; sleep 0.3; cat /data/none", kill)
    assert project.output().count(b"ready") == 2


def test_a_mount_whose_tracer_fails(project: TinyProject) -> None:
    step = "RUN --mount=type=bind,source=data,target=/m echo ready; sleep 0.3; cat /m/file >/copy || true"
    assert project.read(build_and(project, f"FROM base\n{step}\n", kill), "copy") == "the data"
    assert notices(project) == ["the step runs again, unobserved: the tracer was killed by SIGKILL"]


def test_a_build_that_is_killed(project: TinyProject) -> None:
    """No process, no mount, no half of a trace is left."""
    (project.context / "Dockerfile").write_text(
        f"{BASE}FROM base\nCOPY data /data\n{STEP}\nRUN echo ready; sleep 60\n"
    )
    command = [sys.executable, "-m", "layerc", "build", f"--store={project.home}", "--progress=plain"]
    with subprocess.Popen([*command, project.context], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "ready" not in (line := process.stderr.readline()) or "RUN" in line:
            assert line
        left = tracers(process.pid)
        assert left
        process.kill()
    deadline = time.monotonic() + 10
    while any(os.path.exists(f"/proc/{pid}") for pid in left):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert str(project.home) not in Path("/proc/self/mountinfo").read_text()
    result = project.build(f"FROM base\nCOPY data /data\n{STEP}\n")
    assert project.read(result, "copy") == "the data"
    project.write("data/other", "x")
    project.build(f"FROM base\nCOPY data /data\n{STEP}\n")
    assert STEP not in project.ran()
