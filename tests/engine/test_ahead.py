"""Steps side by side: run ahead of what lies below them, and counted only if they took nothing from it."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest
from histories import Tree, read_tree
from tiny import TinyProject

from layerc.compiler.graph.layer import ImageLayer
from layerc.compiler.graph.operations import Run
from layerc.grammar.errors import LayercError
from layerc.runtime.engine.request import BuildResult
from layerc.runtime.engine.scheduler import Found, LayerResult, Place, Scheduler
from layerc.runtime.errors import StepError
from layerc.runtime.events import Notice, StepFinished, TaskStarted
from layerc.runtime.snapshot.mount import enter_mount_namespace, mount
from layerc.runtime.store import Store

# --- the scheduler ---------------------------------------------------------------------------------------


def chain(names: str) -> list[ImageLayer]:
    layers: list[ImageLayer] = []
    for name in names:
        layers.append(ImageLayer(Run((name,)), layers[-1].id if layers else None, ()))
    return layers


def name_of(layer: ImageLayer) -> str:
    assert isinstance(layer.operation, Run)
    return layer.operation.argv[0]


class Worker:
    """Makes layers slowly enough for others to be made ahead; notes where each was made."""

    def __init__(self, refused: str = "", broken: str = "", slow: str = "") -> None:
        self.refused = refused
        self.broken = broken
        self.slow = slow
        self.places: list[tuple[str, str, str]] = []
        self.at_once = 0
        self.most = 0
        self.lock = threading.Lock()

    def probe(self, layer: ImageLayer) -> Found | None:
        return None

    def make(self, layer: ImageLayer, parent: LayerResult, inputs: tuple[LayerResult, ...]) -> LayerResult:
        self.work(layer)
        return LayerResult((*parent.stack, name_of(layer)), "")

    def work(self, layer: ImageLayer) -> None:
        with self.lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        time.sleep(0.3 if name_of(layer) in self.slow else 0.05)
        with self.lock:
            self.at_once -= 1

    def ahead(self) -> Ahead:
        return Ahead(self)


class Ahead:
    def __init__(self, worker: Worker) -> None:
        self.worker = worker

    def make(
        self, layer: ImageLayer, place: Place, inputs: tuple[LayerResult, ...]
    ) -> tuple[str, ...] | None:
        name = name_of(layer)
        passed = "".join(map(name_of, place.passed))
        self.worker.places.append((name, "".join((*place.there.stack, *place.guessed)), passed))
        if name in self.worker.broken:
            raise RuntimeError(f"{name} broke")
        if name in self.worker.refused:
            return None
        self.worker.work(layer)
        return (name,)


def run(layers: list[ImageLayer], worker: Worker, jobs: int = 8) -> tuple[str, ...]:
    scheduler = Scheduler(
        {item.id: item for item in layers},
        worker,
        jobs=jobs,
        cancel=threading.Event(),
        before_work=lambda: None,
        ahead=worker.ahead,
    )
    return scheduler.run([layers[-1].id])[layers[-1].id].stack


def test_layers_above_a_running_one_are_made_at_the_same_time() -> None:
    worker = Worker()
    assert run(chain("pabc"), worker) == ("p", "a", "b", "c")
    assert ("b", "p", "a") in worker.places
    assert ("c", "p", "ba") in worker.places
    assert worker.most >= 3


def test_what_was_made_ahead_is_part_of_the_tree_of_the_next() -> None:
    worker = Worker(slow="a")
    assert run(chain("pabc"), worker, jobs=2) == ("p", "a", "b", "c")
    assert worker.places == [("b", "p", "a"), ("c", "pb", "a")]


def test_no_more_are_made_than_jobs_allow() -> None:
    worker = Worker()
    run(chain("pabcdef"), worker, jobs=2)
    assert worker.most == 2
    alone = Worker()
    run(chain("pabc"), alone, jobs=1)
    assert alone.places == []


def test_what_is_refused_is_asked_for_again_only_when_more_is_there() -> None:
    worker = Worker(refused="abcd")
    run(chain("pabcd"), worker)
    assert [(stack, passed) for name, stack, passed in worker.places if name == "d"] == [
        ("p", "cba"),
        ("pa", "cb"),
        ("pab", "c"),
    ]


def test_a_bug_in_what_looks_ahead_ends_the_build() -> None:
    with pytest.raises(RuntimeError, match="b broke"):
        run(chain("pab"), Worker(broken="b"))


# --- real builds -----------------------------------------------------------------------------------------


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
    subprocess.run(["cp", "-a", template, project.home], check=True)
    return project


def tree_of(project: TinyProject, result: BuildResult) -> Tree:
    with Store.open(str(project.home)) as store, mount(store, result.images[-1].diff_ids, None) as root:
        return read_tree(str(root))


def in_turn(project: TinyProject, template: Path, text: str) -> Tree:
    """What a clean build comes to that runs one step after the other."""
    kept = project.home
    project.home = kept.with_name("in-turn")
    shutil.rmtree(project.home, ignore_errors=True)
    subprocess.run(["cp", "-a", template, project.home], check=True)
    try:
        return tree_of(project, project.build(text, traced=False))
    finally:
        project.home = kept


def ahead(project: TinyProject) -> list[str]:
    """The steps that were run ahead in the last build."""
    return [
        e.title.partition(": ")[2] for e in project.events if isinstance(e, TaskStarted) and "ahead" in e.task
    ]


def took(project: TinyProject) -> float:
    """What the steps took in the last build, together."""
    return sum(event.seconds for event in project.events if isinstance(event, StepFinished))


def complaints(project: TinyProject) -> list[str]:
    return [event.message for event in project.events if isinstance(event, Notice)]


CHAINS = (
    "FROM base\n"
    "COPY src /src\n"
    "RUN sleep 0.8; cat /src/a > /a\n"
    "RUN sleep 0.6; echo b was made; cat /src/b > /b\n"
    "RUN cat /b > /c\n"
    "RUN cat /a /c > /d\n"
)


@pytest.mark.root
def test_independent_steps_run_at_the_same_time(project: TinyProject, template: Path) -> None:
    project.write("src/a", "1")
    project.write("src/b", "2")
    first = project.build(CHAINS, side_by_side=True)
    # By their text: /c is made of /b, which was made ahead as well; /d needs /a and waits.
    assert ahead(project) == ["RUN sleep 0.6; echo b was made; cat /src/b > /b", "RUN cat /b > /c"]
    assert len(project.ran()) == 5
    assert b"b was made" in project.output()
    assert complaints(project) == []
    assert first.seconds < took(project) - 0.3
    assert tree_of(project, first) == in_turn(project, template, CHAINS)

    again = project.build(CHAINS, side_by_side=True)
    assert (again.executed, ahead(project)) == (0, [])
    assert project.build(CHAINS).executed == 0

    project.write("src/b", "3")
    edited = project.build(CHAINS, side_by_side=True)
    assert [title.partition("> ")[2] for title in project.ran()] == ["", "/b", "/c", "/d"]
    assert project.read(edited, "d") == "13"

    project.write("src/a", "4")
    project.write("src/b", "5")
    both = project.build(CHAINS, side_by_side=True)  # what was seen of the last run says now what to try
    assert "RUN cat /b > /c" in ahead(project)
    assert both.seconds < took(project) - 0.3
    assert project.read(both, "d") == "45"
    assert complaints(project) == []

    project.build(CHAINS, side_by_side=True, no_cache=True)
    assert "RUN cat /b > /c" in ahead(project)
    assert len(project.ran()) == 7


@pytest.mark.root
def test_a_wrong_guess_is_noticed(project: TinyProject, template: Path) -> None:
    """A script that read nothing of the step before it does so after an edit."""
    text = "FROM base\nCOPY src /src\nRUN sleep 0.3; cat /src/a > /a\nRUN sh /src/script\n"
    project.write("src/a", "1")
    project.write("src/script", "echo 1 > /b\n")
    project.build(text, side_by_side=True)
    assert ahead(project) == []  # nobody knows what the script does
    project.write("src/a", "2")
    project.write("src/script", "cat /a > /b\n")
    result = project.build(text, side_by_side=True)
    assert ahead(project) == ["RUN sh /src/script"]
    assert project.read(result, "b") == "2"
    assert tree_of(project, result) == in_turn(project, template, text)
    assert project.build(text, side_by_side=True).executed == 0

    project.write("src/a", "3")
    project.write("src/script", "ls /a || true; echo 3 > /b\n")
    result = project.build(text, side_by_side=True)
    assert ahead(project) == []  # it has been seen to read /a


@pytest.mark.root
def test_a_wrong_guess_that_succeeds_runs_again_and_says_so(project: TinyProject) -> None:
    text = "FROM base\nCOPY src /src\nRUN sleep 0.3; cat /src/a > /a\nRUN sh /src/script\n"
    project.write("src/a", "1")
    project.write("src/script", "echo 1 > /b\n")
    project.build(text, side_by_side=True)
    project.write("src/a", "2")
    project.write("src/script", "test -e /a && echo there > /b || echo missing > /b\n")
    result = project.build(text, side_by_side=True)
    assert complaints(project) == ["the step ran ahead and runs again: /a has changed (added)"]
    assert project.read(result, "b") == "there\n"
    assert project.ran().count("RUN sh /src/script") == 1


@pytest.mark.root
def test_a_directory_that_a_step_would_make_as_well_is_waited_for(project: TinyProject) -> None:
    project.write("src/b", "2")
    text = "FROM base\nRUN sleep 0.3; echo 1 > /a\nWORKDIR /v\nCOPY src/b b\nRUN cat b > c\n"
    result = project.build(text, side_by_side=True)
    assert ahead(project) == ["WORKDIR /v", "COPY src/b b", "RUN cat b > c"]
    assert complaints(project) == []
    assert project.read(result, "v/c") == "2"


@pytest.mark.root
def test_failures(project: TinyProject) -> None:
    """A step that fails ahead fails in its turn; if one below it fails, it is stopped and nobody hears of it."""
    with pytest.raises(StepError) as failed:
        project.build("FROM base\nRUN sleep 0.4; echo 1 > /a\nRUN cat /missing > /b\n", side_by_side=True)
    assert ahead(project) == ["RUN cat /missing > /b"]
    assert "cat /missing" in failed.value.where.text
    began = time.monotonic()
    with pytest.raises(LayercError) as failed:
        project.build(
            "FROM base\nRUN sleep 0.4; cat /gone > /a\nRUN sleep 20; echo 1 > /b\n", side_by_side=True
        )
    assert ahead(project) == ["RUN sleep 20; echo 1 > /b"]
    assert "/gone" in failed.value.where.text
    assert time.monotonic() - began < 10


@pytest.mark.root
@pytest.mark.parametrize("mount", ["type=cache,target=/c", "type=secret,id=none", "type=ssh"])
def test_steps_that_others_see_run_in_their_turn(project: TinyProject, mount: str) -> None:
    text = f"FROM base\nRUN sleep 0.3; echo 1 > /a\nRUN --mount={mount} echo 1 > /b\n"
    project.build(text, side_by_side=True)
    assert ahead(project) == []
