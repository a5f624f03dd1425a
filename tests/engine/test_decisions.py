"""Why steps are found or run: the decisions that events carry, and what is kept of them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from tiny import TinyProject

from layerc.compiler.options import CompileOptions
from layerc.grammar.source import SourceFile
from layerc.runtime.decisions import Change, Decision
from layerc.runtime.engine.build import build
from layerc.runtime.engine.history import BuildRecord, read_builds
from layerc.runtime.engine.reading import reading, words
from layerc.runtime.engine.request import BuildRequest
from layerc.runtime.errors import StepError
from layerc.runtime.events import StepCached, StepStarted
from layerc.runtime.store import Store

pytestmark = pytest.mark.root

TEXT = (
    "ARG MODE\nENV LANG=C\nCOPY . /src\nRUN cat /src/used > /a\nRUN test -e /src/missing || echo none > /b\n"
    "FROM base\nCOPY --from=work /a /a\n"
)


def built(project: TinyProject, text: str, **changes: object) -> None:
    project.build(f"FROM base AS work\n{text}", **changes)


def decisions(project: TinyProject) -> dict[str, Decision]:
    """What was decided in the last build, by the step's text."""
    return {
        event.provenance.title: event.decision
        for event in project.events
        if isinstance(event, StepStarted | StepCached) and event.decision is not None
    }


def records(project: TinyProject) -> list[BuildRecord]:
    return list(read_builds(str(project.home / "builds")))


@pytest.fixture
def project(tmp_path: Path) -> TinyProject:
    made = TinyProject(tmp_path)
    made.write("used", "1")
    made.write("other", "1")
    return made


def test_from_the_first_build_to_edits(project: TinyProject) -> None:
    built(project, TEXT)
    assert {item.cause for item in decisions(project).values()} == {"new"}
    assert {item.reason for item in decisions(project).values()} == {"not built before"}

    built(project, TEXT)
    assert {(item.level, item.cause) for item in decisions(project).values()} == {("definition", "same")}

    project.write("other", "2")
    built(project, TEXT)
    found = decisions(project)
    copy = found["COPY . /src"]
    assert (copy.level, copy.cause, copy.reason) == (None, "context", "other changed (content)")
    (change,) = copy.changes
    assert change.path == "other"
    assert change.before.startswith("sha256:6b86b273")
    assert change.after.startswith("sha256:d4735e3a")
    assert copy.earlier is not None
    assert 0 < copy.earlier.seconds < time.time() - copy.earlier.when < 600
    read = found["RUN cat /src/used > /a"]
    assert (read.level, read.cause) == ("trace", "unread")
    assert [item.path for item in read.changes] == ["/src/other"]
    # Every layer of that stage is new, and what is taken from it is not.
    assert found["COPY --from=work /a /a"] in (Decision("content", "equal"), Decision("definition", "same"))

    project.write("used", "2")
    built(project, TEXT)
    found = decisions(project)
    read = found["RUN cat /src/used > /a"]
    assert (read.level, read.cause, read.reason) == (None, "parent", "/src/used changed (content)")
    assert read.changes[0].before != read.changes[0].after
    taken = found["COPY --from=work /a /a"]
    assert (taken.cause, taken.subject, taken.changes[0].path) == ("stage", "stage work", "/a")
    assert taken.reason == "in stage work: /a changed (content)"

    project.write("missing", "")
    built(project, TEXT)
    found = decisions(project)
    assert found["COPY . /src"].reason == "missing added"
    looked = found["RUN test -e /src/missing || echo none > /b"]
    assert (looked.cause, looked.reason) == ("parent", "/src/missing added")

    os.chmod(project.context / "used", 0o600)
    built(project, TEXT)
    (change,) = decisions(project)["COPY . /src"].changes
    assert change == Change("used", "mode", "0644", "0600")


def test_many_changes_are_told_by_the_first_three(project: TinyProject) -> None:
    built(project, "COPY . /src\n")
    for number in range(5):
        project.write(f"new{number}", "")
    built(project, "COPY . /src\n")
    found = decisions(project)["COPY . /src"]
    assert [str(change) for change in found.changes] == ["new0 added", "new1 added", "new2 added"]
    assert found.more
    assert found.reason == "new0 added, new1 added, new2 added, …"


