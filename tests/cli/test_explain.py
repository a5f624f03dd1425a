"""``layerc explain``: what is shown of recorded builds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from layerc.compiler.graph.layer import ImageLayer, Provenance
from layerc.compiler.graph.operations import Run
from layerc.runtime.cli.explain import document, render
from layerc.runtime.cli.main import main
from layerc.runtime.cli.recorded import find_steps, step_title
from layerc.runtime.cli.terminal import Style, width
from layerc.runtime.decisions import Change, Decision, Earlier
from layerc.runtime.engine.history import BuildRecord, History, StepRecord
from layerc.runtime.errors import UsageError
from layerc.runtime.events import StepCached, StepFailed, StepFinished, StepStarted
from layerc.runtime.store import Store

SCHEMA = Path(__file__).parents[2] / "docs" / "explain.schema.json"
NOW = 1_800_000_000.0
OLD, NEW = "sha256:6403203dd5a0aaaa", "sha256:b7fe6a78afe8bbbb"


def step(number: int, title: str, decision: Decision, stage: str = "build", **values: object) -> StepRecord:
    known = {"state": "cached" if decision.is_hit else "done", "seconds": 12.5} | values
    layer = f"{number:064x}"
    return StepRecord(layer, None, stage, number, 5, title, "Dockerfile", number, False, decision, **known)  # type: ignore[arg-type]


BUILD = BuildRecord(
    7,
    NOW - 130,
    31.0,
    "project",
    "app",
    False,
    (
        step(1, "WORKDIR /src", Decision("definition", "same"), seconds=0.1),
        step(
            2,
            "COPY . .",
            Decision(
                None,
                "context",
                changes=(Change("main.c", "content", OLD, NEW), Change("a\x1b[2J", "added")),
                more=True,
                earlier=Earlier(NOW - 90_000, 0.4),
            ),
        ),
        step(
            3,
            "RUN npm ci",
            Decision("trace", "unread", changes=(Change("/src/main.c", "content", OLD, NEW),)),
        ),
        step(
            4,
            "RUN make",
            Decision(
                None, "parent", changes=(Change("/src/x", "mode", "0644", "0755"),), note="too many files"
            ),
            state="failed",
        ),
        step(1, "COPY --from=build /out /out", Decision("content", "equal"), stage=""),
    ),
)


def test_what_people_see() -> None:
    assert (
        render(BUILD, BUILD.steps, Style(False), 80, NOW)
        == """\
build 7 of app, 2 minutes ago: 2 steps ran in 25.0s, 3 found, saved 25.1s

[build 1/5] WORKDIR /src
  found, saved 0.1s: nothing changed

