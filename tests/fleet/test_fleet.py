"""Many Dockerfiles as one graph: what links, and what a change makes rebuild."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerc.compiler.fleet.affected import (
    Affected,
    Change,
    affected,
    base_change,
    file_change,
    image_change,
    takes,
)
from layerc.compiler.fleet.builds import builds_of
from layerc.compiler.fleet.fleet import Fleet, load_fleet
from layerc.compiler.graph.invariants import check
from layerc.compiler.graph.operations import ContextPath, Copy, FromContext
from layerc.compiler.options import CompileOptions
from layerc.grammar.errors import CompileError
from layerc.grammar.source import SourceFile


def fleet_of(files: Mapping[str, str], **options: object) -> Fleet:
    builds = [build for name, text in files.items() for build in builds_of(SourceFile(name, text))]
    return load_fleet(builds, CompileOptions(platforms=(), **options))  # type: ignore[arg-type]  # words of tests


def titles(fleet: Fleet, answer: Affected) -> list[list[str]]:
    return [[fleet.members[found.member].build.title for found in wave] for wave in answer.waves]


BASE = "# layerc: image=a/base\nFROM debian:12\nENV WHERE=/srv\nUSER app\nRUN x\nONBUILD COPY . /app\n"
APP = "# layerc: image=a/app:1\nFROM a/base:7\nWORKDIR $WHERE\nRUN y\n"
TOOL = "FROM alpine:3\nLABEL org.opencontainers.image.title=a/tool\nCOPY --from=a/app:1 /y /y\nRUN z\n"


def test_images_link_to_those_that_use_them() -> None:
    fleet = fleet_of({"tool": TOOL, "app": APP, "base": BASE})
    check(fleet.graph)
    names = {member.build.title: member for member in fleet.members}
    assert list(names) == ["a/base", "a/app:1", "a/tool"]
    # The user of a base sees its config and its triggers, and lies on its layers.
    app = names["a/app:1"]
    operations = [fleet.graph[layer].operation for layer in app.layers]
    assert [type(operation).__name__ for operation in operations] == ["Copy", "MakeDir", "Run"]
    assert (operations[1].path, operations[1].user) == ("/srv", "app")  # type: ignore[union-attr]  # a MakeDir
    assert fleet.graph[app.layers[0]].parent == names["a/base"].top
    assert [fleet.graph[layer].operation.reference for layer in names["a/tool"].bases] == [  # type: ignore[union-attr]
        "docker.io/library/alpine:3"
    ]


@pytest.mark.parametrize(
    ("changed", "waves"),
    [
        ("debian:12", [["a/base"], ["a/app:1"], ["a/tool"]]),
        ("alpine:3", [["a/tool"]]),
        ("a/base:7", [["a/app:1"], ["a/tool"]]),
        ("a/app:1", [["a/tool"]]),
        ("a/app:2", []),
        ("debian:11", []),
        ("a/tool", []),
    ],
)
def test_what_a_moved_image_makes_rebuild(changed: str, waves: list[list[str]]) -> None:
    fleet = fleet_of({"tool": TOOL, "app": APP, "base": BASE})
    assert titles(fleet, affected(fleet, base_change(fleet, changed))) == waves


def test_a_base_with_a_digest_stays_what_it_is() -> None:
    fleet = fleet_of({"a": f"FROM debian:12@sha256:{'a' * 64}\nRUN x\n"})
    assert not affected(fleet, base_change(fleet, "debian:12")).rebuilds


def test_an_image_that_only_changes_metadata_is_rebuilt() -> None:
    fleet = fleet_of({"a": BASE.replace("ONBUILD COPY . /app\n", ""), "b": "FROM a/base\nCMD x\n"})
    answer = affected(fleet, base_change(fleet, "debian:12"))
    assert titles(fleet, answer) == [["a/base"], ["b"]]
    assert [rebuild.steps for rebuild in answer.rebuilds] == [1, 0]


def test_the_critical_path_is_in_steps_or_in_seconds() -> None:
    files = {
        "base": "# layerc: image=base\nFROM debian:12\nRUN 1\n",
        "long": "FROM base\nRUN 2\nRUN 3\n",
        "slow": "FROM base\nRUN 4\n",
        "both": "FROM base AS a\nRUN 5\nFROM base\nRUN 6\nCOPY --from=a / /\n",
    }
    fleet = fleet_of(files)
    change = base_change(fleet, "debian:12")
    answer = affected(fleet, change)
    assert [fleet.members[found].build.title for found in answer.critical] == ["base", "long"]
    assert (answer.cost, answer.timed) == (3, False)
    runs = {layer.provenance.title: layer.id for layer in fleet.graph}
    answer = affected(fleet, change, {runs["RUN 1"]: 2.0, runs["RUN 4"]: 9.0, runs["RUN 2"]: 1.0})
    assert [fleet.members[found].build.title for found in answer.critical] == ["base", "slow"]
    assert (answer.cost, answer.timed) == (11, True)


def test_what_does_not_fit_is_told_and_left_out() -> None:
    fleet = fleet_of(
        {
            "one": "# layerc: image=one\nFROM two\nRUN 1\n",
            "two": "# layerc: image=two\nFROM one\nRUN 2\n",
            "own": "# layerc: image=own:2\nFROM own:2\nRUN 3\n",
            "bad": "FROM debian:12\nCOPY --from=9 a b\n",
            "again": "# layerc: image=one\nFROM debian:12\nRUN 4\n",
            "over": "FROM bad\nRUN 5\n",
        }
    )
    assert len(fleet.members) == 5
    told = {problem.file: problem.error.message for problem in fleet.problems}
    assert set(told) == {"two", "bad", "again"}
    assert told["two"] == "images need each other in a circle: one → two → one"
    assert "is built by one as well" in told["again"]
    assert affected(fleet, base_change(fleet, "own:2")).rebuilds


@pytest.mark.parametrize("comment", ["imgae=x", "target=x", "image=UPPER:x", "image", "image=a b"])
def test_comments_that_say_nothing_are_refused(comment: str) -> None:
    with pytest.raises(CompileError) as caught:
        builds_of(SourceFile("Dockerfile", f"FROM a\n# layerc: {comment}\n"))
    assert caught.value.help


def test_long_chains_of_images_are_no_problem() -> None:
    count = 1500
    files = {
        f"{n}": f"# layerc: image=i{n}\nFROM {f'i{n - 1}' if n else 'debian'}\nRUN {n}\n"
        for n in range(count)
    }
    fleet = fleet_of(dict(reversed(files.items())))
    answer = affected(fleet, base_change(fleet, "debian"))
    assert (len(answer.waves), len(answer.critical), answer.cost) == (count, count, count)


# --- files -------------------------------------------------------------------------------------------


def test_a_file_that_a_mount_shows() -> None:
    fleet = fleet_of({"a": "FROM b:1\nRUN --mount=type=bind,source=lib,target=/l make\nCOPY x y /z/\n"})
    for path, steps in (("lib/a.c", 2), ("x", 1), ("y/z", 1), ("other", 0)):
        answer = affected(fleet, file_change(fleet, 0, path))
        assert [rebuild.steps for rebuild in answer.rebuilds] == ([steps] if steps else []), path


@pytest.mark.parametrize(
    ("source", "path", "taken"),
    [
        (".", "a/b", True),
        ("a", "a/b", True),
        ("a", "ab", False),
        ("a*", "ab/c/d", True),
        ("*.c", "a/b.c", False),
        ("../a", "a", True),
        ("[", "a", True),
    ],
)
def test_who_takes_a_file(source: str, path: str, taken: bool) -> None:
    assert takes(Copy(FromContext(), (ContextPath(source),), "/d/"), path) is taken


def test_what_is_excluded_is_not_taken() -> None:
    operation = Copy(FromContext(), (ContextPath("."),), "/d/", exclude=("*.c", "!x.c"))
    assert [takes(operation, path) for path in ("a.c", "x.c", "a.h")] == [False, True, True]
    assert not takes(operation._replace(origin=FromContext("other")), "a.h")


# --- laws --------------------------------------------------------------------------------------------


@st.composite
def fleets(draw: st.DrawFn) -> dict[str, str]:
    count = draw(st.integers(2, 7))
    files = {}
    for number in range(count):
        bases = [*(f"i{below}" for below in range(number)), "debian:12", "alpine:3"]
        text = f"# layerc: image=i{number}\nFROM {draw(st.sampled_from(bases))}\n"
        text += f"RUN step {number}\n" * draw(st.booleans())
        if draw(st.booleans()):
            text += f"COPY --from={draw(st.sampled_from(bases))} /a /{number}\n"
        files[f"{number}"] = text
    return dict(draw(st.permutations(list(files.items()))))


@settings(max_examples=60, deadline=None)
@given(fleets(), st.data())
def test_what_must_be_rebuilt_is_what_can_be_reached(files: dict[str, str], data: st.DataObject) -> None:
    fleet = fleet_of(files)
    check(fleet.graph)
    said = {
        f"i{name}": {
            word.removeprefix("--from=") for word in text.split() if word.removeprefix("--from=")[0] in "ida"
        }
        for name, text in files.items()
    }
    changed = data.draw(st.sampled_from([*said, "debian:12"]))
    reached: set[str] = {changed}
    for _ in said:
        reached |= {name for name, needed in said.items() if needed & reached}
    answer = affected(fleet, base_change(fleet, changed))
    names = [fleet.members[rebuild.member].build.title for rebuild in answer.rebuilds]
    assert sorted(names) == sorted(reached - {changed})
    waves = {rebuild.member: rebuild.wave for rebuild in answer.rebuilds}
    for rebuild in answer.rebuilds:
        above = [waves[other] for other in rebuild.because]
        assert rebuild.wave == 1 + max(above, default=0)


def test_changes_add_up() -> None:
    fleet = fleet_of({"a": "FROM b:1\nCOPY x y\n", "c": "FROM d:1\nRUN x\n"})
    change = base_change(fleet, "b:1") | file_change(fleet, 0, "x") | image_change(fleet, [1], "edited")
    assert change.why == {0: "FROM b:1; x: COPY x y", 1: "edited"}
    assert len(affected(fleet, change).rebuilds) == 2
    assert not affected(fleet, Change(frozenset({"no such layer"}))).rebuilds