def test_a_directory_stands_for_what_is_in_it(project: TinyProject) -> None:
    built(project, "COPY . /src\n")
    for number in range(5):
        project.write(f"folder/new{number}", "")
    built(project, "COPY . /src\n")
    assert decisions(project)["COPY . /src"].reason == "folder added"


SECRET = "hunter2"


@pytest.mark.parametrize(
    ("before", "after", "subject"),
    [
        ("RUN echo 1 > /x", "RUN echo 2 > /x", "the command"),
        ("ENV A=hunter1\nRUN env > /x", f"ENV A={SECRET}\nRUN env > /x", "environment variable A"),
        ("RUN env > /x", f"ENV A={SECRET}\nRUN env > /x", "environment variable A"),
        ("RUN id", "USER 7\nRUN id", "the user"),
        ("RUN id > /x", "WORKDIR /tmp\nRUN id > /x", "the working directory"),
        ("RUN id > /x", "RUN --mount=type=tmpfs,target=/t id > /x", "--mount=tmpfs /t"),
        ("RUN id > /x", "RUN --network=none id > /x", "--network"),
        ("COPY used /x", "COPY --chmod=600 used /x", "--chmod"),
        ("COPY used /x", "COPY used /y", "the destination"),
        ("COPY used /x", "COPY other /x", "the list of sources"),
        ("WORKDIR /a", "WORKDIR /b", "the directory"),
    ],
)
def test_what_of_an_instruction_changed(project: TinyProject, before: str, after: str, subject: str) -> None:
    built(project, f"{before}\n")
    built(project, f"{after}\n")
    (found,) = [item for item in decisions(project).values() if item.cause == "operation"]
    assert found.subject == subject
    assert found.earlier is not None
    assert SECRET not in repr(found)
    assert SECRET not in (project.home / "builds" / "2").read_text()


@pytest.mark.parametrize(
    ("command", "note"),
    [
        (
            "env > /x",
            "env may read any variable; an ARG below the step, or '# layerc: named-only' above it, spares this",
        ),
        ("echo $A > /x", "the command names A"),
    ],
)
def test_why_a_changed_variable_counts(project: TinyProject, command: str, note: str) -> None:
    built(project, f"ARG A=1\nRUN {command}\n")
    built(project, f"ARG A=2\nRUN {command}\n")
    (found,) = [item for item in decisions(project).values() if item.cause == "operation"]
    assert (found.subject, found.note) == ("environment variable A", note)


def test_secrets_do_not_reach_what_is_noted(project: TinyProject) -> None:
    built(project, f"ENV TOKEN={SECRET}\nRUN echo > /x\n")
    with Store.open(str(project.home)) as store:
        for kind in ("step", "step aspects", "step name"):
            noted = store.records(kind)
            assert noted
            assert not [key for key, value in noted.items() if SECRET in key or SECRET.encode() in value]


def test_asked_for(project: TinyProject) -> None:
    built(project, TEXT)
    built(project, TEXT, no_cache_filter=("work",))
    found = decisions(project)
    assert found["COPY . /src"].reason == "asked for with --no-cache-filter work"
    assert found["COPY . /src"].earlier is not None
    assert found["COPY --from=work /a /a"].is_hit
    built(project, TEXT, no_cache=True)
    assert {item.reason for item in decisions(project).values()} == {"asked for with --no-cache"}


def test_collected(project: TinyProject) -> None:
    text = "RUN echo 1 > /x\n"
    built(project, text)
    with Store.open(str(project.home)) as store:
        (gone,) = [step.layers for step in records(project)[0].steps if step.title.startswith("RUN echo")]
        store.remove(gone)
    built(project, text)
    assert decisions(project)["RUN echo 1 > /x"].cause == "collected"