[build 2/5] COPY . .
  ran 12.5s: what it copies changed
    main.c    content  6403203dd5a0 → b7fe6a78afe8
    a\\x1b[2J  added
    …
    it ran 1 day ago, in 0.4s

[build 3/5] RUN npm ci
  found by trace, saved 12.5s: it reads nothing of what changed
    /src/main.c  content  6403203dd5a0 → b7fe6a78afe8

[build 4/5] RUN make
  failed after 12.5s: the layer below it changed
    /src/x  mode  0644 → 0755
    not traced the last time: too many files

[1/5] COPY --from=build /out /out
  found by content, saved 12.5s: what it builds on was made again, with equal
    content"""
    )


def test_why_a_variable_counts() -> None:
    reason = (
        "make may read any variable; an ARG below the step, or '# layerc: named-only' above it, spares this"
    )
    made = step(1, "RUN make", Decision(None, "operation", "environment variable A", note=reason))
    text = render(BUILD, (made,), Style(False), 80, NOW)
    assert text.endswith(
        """
[build 1/5] RUN make
  ran 12.5s: environment variable A changed
    make may read any variable; an ARG below the step, or '# layerc: named-only'
    above it, spares this"""
    )


@pytest.mark.parametrize("screen", [40, 60, 80, 200])
@pytest.mark.parametrize("colour", [False, True])
def test_no_line_is_wider_than_the_screen(screen: int, colour: bool) -> None:
    long = step(3, "RUN " + "long " * 60, Decision(None, "operation", "environment variable " + "X" * 30))
    deep = step(
        4, "COPY a b", Decision(None, "context", changes=(Change("d/" * 90 + "字" * 9, "content", OLD, NEW),))
    )
    build = BUILD._replace(name="n" * 300, steps=(*BUILD.steps, long, deep))
    text = render(build, build.steps, Style(colour), screen, NOW)
    assert ("\x1b[" in text) == colour
    plain = render(build, build.steps, Style(False), screen, NOW)
    assert max(map(width, plain.splitlines())) <= screen
    if colour:
        assert "\x1b[33mran 12.5s\x1b[0m" in text
        assert "\x1b[32mfound by trace, saved 12.5s\x1b[0m" in text


def test_what_programs_read_is_as_described() -> None:
    found = json.loads(json.dumps(document(BUILD, BUILD.steps)))
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(found)
    assert (found["build"]["lost"], found["build"]["saved"]) == (25.0, 25.1)
    copy = found["steps"][1]
    assert copy["reason"] == "main.c changed (content), a\x1b[2J added, …"
    assert copy["earlier"] == {"started": "2027-01-14T07:00:00Z", "seconds": 0.4}


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        ("build:3", ["RUN npm ci"]),
        ("build 3", ["RUN npm ci"]),
        ("[build 3/5]", ["RUN npm ci"]),
        ("4", ["RUN make"]),
        ("NPM", ["RUN npm ci"]),
        ("copy", ["COPY . .", "COPY --from=build /out /out"]),
    ],
)
def test_steps_by_what_people_call_them(words: str, titles: list[str]) -> None:
    assert [found.title for found in find_steps(BUILD, words)] == titles


@pytest.mark.parametrize("words", ["1", "build:9", "nothing of the kind", "other:1"])
def test_steps_that_are_not_there(words: str) -> None:
    with pytest.raises(UsageError):
        find_steps(BUILD, words)


def test_a_stage_of_several_platforms() -> None:
    platforms = ("linux/amd64 web", "linux/arm64 web")
    build = BUILD._replace(steps=tuple(step(2, "RUN x", Decision(None, "new"), stage) for stage in platforms))
    assert [found.stage for found in find_steps(build, "web:2")] == list(platforms)


def test_titles_are_one_line() -> None:
    assert step_title(step(2, "RUN <<E\nmake\nE", Decision(None, "new"))) == "[build 2/5] RUN <<E make E"


# --- the command -------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path) -> str:
    """A store that remembers two builds."""
    layers = {}
    for number, words in enumerate(("make", "test"), 1):
        provenance = Provenance("Dockerfile", number, number, "build", "", f"RUN {words}", number, 2)
        layer = ImageLayer(Run((words,)), provenance=provenance)
        layers[layer.id] = layer
    first, second = layers.values()
    with Store.open(str(tmp_path / "store")) as store:
        with History(store, "p", "app", lambda _: None) as history:
            history.set_layers(layers)
            history(StepStarted(first.id, first.provenance, "", Decision(None, "new")))
            history(StepFinished(first.id, 3.0, 100, ("sha256:" + "0" * 64,)))
            history(StepStarted(second.id, second.provenance, "", Decision(None, "new")))
            history(StepFailed(second.id, 1.0, False))
        with History(store, "p", "app", lambda _: None) as history:
            history.set_layers(layers)
            history(StepCached(first.id, first.provenance, "definition", 3.0, Decision("definition", "same")))
        return store.root


def test_the_last_build_and_earlier_ones(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--store", place]) == 0
    assert "build 2 of app, just now: 0 steps ran, 1 found, saved 3.0s\n" in capsys.readouterr().out
    assert main(["explain", "--last", "--store", place, "make"]) == 0
    capsys.readouterr()
    assert main(["explain", "--build", "1", "test", "--store", place]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [
        "[build 2/2] RUN test",
        "  failed after 1.0s: not built before",
    ]
    assert main(["explain", "--json", "--store", place]) == 0
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(json.loads(capsys.readouterr().out))
    assert main(["explain", "--list", "--store", place]) == 0
    later, earlier = capsys.readouterr().out.splitlines()
    assert later.split()[0] == "2"
    assert "failed 2 ran, 0 found  app" in earlier
    assert main(["explain", "--list", "--json", "--store", place]) == 0
    assert [build["number"] for build in json.loads(capsys.readouterr().out)] == [2, 1]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--build", "9"], 4, "there is no record of build 9"),
        (["--build", "x"], 2, "'x' is not the number of a build"),
        (["--last", "--list"], 2, "not allowed with"),
        (["xyzzy"], 2, "build 2 has no step 'xyzzy'"),
    ],
)
def test_wrong_use(
    words: list[str], code: int, message: str, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", *words, "--store", place]) == code
    assert message in capsys.readouterr().err


def test_nothing_was_built(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--store", str(tmp_path / "s")]) == 4
    assert "has no record of a build" in capsys.readouterr().err
    assert main(["explain", "--list", "--store", str(tmp_path / "s")]) == 0
    assert capsys.readouterr().out == "no build is remembered\n"
