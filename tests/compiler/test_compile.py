"""What compiling means: laws and single rules that goldens would only show by chance."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import pytest
from compiling import compile_text
from hypothesis import given, settings
from hypothesis import strategies as st

from layerc.compiler import compile_dockerfile
from layerc.compiler.config import ImageConfig
from layerc.compiler.graph.graph import LayerGraph
from layerc.compiler.graph.invariants import check
from layerc.compiler.graph.operations import Base, Copy, FromContext, FromLayer, MakeDir, Run
from layerc.compiler.graph.plan import LayerPlan
from layerc.compiler.options import (
    BaseImage,
    CompileOptions,
    ImageRequest,
    NamedContext,
    UnresolvedImagesError,
)
from layerc.grammar.errors import CompileError, DockerfileError
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile


def request_all(text: str, **options: Any) -> frozenset[ImageRequest]:
    document = parse(SourceFile("Dockerfile", text))
    with pytest.raises(UnresolvedImagesError) as caught:
        compile_dockerfile(document, CompileOptions(**options), {})
    return caught.value.requests


def ids(plan: LayerPlan) -> list[str]:
    return [layer.id for layer in plan.layers]


def operations(plan: LayerPlan, kind: type) -> list[Any]:
    return [layer.operation for layer in plan.layers if isinstance(layer.operation, kind)]


# --- identity -----------------------------------------------------------------------------------------------

TEXT = "FROM debian AS a\nRUN make\nCOPY x /x\nFROM scratch\nCOPY --from=a /x /\n"


@pytest.mark.parametrize(
    "same",
    [
        "# a comment\n" + TEXT,
        TEXT.replace(" AS a", " AS other").replace("=a", "=other"),
        TEXT.replace("RUN make", "LABEL a=b\nEXPOSE 80\nCMD x\nRUN make"),
        TEXT.replace("RUN make", "RUN \\\n# why\nmake"),
        TEXT.replace("FROM debian", "FROM docker.io/library/debian:latest"),
        TEXT.replace("FROM scratch", "FROM debian AS unused\nRUN false\nFROM scratch"),
        TEXT + "ENTRYPOINT x\nHEALTHCHECK NONE\nVOLUME /x\nSTOPSIGNAL 9\nMAINTAINER me\nONBUILD RUN x\n",
    ],
)
def test_metadata_names_and_comments_are_no_layers(same: str) -> None:
    assert ids(compile_text(same)) == ids(compile_text(TEXT))


@pytest.mark.parametrize("setting", ["ENV A=1", "USER 1", "WORKDIR /w", 'SHELL ["sh"]', "ARG A=1"])
def test_what_a_step_sees_changes_it(setting: str) -> None:
    changed = compile_text(TEXT.replace("RUN make", f"{setting}\nRUN make"))
    assert operations(changed, Run) != operations(compile_text(TEXT), Run)


def test_proxies_are_handed_on_but_change_no_id() -> None:
    plan = compile_text(TEXT, build_args={"https_proxy": "p"})
    run = operations(plan, Run)[0]
    assert run.proxy == (("HTTPS_PROXY", "p"), ("https_proxy", "p"))
    assert ids(plan) == ids(compile_text(TEXT))
    assert plan.notices == ()


def test_limits_are_handed_on_and_change_the_steps_that_see_them() -> None:
    options: dict[str, Any] = {"shm_size": 1, "ulimits": ("core=1:1",)}
    plan = compile_text(TEXT, **options)
    run = operations(plan, Run)[0]
    assert (run.shm_size, run.ulimits) == (1, ("core=1:1",))
    assert ids(plan) != ids(compile_text(TEXT))


def test_a_declared_proxy_is_an_argument_like_any_other() -> None:
    plan = compile_text("FROM scratch\nARG HTTP_PROXY\nRUN x\n", build_args={"HTTP_PROXY": "p"})
    assert ("HTTP_PROXY", "p") in operations(plan, Run)[0].env
    assert plan.images[0].history[-1].created_by == "RUN |1 HTTP_PROXY=p /bin/sh -c x # buildkit"


def test_only_what_the_target_needs_is_in_the_plan() -> None:
    text = "FROM a AS a\nRUN a\nFROM b AS b\nRUN b\nFROM a AS c\nRUN c\n"
    assert {request.reference for request in request_all(text)} == {"docker.io/library/a:latest"}
    assert [run.argv[-1] for run in operations(compile_text(text, target="b"), Run)] == ["b"]
    assert [run.argv[-1] for run in operations(compile_text(text, target="0"), Run)] == ["a"]


# --- images -------------------------------------------------------------------------------------------------


def test_all_images_are_asked_for_at_once() -> None:
    text = (
        "FROM one AS a\nFROM a AS b\nRUN --mount=from=two,target=/2 --mount=type=cache,target=/c x\n"
        "COPY --from=host:5000/three:3 / /\nFROM scratch\nCOPY --from=b / /\nCOPY --from=four@sha256:"
        + "0"
        * 64
    )
    found = request_all(text + " / /\n", platforms=("linux/amd64", "linux/arm64"))
    names = {
        "docker.io/library/one:latest",
        "docker.io/library/two:latest",
        "host:5000/three:3",
        "docker.io/library/four@sha256:" + "0" * 64,
    }
    assert {(request.reference, request.platform) for request in found} == {
        (name, platform) for name in names for platform in ("linux/amd64", "linux/arm64")
    }


def test_a_platform_of_from_is_the_one_asked_for() -> None:
    text = "FROM --platform=$BUILDPLATFORM a AS a\nFROM --platform=arm b\nCOPY --from=a / /\n"
    found = request_all(text, platforms=("linux/s390x",), build_platform="linux/riscv64")
    assert {(request.reference.split("/")[-1], request.platform) for request in found} == {
        ("a:latest", "linux/riscv64"),
        ("b:latest", "linux/arm"),
    }


def test_what_only_the_base_can_tell_is_no_error_before_it_is_known() -> None:
    text = "FROM base\nRUN true\nENV A=${FROM_BASE:?must be there}\n".replace("must be there", "missing")
    (request,) = request_all(text)
    document = parse(SourceFile("Dockerfile", text))
    known = BaseImage("", ImageConfig(env=(("FROM_BASE", "x"),)))
    plan = compile_dockerfile(document, CompileOptions(), {request: known})
    assert ("A", "x") in plan.images[0].config.env
    with pytest.raises(CompileError, match="FROM_BASE: missing"):
        compile_dockerfile(document, CompileOptions(), {request: BaseImage("", ImageConfig())})


def test_a_trigger_can_ask_for_more() -> None:
    document = parse(SourceFile("Dockerfile", "FROM base\n"))
    base = BaseImage("", ImageConfig(onbuild=("COPY --from=tools /t /t",)))
    request = ImageRequest("docker.io/library/base:latest", "linux/amd64")
    with pytest.raises(UnresolvedImagesError) as caught:
        compile_dockerfile(document, CompileOptions(), {request: base})
    assert {found.reference for found in caught.value.requests} == {"docker.io/library/tools:latest"}


def test_an_image_config_survives() -> None:
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Env": ["A=1"],
            "Unknown": {"x": [1]},
            "Labels": {"l": "1"},
            "ExposedPorts": {"1/tcp": {}},
        },
        "moby.buildkit.x": "kept",
    }
    plan = compile_text("FROM base\nLABEL m=2\nEXPOSE 2\n", {"base": {"config": config}})
    document = plan.images[0].config.to_document()
    assert document["moby.buildkit.x"] == "kept"
    assert document["config"]["Unknown"] == {"x": [1]}
    assert document["config"]["Labels"] == {"l": "1", "m": "2"}
    assert document["config"]["ExposedPorts"] == {"1/tcp": {}, "2/tcp": {}}
    assert document["config"]["Env"][0] == "A=1"
    assert document["config"]["Env"][1].startswith("PATH=/usr/local/sbin:")


def test_the_platform_of_the_image() -> None:
    arm = {"base": {"config": {"architecture": "arm64", "os": "linux", "variant": "v8"}}}
    plan = compile_text("FROM base\n", arm, platforms=())
    assert plan.images[0].platform == "linux/arm64"
    plan = compile_text("FROM base\n", arm, platforms=("linux/amd64",))
    assert plan.images[0].platform == "linux/amd64"
    assert plan.notices[0].rule == "InvalidBaseImagePlatform"
    plan = compile_text("FROM base\n", platforms=(), build_platform="linux/arm/v6")
    assert plan.images[0].config.variant == "v6"


# --- named contexts -----------------------------------------------------------------------------------------


def contexts(**kinds: str) -> dict[str, NamedContext]:
    return {name: NamedContext(name, kind, f"{kind}-{name}") for name, kind in kinds.items()}


def test_a_directory_as_context() -> None:
    text = "FROM scratch AS a\nCOPY --from=files /x /\nRUN --mount=from=files,target=/f x\n"
    plan = compile_text(text, contexts=contexts(files="local"))
    assert operations(plan, Copy)[0].origin == FromContext("files")
    assert operations(plan, Run)[0].mounts[0].origin == FromContext("files")


def test_a_directory_as_base() -> None:
    (request,) = request_all("FROM debian\nRUN x\n", contexts=contexts(debian="local"))
    assert request.context is not None
    assert request.context.kind == "local"
    assert request.reference == "docker.io/library/debian:latest"


def test_a_directory_as_base_of_a_stage_that_is_copied_from() -> None:
    text = "FROM debian AS build\nRUN x\nFROM scratch\nCOPY --from=build /a /\n"
    plan = compile_text(text, contexts=contexts(debian="local"))
    (copy,) = operations(plan, Copy)
    assert copy.origin == FromLayer(0)
    assert [run.argv[-1] for run in operations(plan, Run)] == ["x"]


def test_a_context_replaces_a_stage() -> None:
    text = "FROM one AS build\nRUN never\nFROM build\nRUN x\nCOPY --from=build /a /\n"
    (request,) = request_all(text, contexts=contexts(build="image"))
    assert request == ImageRequest("build", "linux/amd64", NamedContext("build", "image", "image-build"))
    plan = compile_text(text, contexts=contexts(build="local"))
    assert [run.argv[-1] for run in operations(plan, Run)] == ["x"]
    assert operations(plan, Copy)[0].origin == FromContext("build")
    assert operations(plan, Base)[0].reference == "build"


@pytest.mark.parametrize(
    "name", ["debian", "debian:latest", "docker.io/library/debian", "debian::linux/amd64"]
)
def test_names_of_contexts_are_normalised(name: str) -> None:
    (request,) = request_all("FROM debian:latest\n", contexts={name: NamedContext(name, "image", "v")})
    assert request.context is not None


def test_a_context_for_another_platform_is_left_alone() -> None:
    given = {"debian::linux/arm64": NamedContext("debian::linux/arm64", "image", "v")}
    (request,) = request_all("FROM debian:latest\n", contexts=given)
    assert request.context is None


def test_scratch_is_never_replaced_but_can_replace() -> None:
    plan = compile_text("FROM scratch\nRUN x\n", contexts=contexts(scratch="image"))
    assert operations(plan, Base) == []
    empty = {"base": NamedContext("base", "image", "docker-image://scratch")}
    assert operations(compile_text("FROM base\nRUN x\n", contexts=empty), Base) == []


# --- provenance ---------------------------------------------------------------------------------------------


def test_titles_as_docker_shows_them() -> None:
    text = (
        "FROM scratch\nARG V=1\nRUN  echo \"$V\" \\\n  $unset ${V:+x} '$V'\nworkdir /a/${V}\n"
        "COPY  --chown=$V  a$unset 'b' ./\nRUN <<EOF\nhello\nmore\nEOF\n"
    )
    plan = compile_text(text)
    shown = [layer.provenance for layer in plan.layers]
    assert [where.title for where in shown] == [
        "RUN  echo \"1\"   $unset x '$V'",
        "WORKDIR /a/1",
        "COPY  --chown=1  a b ./",
        "RUN <<EOF (hello...)",
    ]
    assert [(where.line, where.end_line) for where in shown] == [(3, 4), (5, 5), (6, 6), (7, 10)]
    assert [(where.stage, where.step, where.steps) for where in shown] == [("", n, 4) for n in range(1, 5)]
    assert shown[1].text == "workdir /a/${V}\n"


def test_steps_are_numbered_by_stage() -> None:
    plan = compile_text("FROM debian AS Build\nRUN a\nENV x=y\nFROM build\nCOPY a /\n")
    assert [(p.stage, p.step, p.steps) for p in (layer.provenance for layer in plan.layers)] == [
        ("build", 1, 2),
        ("build", 2, 2),
        ("stage-1", 1, 1),
    ]


# --- single rules -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("workdir", "dest", "absolute"),
    [
        ("/w", "a", "/w/a"),
        ("/w", "a/", "/w/a/"),
        ("/w", ".", "/w/"),
        ("/w", "./", "/w/"),
        ("/w", "a/.", "/w/a/."),
        ("/w", "..", "/"),
        ("/w", "/a//b/", "/a//b/"),
        ("/", "a", "/a"),
        ("/", ".", "/"),
        ("/", "", "/"),
    ],
)
def test_destinations(workdir: str, dest: str, absolute: str) -> None:
    plan = compile_text(f'FROM scratch\nWORKDIR {workdir}\nCOPY ["x", "{dest}"]\n')
    assert operations(plan, Copy)[0].dest == absolute


def test_a_working_directory_is_made_even_where_it_is_there() -> None:
    plan = compile_text("FROM base\nWORKDIR /w\n", {"base": {"config": {"config": {"WorkingDir": "/w"}}}})
    assert operations(plan, MakeDir) == [MakeDir("/w")]
    assert operations(compile_text("FROM scratch\nWORKDIR /\n"), MakeDir) == []


def test_arguments_of_a_base_stage_reach_the_next() -> None:
    plan = compile_text("FROM scratch AS a\nARG A=1\nFROM a\nRUN echo $A\nFROM scratch\nCOPY --from=1 / /\n")
    assert ("A", "1") in operations(plan, Run)[0].env


def test_an_argument_may_not_be_used_before_it_is_declared() -> None:
    plan = compile_text("FROM scratch\nENV a=$A\nARG A=1\nENV b=$A\n", build_args={"A": "2"})
    assert dict(plan.images[0].config.env) | {"a": "", "b": "2"} == dict(plan.images[0].config.env)
    assert [notice.message for notice in plan.notices] == ["Usage of undefined variable '$A'"]


@pytest.mark.parametrize(
    ("before", "above", "rules"),
    [
        ("", "", ["WorkdirRelativePath", "JSONArgsRecommended"]),
        ("# check=skip=WorkdirRelativePath,JSONArgsRecommended\n", "", []),
        ("# check=skip=all;error=true\n", "", []),
        ("", "# check=skip=JSONArgsRecommended because\n# of this\n", ["WorkdirRelativePath"]),
        ("", "# check=nonsense\n", ["WorkdirRelativePath", "JSONArgsRecommended"]),
    ],
)
def test_checks_can_be_switched_off(before: str, above: str, rules: list[str]) -> None:
    plan = compile_text(f"{before}FROM scratch\nWORKDIR a\n{above}CMD x\n")
    assert [notice.rule for notice in plan.notices] == rules


def test_the_default_network_is_that_of_the_options() -> None:
    text = "FROM scratch\nRUN x\nRUN --network=none y\n"
    assert [run.network for run in operations(compile_text(text, network="host"), Run)] == ["host", "none"]


def test_a_secret_in_the_environment_is_masked_in_the_title() -> None:
    plan = compile_text("FROM scratch\nENV T=old\nRUN --mount=type=secret,id=t,env=T echo $T\n")
    assert plan.layers[-1].provenance.title.endswith("echo ****")
    assert "****" not in plan.images[0].history[-1].created_by


def test_labels_of_the_options_win() -> None:
    plan = compile_text("FROM scratch\nLABEL a=1 b=1\n", labels=(("a", "2"),))
    assert plan.images[0].config.labels == (("a", "2"), ("b", "1"))


def test_bytes_that_are_not_text_survive() -> None:
    source = SourceFile.from_bytes("Dockerfile", b"FROM scratch\nRUN echo '\xff'\nENV A=\xfe\n")
    plan = compile_dockerfile(parse(source), CompileOptions(), {})
    assert len(plan.layers[0].id) == 64
    assert LayerPlan.from_document(plan.to_document()) == plan


# --- any text -----------------------------------------------------------------------------------------------

_words = st.sampled_from(
    [
        *(
            "a",
            "b",
            "/",
            ".",
            "$A",
            "${A:-x}",
            "--from=a",
            "--from=0",
            "--chown=$A",
            "--mount=target=/x",
            "A=1",
        ),
        *(
            "A",
            "'q'",
            '"q',
            "${",
            "80-82",
            "[",
            '["a","/"]',
            "<<E",
            "\\",
            "scratch",
            "AS",
            "--link",
            "=",
            "9",
        ),
    ]
)
_keywords = st.sampled_from(
    [
        *(
            "FROM",
            "RUN",
            "COPY",
            "ADD",
            "ENV",
            "ARG",
            "LABEL",
            "CMD",
            "ENTRYPOINT",
            "EXPOSE",
            "VOLUME",
            "USER",
        ),
        *("WORKDIR", "SHELL", "ONBUILD", "STOPSIGNAL", "HEALTHCHECK", "MAINTAINER", "ONBUILD COPY"),
    ]
)
_lines = st.builds(lambda key, words: " ".join([key, *words]), _keywords, st.lists(_words, max_size=4))


@given(st.lists(_lines, max_size=8))
@settings(max_examples=300)
def test_any_dockerfile_compiles_or_is_refused(lines: list[str]) -> None:
    try:
        plan = compile_text("\n".join(["FROM scratch AS a", *lines, ""]))
    except DockerfileError:
        return
    check(LayerGraph.from_plan(plan))
    assert LayerPlan.from_document(plan.to_document()) == plan
    assert all(layer.provenance.title for layer in plan.layers)


def test_cost_grows_with_the_text() -> None:
    def seconds(count: int) -> float:
        text = "FROM scratch\n" + "RUN echo $A\nCOPY a /b\nLABEL x=1\n" * count
        started = time.process_time()
        compile_text(text)
        return time.process_time() - started

    seconds(50)
    assert seconds(2000) < 20 * max(seconds(200), 0.01)


COMPILE = """
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile
from layerc.compiler import compile_dockerfile
from layerc.compiler.options import CompileOptions
compile_dockerfile(parse(SourceFile("D", "FROM scratch\\nRUN x\\n")), CompileOptions(), {})
"""


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import layerc.compiler.graph.plan, layerc.compiler.options", ("networkx", "lark", "jsonschema")),
        (COMPILE, ("networkx", "lark", "subprocess", "socket")),
    ],
)
def test_what_is_not_imported(code: str, absent: tuple[str, ...]) -> None:
    script = f"import sys\n{code}\nprint(sorted(set({absent!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