def test_without_traces_the_tree_below_is_compared(project: TinyProject) -> None:
    built(project, TEXT, traced=False)
    project.write("other", "2")
    built(project, TEXT, traced=False)
    found = decisions(project)["RUN cat /src/used > /a"]
    assert (found.cause, [change.path for change in found.changes]) == ("parent", ["/src/other"])


def test_a_mounted_stage(project: TinyProject) -> None:
    text = (
        "COPY used /s/used\nFROM base\nRUN --mount=type=bind,from=work,source=/s,target=/m cat /m/used > /x\n"
    )
    built(project, text)
    project.write("used", "2")
    built(project, text)
    (found,) = [item for item in decisions(project).values() if item.cause == "stage"]
    assert found.reason == "in the stage mounted at /m: /s/used changed (content)"


# --- what is kept ------------------------------------------------------------------------------------


def test_records_of_builds(project: TinyProject) -> None:
    text = TEXT.replace("FROM base", "RUN exit 3\nFROM base\nCOPY --from=work /b /b", 1)
    with pytest.raises(StepError):
        built(project, text)
    built(project, TEXT)
    last, failed = records(project)
    assert (failed.number, failed.failed, last.number, last.failed) == (1, True, 2, False)
    assert [step.state for step in failed.steps if step.title == "RUN exit 3"] == ["failed"]
    assert {step.state for step in last.steps} == {"cached", "done"}
    (top,) = [step for step in last.steps if step.title.startswith("COPY --from")]
    stack = last.stack(top.layer)
    assert stack is not None
    assert stack[-1:] == top.layers
    assert len(stack) == 3


def test_builds_that_do_nothing_take_one_place(project: TinyProject) -> None:
    built(project, "RUN echo 1 > /x\n")
    for _ in range(3):
        built(project, "RUN echo 1 > /x\n")
    assert [build.number for build in records(project)] == [4, 1]
    for number in range(25):
        built(project, f"ENV A={number}\nWORKDIR /{number}\n")
    assert [build.number for build in records(project)] == list(range(29, 9, -1))


def test_a_damaged_record_is_left_out(project: TinyProject) -> None:
    built(project, "RUN echo 1 > /x\n")
    for name, content in (
        ("2", "{"),
        ("3", "[]"),
        ("4", json.dumps({"form": 99})),
        ("x", ""),
        ("5.", "\xff"),
    ):
        (project.home / "builds" / name).write_text(content)
    assert [build.number for build in records(project)] == [1]
    built(project, "RUN echo 2 > /x\n")
    assert [build.number for build in records(project)] == [6, 1]


def test_where_nothing_can_be_written_the_build_goes_on(project: TinyProject) -> None:
    built(project, "RUN echo 1 > /x\n")
    for path in (project.home / "builds").iterdir():
        path.unlink()
    (project.home / "builds").rmdir()
    (project.home / "builds").write_text("")
    built(project, "RUN echo 1 > /x\n")
    assert records_or_none(project) == []


def records_or_none(project: TinyProject) -> list[BuildRecord]:
    try:
        return records(project)
    except NotADirectoryError:
        return []


def test_what_a_step_read(project: TinyProject) -> None:
    built(project, TEXT)
    project.write("other", "2")
    built(project, TEXT)
    last = records(project)[0]
    (step,) = [step for step in last.steps if step.title.startswith("RUN cat")]
    with Store.open(str(project.home)) as store:
        found = reading(store, step)
    assert found.trees is not None
    (tree,) = found.trees
    assert words(tree["src/used"])[0] == "read"
    assert "src/other" not in tree
    assert words(tree["a"]) == ["looked for in vain"]


def test_two_builds_of_other_things_do_not_mix(project: TinyProject, tmp_path: Path) -> None:
    built(project, "RUN echo 1 > /x\n")
    other = tmp_path / "other"
    other.mkdir()
    dockerfile = SourceFile("Dockerfile", "FROM scratch AS work\nWORKDIR /y\n")
    events: list[object] = []
    with Store.open(str(project.home)) as store:
        build(BuildRequest(dockerfile, CompileOptions(), context=str(other)), store, events.append)
    (started,) = [event for event in events if isinstance(event, StepStarted)]
    assert started.reason == "not built before"
