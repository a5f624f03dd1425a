"""Build arguments with names of BuildKit's own."""

from __future__ import annotations

import pytest
from compiling import compile_text

from layerc.compiler.graph.operations import Run
from layerc.compiler.graph.plan import LayerPlan
from layerc.compiler.reserved import refuse_removed, unsupported, wants_index
from layerc.grammar.errors import CompileError

TEXT = "FROM scratch\nRUN --mount=type=cache,target=/c true\nRUN --mount=type=cache,id=x,target=/c true\n"


def runs(plan: LayerPlan) -> list[Run]:
    return [layer.operation for layer in plan.layers if isinstance(layer.operation, Run)]


def test_steps_see_another_host_name() -> None:
    plain, named = (
        compile_text(TEXT, build_args=given) for given in ({}, {"BUILDKIT_SANDBOX_HOSTNAME": "tower"})
    )
    assert [run.hostname for run in runs(plain)] == ["", ""]
    assert [run.hostname for run in runs(named)] == ["tower", "tower"]
    assert plain.layers[0].id != named.layers[0].id
    assert not named.notices


def test_cache_mounts_are_kept_apart() -> None:
    plan = compile_text(TEXT, build_args={"BUILDKIT_CACHE_MOUNT_NS": "team"})
    assert [run.mounts[0].cache_id for run in runs(plan)] == ["team//c", "team/x"]
    assert [run.mounts[0].cache_id for run in runs(compile_text(TEXT))] == ["/c", "x"]


@pytest.mark.parametrize(
    ("text", "platforms", "wanted"),
    [
        ("", ("linux/amd64",), False),
        ("", ("linux/amd64", "linux/arm64"), True),
        ("1", ("linux/amd64",), True),
        ("true", ("linux/amd64", "linux/arm64"), True),
        ("False", (), False),
    ],
)
def test_an_index_of_platforms(text: str, platforms: tuple[str, ...], wanted: bool) -> None:
    assert wants_index({"BUILDKIT_MULTI_PLATFORM": text} if text else {}, platforms) is wanted


@pytest.mark.parametrize(
    ("text", "platforms", "message"),
    [
        ("yes", ("linux/amd64",), "invalid boolean value for multi-platform: yes"),
        ("0", ("linux/amd64", "linux/arm64"), "returning multiple target platforms is not allowed"),
    ],
)
def test_an_index_that_can_not_be(text: str, platforms: tuple[str, ...], message: str) -> None:
    with pytest.raises(CompileError, match=message) as caught:
        wants_index({"BUILDKIT_MULTI_PLATFORM": text}, platforms)
    assert caught.value.help


def test_what_was_removed() -> None:
    for value in ("0", "", "perhaps"):
        refuse_removed({"BUILDKIT_DISABLE_FILEOP": value})
    with pytest.raises(CompileError, match=r"was removed in BuildKit 0\.11"):
        refuse_removed({"BUILDKIT_DISABLE_FILEOP": "1"})


def test_what_has_no_effect_is_told() -> None:
    given = {"BUILDKIT_SYNTAX": "a/b", "BUILDKIT_INLINE_CACHE": "1", "BUILDKIT_ATTEST_SBOM": "", "A": "b"}
    told = unsupported(given)
    assert [name for name in given if any(f" {name} " in line for line in told)] == [*given][:3]
    assert unsupported({"A": "b", "BUILDKIT_MULTI_PLATFORM": "1", "BUILDKIT_INLINE_CACHE": "0"}) == ()
