"""Builds with the real sandbox: what runs, what is found, what comes out."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny import TinyProject

from layerc.grammar.source import SourceFile
from layerc.runtime.engine.build import build
from layerc.runtime.engine.request import Secret
from layerc.runtime.engine.scheduler import CancelledStepError
from layerc.runtime.errors import InputError, SourceError, StepError, UsageError
from layerc.runtime.events import Notice
from layerc.runtime.snapshot.view import StackView
from layerc.runtime.sources.context import ContextTree
from layerc.runtime.store import Store

pytestmark = pytest.mark.root


@pytest.fixture
def project(tmp_path: Path) -> TinyProject:
    return TinyProject(tmp_path)


def test_a_second_build_runs_nothing_and_gives_the_same_image(project: TinyProject) -> None:
    project.write("a", "1")
    text = 'COPY a /a\nRUN cat /a > /b\nCMD ["/b"]\n'
    first = project.build(text)
    assert first.executed == 4
    assert project.read(first, "b") == "1"
    second = project.build(text)
    assert project.ran() == []
    assert second.executed == 0
    assert second.images == first.images


def test_what_was_learnt_of_the_context_is_kept(
    project: TinyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("a", "1")
    os.utime(project.context / "a", (1, 1))
    time.sleep(0.05)  # a file changed in this very moment is read again
    project.build("COPY a /a\n")
    opened: list[str] = []
    read = ContextTree.open
    monkeypatch.setattr(ContextTree, "open", lambda tree, path: opened.append(path) or read(tree, path))
    project.build("COPY a /a\n")
    assert opened == []
    project.write("a", "2")
    project.build("COPY a /a\n")
    assert set(opened) == {"a"}


def test_an_edit_runs_what_depends_on_it(project: TinyProject) -> None:
    text = (
        "FROM base AS one\nCOPY a /a\nRUN cat /a > /out\n"
        "FROM base AS two\nCOPY b /b\nRUN cat /b > /out\n"
        "FROM base\nCOPY --from=one /out /1\nCOPY --from=two /out /2\n"
    )
    project.write("a", "1")
    project.write("b", "2")
    project.build(text)
    project.write("b", "3")
    result = project.build(text)
    assert project.ran() == ["COPY b /b", "RUN cat /b > /out", "COPY --from=two /out /2"]
    assert (project.read(result, "1"), project.read(result, "2")) == ("1", "3")


def test_an_equal_result_cuts_the_invalidation_off(project: TinyProject) -> None:
    text = "COPY a /a\nRUN wc -l < /a > /count && rm /a\nRUN cat /count > /b\n"
    project.write("a", "one\n")
    # The whole layer below must be equal, so the step that reads `a` removes it; its own layer is compared.
    text = "FROM base AS count\n" + text + "FROM base\nCOPY --from=count /count /count\nRUN cat /count\n"
    project.build(text)
    project.write("a", "two\n")
    project.build(text)
    assert "COPY --from=count /count /count" not in project.ran()
    assert "RUN cat /count" not in project.ran()


def test_cut_off_works_inside_a_stage(project: TinyProject) -> None:
    project.write("a", "x")
    text = "RUN --mount=type=bind,source=a,target=/in wc -c < /in > /size\nRUN cp /size /copy\n"
    project.build(text)
    project.write("a", "y")
    project.build(text)
    assert [title.partition(" ")[0] for title in project.ran()] == ["RUN"]
    assert project.levels()["RUN cp /size /copy"] == "content"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("CMD", "LABEL a=b\nCMD"),
        lambda text: "# a comment\n" + text,
        lambda text: text.replace("one", "uno"),
        lambda text: text.replace("ENV X=1\n", "ENV X=1\nEXPOSE 80\n"),
    ],
    ids=["label", "comment", "stage name", "expose"],
)
def test_changes_without_effect_on_layers_run_nothing(
    project: TinyProject, change: Callable[[str], str]
) -> None:
    text = 'FROM base AS one\nRUN echo 1 > /1\nFROM base\nENV X=1\nCOPY --from=one /1 /1\nRUN cat /1\nCMD ["x"]\n'
    project.build(text)
    project.build(change(text))
    assert project.ran() == []


def test_no_cache_runs_everything_and_the_filter_one_stage(project: TinyProject) -> None:
    text = "FROM base AS one\nRUN echo 1\nFROM base\nRUN echo 2\n"
    project.build("FROM base AS one\nRUN echo 1 > /1\nFROM base\nCOPY --from=one /1 /1\n")
    project.build(
        "FROM base AS one\nRUN echo 1 > /1\nFROM base\nCOPY --from=one /1 /1\n", no_cache_filter=("one",)
    )
    assert project.ran() == ["RUN echo 1 > /1"]
    project.build(text)
    project.build(text, no_cache=True)
    assert "RUN echo 2" in project.ran()


def test_a_failing_step_tells_its_status_and_keeps_earlier_layers(project: TinyProject) -> None:
    with pytest.raises(StepError) as caught:
        project.build("RUN echo fine > /fine\nRUN echo broken >&2; exit 3\n")
    assert caught.value.status == 3
    assert caught.value.where is not None
    assert caught.value.where.line == 5
    assert "broken" in "\n".join(caught.value.tail)
    project.build("RUN echo fine > /fine\n")
    assert project.ran() == []


def test_a_missing_file_is_reported_where_it_is_named(project: TinyProject) -> None:
    project.write("requirements.txt", "")
    with pytest.raises(SourceError, match=r"requirement\.txt") as caught:
        project.build("COPY requirement.txt /\n")
    assert caught.value.where is not None
    assert caught.value.where.line == 4
    assert "requirements.txt" in (caught.value.help or "")


def test_what_copies_leave_out_is_told(project: TinyProject) -> None:
    project.write("a", "1")
    project.build("COPY *.none a /x/\nCOPY --chown=nobody-here:5 a /a\n")
    told = [(event.message, event.where) for event in project.events if isinstance(event, Notice)]
    unmatched, unknown = told
    assert unmatched == ("*.none matches nothing, so nothing is copied for it", "Dockerfile:4")
    assert unknown[0].startswith("there is no user 'nobody-here' in /etc/passwd of the image, so root owns")
    assert unknown[1] == "Dockerfile:5"


def test_independent_stages_run_at_the_same_time(project: TinyProject) -> None:
    stages = "".join(f"FROM base AS s{n}\nRUN sleep 1; echo {n} > /{n}\n" for n in range(4))
    copies = "".join(f"COPY --from=s{n} /{n} /{n}\n" for n in range(4))
    project.build("RUN true\n")
    result = project.build(f"{stages}FROM base\n{copies}")
    assert result.seconds < 3.5


def test_bind_mounts_show_contexts_and_stages_and_keep_nothing(project: TinyProject) -> None:
    project.write("dir/in", "from the context")
    text = (
        "FROM base AS stage\nRUN mkdir /d && echo from the stage > /d/f\n"
        "FROM base\nRUN --mount=type=bind,source=dir,target=/m --mount=type=bind,from=stage,source=/d,target=/s,rw "
        "cat /m/in /s/f > /out && echo x > /s/new\n"
    )
    result = project.build(text)
    assert project.read(result, "out") == "from the contextfrom the stage\n"
    with Store.open(str(project.home)) as store:
        view = StackView(store, result.images[0].diff_ids)
        assert [view.lstat(name) for name in ("m", "s")] == [None, None]
    project.build(text)
    assert project.ran() == []


def test_a_cache_mount_outlives_the_step_and_is_no_part_of_the_image(project: TinyProject) -> None:
    text = "RUN --mount=type=cache,target=/cache echo {0} >> /cache/log && cp /cache/log /log\n"
    project.build(text.format("one"))
    result = project.build(text.format("two"))
    assert project.read(result, "log") == "one\ntwo\n"
    with Store.open(str(project.home)) as store:
        assert StackView(store, result.images[0].diff_ids).lstat("cache") is None


def test_a_secret_reaches_the_step_and_nothing_else(project: TinyProject, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("pa55word-in-a-file")
    text = (
        "RUN --mount=type=secret,id=token,target=/run/token --mount=type=secret,id=token,env=TOKEN "
        'test "$(cat /run/token)" = "$TOKEN" && wc -c < /run/token > /size\n'
    )
    result = project.build(text, secrets=(Secret("token", str(secret)),))
    assert project.read(result, "size").strip() == "18"
    for directory, _, files in os.walk(project.home):
        for name in files:
            assert b"pa55word-in-a-file" not in Path(directory, name).read_bytes()
    secret.write_text("another-password!!")
    project.build(text, secrets=(Secret("token", str(secret)),))
    assert project.ran() == []


def test_a_secret_that_is_required_must_be_there(project: TinyProject) -> None:
    with pytest.raises(InputError, match="token"):
        project.build("RUN --mount=type=secret,id=token,required=true true\n")
    project.build("RUN --mount=type=secret,id=token test ! -e /run/secrets/token\n")


def test_cancelling_stops_running_steps(project: TinyProject) -> None:
    cancel = threading.Event()
    project.build("RUN true\n")
    with Store.open(str(project.home)) as store:
        threading.Timer(0.5, cancel.set).start()
        with pytest.raises(CancelledStepError):
            build(project.request("RUN sleep 60\n"), store, lambda _: None, cancel)
    project.build("RUN true\n")
    assert project.ran() == []


def test_a_plan_builds_to_the_same_image_as_its_dockerfile(project: TinyProject) -> None:
    from layerc.compiler.graph.plan import LayerPlan
    from layerc.runtime.engine.build import compile_only

    text = "RUN echo 1 > /1\nENV A=b\n"
    first = project.build(text)
    with Store.open(str(project.home)) as store:
        plan = compile_only(project.request(text), store, lambda _: None)
        again = LayerPlan.from_document(plan.to_document())
        result = build(
            project.request(text)._replace(dockerfile=None, plan=again), store, project.events.append
        )
    assert result.images == first.images


def test_a_step_sees_its_environment_user_and_directory(project: TinyProject) -> None:
    project.write("passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n")
    text = (
        "COPY passwd /etc/passwd\nARG VERSION=3\nENV NAME=value\nWORKDIR /work\nRUN chown 1000 /work\nUSER ann\n"
        'RUN echo "$(id -u) $(pwd) $NAME $VERSION $HOME" > out\n'
    )
    assert project.read(project.build(text), "work/out") == "1000 /work value 3 /home/ann\n"


def test_a_tagged_image_can_be_built_on(project: TinyProject) -> None:
    first = project.build("RUN echo 1 > /1\nENV A=b\n", tags=("docker.io/library/mine:latest",))
    project.events = []
    dockerfile = SourceFile("Dockerfile", "FROM mine\nRUN echo $A > /2\n")
    with Store.open(str(project.home)) as store:
        request = project.request("")._replace(dockerfile=dockerfile)
        second = build(request, store, project.events.append)
    assert second.images[0].diff_ids[:-1] == first.images[0].diff_ids
    assert project.read(second, "2") == "b\n"


def test_insecure_steps_need_the_users_word(project: TinyProject) -> None:
    text = "RUN --security=insecure grep CapEff /proc/self/status > /caps\n"
    with pytest.raises(UsageError, match="all rights") as caught:
        project.build(text)
    assert caught.value.where is not None
    assert caught.value.where.line == 4
    assert project.events == []
    result = project.build(text, allow=frozenset({"security.insecure"}))
    assert project.read(result, "caps") != project.read(
        project.build("RUN grep CapEff /proc/self/status > /caps\n"), "caps"
    )
