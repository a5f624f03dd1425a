"""Edits that change nothing for a step: it does not run again, and the image says today's text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny import BASE, TinyProject

from layerc.compiler.options import CompileOptions
from layerc.runtime.engine.build import compile_only
from layerc.runtime.events import Notice
from layerc.runtime.store import Store

pytestmark = pytest.mark.root

TEXT = """\
FROM base
ARG REVISION=1
WORKDIR /app
COPY . /app
RUN cat requirements.txt > /installed
"""


@pytest.fixture
def project(tmp_path: Path) -> TinyProject:
    project = TinyProject(tmp_path)
    project.write("requirements.txt", "flask\n")
    project.write("src/main.py", "print()\n")
    project.write("Dockerfile", BASE + TEXT)
    return project


def history(project: TinyProject, text: str, **changes: object) -> list[str]:
    """What the history of the image of ``text`` says that its steps were."""
    layout = project.home.with_name("layout")
    result = project.build(text, outputs=(f"type=oci,tar=false,dest={layout}",), **changes)
    config = json.loads((layout / "blobs" / result.images[0].config_digest.replace(":", "/")).read_bytes())
    return [item["created_by"] for item in config["history"]]


def arguments(**given: str) -> dict[str, object]:
    return {"options": CompileOptions(build_args=given)}


# BuildKit runs the step again after each of them: docs/caching.md.
NEEDLESS: dict[str, Callable[[TinyProject], tuple[str, dict[str, object]]]] = {
    "an unrelated file": lambda project: (project.write("src/main.py", "print(2)\n"), (TEXT, {}))[1],
    "an argument that nothing uses": lambda project: (TEXT, arguments(REVISION="2")),
    "the mode of a file that is not read": lambda project: (
        (project.context / "src/main.py").chmod(0o755),
        (TEXT, {}),
    )[1],
    "white space": lambda project: (TEXT.replace("txt >", "txt  \\\n   >"), {}),
    "a comment in the Dockerfile, which is in the context": lambda project: (
        project.write("Dockerfile", f"{BASE}# Installs it.\n{TEXT}"),
        (f"# Installs it.\n{TEXT}", {}),
    )[1],
}


@pytest.mark.parametrize("edit", NEEDLESS)
def test_what_needs_no_run(project: TinyProject, edit: str) -> None:
    project.build(TEXT)
    assert [title for title in project.ran() if title.startswith("RUN cat")]
    text, changes = NEEDLESS[edit](project)
    result = project.build(text, **changes)
    assert [title for title in project.ran() if title.startswith("RUN")] == []
    assert project.read(result, "installed") == "flask\n"


def test_what_needs_one(project: TinyProject) -> None:
    project.build(TEXT)
    project.write("requirements.txt", "django\n")
    assert project.read(project.build(TEXT), "installed") == "django\n"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("RUN cp 'a'  /b", 'RUN "cp" a \\\n # copied\n /b # here'),
        ("COPY src /src", "COPY ./src/ //src"),
        ("ENV A=1\nENV B=2\nRUN env > /b", "ENV B 2\nENV A 1\nRUN env >/b"),
        ("RUN <<END\ncp a /b\nEND", "RUN <<X\n# the same\n\ncp  a  /b\nX"),
    ],
)
def test_a_hit_tells_todays_text(project: TinyProject, one: str, other: str) -> None:
    project.write("a", "1")
    head = "FROM base\nCOPY a .\n"
    before = history(project, f"{head}{one}\n")
    after = history(project, f"{head}{other}\n")
    assert project.ran() == []
    assert after != before
    project.home = project.home.with_name("fresh")
    assert history(project, f"{head}{other}\n") == after


def test_a_step_is_given_what_it_does_not_read(project: TinyProject) -> None:
    """A variable is left out of the identity, not of the environment."""
    text = "FROM base\nARG REVISION\nRUN mkdir /a\nRUN env > /b\n"
    project.build(text, **arguments(REVISION="one"))
    result = project.build(text, **arguments(REVISION="two"))
    assert project.ran() == ["RUN env > /b"]
    assert "REVISION=two" in project.read(result, "b")
    told = history(project, text, **arguments(REVISION="three"))
    assert any("REVISION=three" in line and "mkdir" in line for line in told)


def test_a_promise_about_an_argument(project: TinyProject) -> None:
    project.write("tool", "#!/bin/sh\necho made\n")
    (project.context / "tool").chmod(0o755)
    text = (
        "FROM base\nCOPY tool /tool\n# layerc: named-only\nARG REVISION\nRUN /tool\nRUN echo $REVISION > /b\n"
    )
    project.build(text, **arguments(REVISION="1"))
    project.build(text, **arguments(REVISION="2"))
    assert project.ran() == ["RUN echo 2 > /b"]
    plain = text.replace("# layerc: named-only\n", "")
    project.build(plain, **arguments(REVISION="3"))
    project.build(plain, **arguments(REVISION="4"))
    assert project.ran() == ["RUN /tool", "RUN echo 4 > /b"]


def test_comments_that_mean_nothing_are_told(project: TinyProject) -> None:
    project.build("# layerc: name-only\nFROM base\n# layerc: named-only\nRUN true\n")
    told = [(event.message, event.where) for event in project.events if isinstance(event, Notice)]
    assert told == [
        ("the comment `# layerc: name-only` is not known: did you mean named-only?", "Dockerfile:5"),
        ("the comment `# layerc: named-only` has an effect above ARG only", "Dockerfile:7"),
    ]


def test_a_plan_of_a_stranger_can_not_claim_that_a_variable_is_not_read(project: TinyProject) -> None:
    """A promise is part of the identity: it finds results of the same promise only."""
    text = "FROM base\nRUN env > /b\n"
    with Store.open(str(project.home)) as store:
        plan = compile_only(project.request(text), store, lambda _: None)
    *below, top = plan.layers
    run = top.operation._replace(env=(*top.operation.env, ("SECRET", "1")), named_only=("SECRET",))
    forged = type(top)(run, top.parent, top.inputs, top.provenance)
    image = plan.images[0]._replace(layer=forged.id)
    project.build(text, plan=plan._replace(layers=(*below, forged), images=(image,)))
    honest = project.build(text)
    assert "SECRET" not in project.read(honest, "b")
