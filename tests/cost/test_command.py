"""``layerc cost``: its table, its JSON, its picture."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from compiling import compile_text

from layerc.compiler.cost.picture import draw
from layerc.compiler.cost.report import document, report
from layerc.compiler.cost.rewritten import facts_for, saving_of
from layerc.compiler.graph.operations import Run
from layerc.compiler.graph.plan import LayerPlan
from layerc.compiler.optimize.draft import Draft
from layerc.compiler.optimize.facts import Commit, ContextFile, Facts, Observation
from layerc.compiler.optimize.manager import optimize
from layerc.compiler.options import CompileOptions
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile
from layerc.runtime.cli.cost import render
from layerc.runtime.cli.main import main
from layerc.runtime.cli.terminal import Style

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "cost.schema.json").read_text())
TEXT = "FROM scratch\nCOPY . /app/\nRUN --network=none get </app/deps >/lib\nRUN pack <&> \x1b[31m\n"


def facts(plan: LayerPlan, *, commits: int = 3) -> Facts:
    runs = [layer.id for layer in plan.layers if isinstance(layer.operation, Run)]
    return Facts(
        {runs[0]: Observation(seconds=90.0), runs[1]: Observation(seconds=2.0)},
        {"": (ContextFile("deps", "file"), ContextFile("src/main.c", "file"))},
        commits=tuple(Commit(f"c{number}", float(number), ("src/main.c",)) for number in range(commits)),
    )


def rendered(plan: LayerPlan, known: Facts, rewritten: LayerPlan | None = None) -> str:
    return "\n".join(render(report(plan, known, rewritten), known, Style(False), 100))


def test_the_table() -> None:
    plan = compile_text(TEXT)
    text = rendered(plan, facts(plan), plan)
    lines = text.splitlines()
    (row,) = (line for line in lines if "RUN pack" in line)
    assert row.split()[-6:] == ["2.0s", "measured", "100%", "100%", "2.0s", "2.0s"]
    assert "\x1b" not in text
    assert all(len(line) <= 100 for line in lines)
    (kind,) = (line.split() for line in lines if line.startswith("src/"))
    assert kind == ["src/", "100%", *["1m32s"] * 4]
    assert "the last 3 commits, replayed" in text


def test_what_the_figures_rest_on_is_said() -> None:
    plan = compile_text(TEXT)
    known = facts(plan)
    assert "build once with layerc" in rendered(plan, known)  # the COPY was never measured
    assumed = rendered(plan, known._replace(commits=(), unknown=("the moon",)))
    assert "without a git history" in assumed
    assert "not known: the moon" in assumed
    assert "replayed" not in assumed


def test_nothing_known_at_all_is_no_error() -> None:
    plan = compile_text("FROM scratch\n")
    assert "0 per change expected" in rendered(plan, Facts())
    assert draw(report(plan, Facts())).endswith("</svg>\n")


def test_the_document_is_what_its_schema_says() -> None:
    plan = compile_text(TEXT)
    known = facts(plan)
    for found in (report(plan, known), report(plan, known, plan), report(plan, known._replace(commits=()))):
        jsonschema.validate(document(found, known), SCHEMA)


def test_the_picture_stands_alone_and_shows_names_as_text() -> None:
    plan = compile_text(TEXT)
    text = draw(report(plan, facts(plan), plan))
    root = ET.fromstring(text)
    texts = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert any(item.endswith("RUN pack <&> �[31m") for item in texts)
    assert "today's Dockerfile" in texts
    assert "The last 3 commits, replayed" in texts
    assert "prefers-color-scheme: dark" in text
    assert text.count("http") == 1  # the name space; nothing is loaded


def test_bars_are_as_long_as_the_seconds() -> None:
    plan = compile_text(TEXT)
    root = ET.fromstring(draw(report(plan, facts(plan))))
    bars = [
        float(element.get("width", ""))
        for element in root.iter("{http://www.w3.org/2000/svg}rect")
        if element.get("class") == "classic" and element.get("height") == "10"
    ]
    total, _, get, pack = bars  # the sum, COPY, and the two RUNs
    assert get / pack == pytest.approx(45, rel=0.01)
    assert get + pack < total


# --- rewritten files ---------------------------------------------------------------------------------


def drafted(text: str, known: Facts | None = None) -> tuple[Draft, LayerPlan, LayerPlan]:
    document = parse(SourceFile("Dockerfile", text))
    result = optimize(document, CompileOptions(), {}, known or Facts(), 1, only=("none",))
    return result.draft, result.plan, result.original


def test_what_was_observed_goes_with_the_step() -> None:
    text = "FROM scratch\nCOPY a /\nRUN one\n"
    draft, _, original = drafted(text)
    layer = original.layers[-1]
    seen = Observation(seconds=7.0)
    assert facts_for(draft, original, Facts({layer.id: seen})).observed[layer.id] == seen


def test_parts_of_a_step_share_its_time() -> None:
    draft, _, original = drafted("FROM scratch\nRUN npm ci && echo done > /done\n")
    (step,) = draft.stages[0].steps
    split = draft.replace(
        step, draft.step("RUN npm ci", like=step), draft.step("RUN echo done > /done", like=step)
    )
    document = parse(split.source)
    again = optimize(document, CompileOptions(), {}, Facts(), 1, only=("none",))
    now = split.stages[0].steps
    built = again.draft.stages[0].steps
    joined = split.replace(now[0], now[0]._replace(built=built[0].built))
    joined = joined.replace(now[1], now[1]._replace(built=built[1].built))
    layer = original.layers[-1]
    found = facts_for(joined, original, Facts({layer.id: Observation(seconds=62.0)})).observed
    first, second = (found[each.layers[0].id].seconds for each in built)
    assert first is not None
    assert second is not None
    assert first + second == pytest.approx(62)
    assert first > 50 > 1 > second


def test_the_saving_of_a_rewrite_in_words() -> None:
    text = "FROM scratch\nWORKDIR /app\nCOPY . .\nRUN npm ci\n"
    known = Facts(
        contexts={
            "": tuple(ContextFile(name, "file") for name in ("main.js", "package-lock.json", "package.json"))
        },
        manifests={"package.json": b"{}", "package-lock.json": b"{}"},
        commits=(Commit("1", 0.0, ("main.js",)),),
    )
    document = parse(SourceFile("Dockerfile", text))
    result = optimize(document, CompileOptions(), {}, known)
    found = saving_of(result, known)
    assert found.classic > 1 > found.layerc
    assert str(found).endswith(" s per rebuild with a classic cache (history)")


# --- the command -------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAYERC_HOME", str(tmp_path / "store"))
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "main.c").write_text("int main;\n")
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY src /src\n")
    return folder


def test_json_and_a_picture(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    identity = ("-c", "user.name=n", "-c", "user.email=n@example.org")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "1"]):
        subprocess.run(["git", *identity, *words], cwd=project, check=True, env={**os.environ, "HOME": "/"})
    (project / "src" / "main.c").write_text("int main2;\n")
    subprocess.run(["git", *identity, "commit", "-qam", "2"], cwd=project, check=True)
    picture = project.parent / "cost.svg"
    assert main(["cost", "--json", "--svg", str(picture), str(project)]) == 0
    told = json.loads(capsys.readouterr().out)
    jsonschema.validate(told, SCHEMA)
    assert told["changes"] == {"source": "history", "count": 1, "unknown": []}
    assert [step["rate"] for step in told["before"][0]["steps"]] == [1.0]
    assert ET.parse(picture).getroot().tag.endswith("svg")


def test_a_plan_instead_of_a_dockerfile(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", str(project)]) == 0
    plan = project.parent / "plan.json"
    plan.write_text(capsys.readouterr().out)
    assert main(["cost", "--json", "-f", str(plan), str(project)]) == 0
    assert json.loads(capsys.readouterr().out)["after"] is None


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--history", "0"], 2, "'0' is not a number from 1 up"),
        (["--history", "many"], 2, "'many' is not a number from 1 up"),
        (["-O", "3"], 2, "-O"),
        (["--svg", "/nothing/there/x.svg"], 4, "can not write /nothing/there/x.svg"),
    ],
)
def test_mistakes_are_told(
    project: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    assert main(["cost", *words, str(project)]) == code
    assert said in capsys.readouterr().err


def test_optimize_tells_what_it_saves(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "Dockerfile").write_text("FROM scratch\nWORKDIR /app\nCOPY . .\nRUN npm ci\n")
    for name in ("package.json", "package-lock.json"):
        (project / name).write_text("{}\n")
    assert main(["optimize", "--explain", str(project)]) == 0
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("expected to save ")
    assert last.endswith(" s per rebuild with a classic cache (estimate)")
    assert main(["optimize", str(project)]) == 0
    assert "expected" not in capsys.readouterr().err
