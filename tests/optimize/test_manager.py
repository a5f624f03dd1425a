"""The manager: what a pass that goes wrong comes to, and what is told to passes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from optimizing import optimize_text

from layerc.compiler.effects.paths import Reads
from layerc.compiler.optimize import passes
from layerc.compiler.optimize.draft import Draft
from layerc.compiler.optimize.facts import NO_FACTS, Facts, Observation
from layerc.compiler.optimize.manager import Result, optimize
from layerc.compiler.optimize.passes import PASSES, Pass
from layerc.compiler.optimize.rewrite import Change, Rewrite
from layerc.compiler.options import CompileOptions
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile

TEXT = """\
# escape=\\
ARG FILE=x
FROM scratch AS files
ARG LATER=1
ENV A=$LATER B=2
COPY $FILE /
FROM scratch AS other
COPY y /
LABEL l=1
FROM files
COPY --from=other /y /z
CMD ["/x"]
"""


def run(text: str, edit: Callable[[Draft], Draft], level: int = 1, **fields: bool | str) -> Result:
    """What comes of a pass that makes ``edit``."""
    item = Pass(
        "made-up", "", 1, lambda draft, facts: Rewrite(edit(draft), (Change("edited", "why"),)), **fields
    )  # type: ignore[arg-type]
    document = parse(SourceFile("Dockerfile", text))
    return optimize(document, CompileOptions(), {}, NO_FACTS, level, passes=(item,))


def replaced(old: str, new: str) -> Callable[[Draft], Draft]:
    def edit(draft: Draft) -> Draft:
        found = [step for step in draft.every if step.text.strip() == old]
        return draft.replace(found[0], draft.step(new, like=found[0])) if found else draft

    return edit


def without(begin: str) -> Callable[[Draft], Draft]:
    def edit(draft: Draft) -> Draft:
        found = [step for step in draft.every if step.text.startswith(begin)]
        return draft.delete(found[0]) if found else draft

    return edit


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (replaced('CMD ["/x"]', 'CMD ["/y"]'), "the image linux/amd64 has another cmd"),
        (replaced("ENV A=$LATER B=2", "ENV A=1 B=2"), "has another env for other build arguments"),
        (replaced("LABEL l=1", "LABEL l=2"), "the stage other ends with another config"),
        (replaced("COPY --from=other /y /z", "COPY --from=nowhere /y /z"), "it needs further images"),
        (
            replaced("COPY --from=other /y /z", "COPY --from=7 /y /z"),
            "what it gave is not valid: invalid stage",
        ),
        (replaced("COPY y /", "COPY $UNSET /"), "there is a new warning"),
        (lambda draft: draft.delete_stage(draft.stages[2]), "the stage to build is gone"),
        (lambda draft: draft.delete_stage(draft.stages[1]), "it needs further images"),
        (lambda draft: draft._replace(top=""), "the directives at the top changed"),
        (lambda draft: 1 / 0, "it ended with ZeroDivisionError"),
    ],
)
def test_what_a_pass_breaks_is_dropped_and_told(edit: Callable[[Draft], Draft], problem: str) -> None:
    result = run(TEXT, edit)
    assert problem in result.problems[0].what
    assert result.problems[0].of == "made-up"
    assert result.draft.text == TEXT
    assert not result.changes


def test_passes_that_keep_layers_are_held_to_it() -> None:
    edit = replaced("COPY y /", "COPY w /")
    assert not run(TEXT, edit).problems
    assert "has other layers" in run(TEXT, edit, same_layers=True).problems[0].what


@pytest.mark.parametrize(("drops", "gone"), [("none", False), ("unnamed", False), ("any", True)])
def test_stages_go_only_where_the_pass_may_remove_them(drops: str, gone: bool) -> None:
    def edit(draft: Draft) -> Draft:
        return draft.delete_stage(draft.stages[0]) if len(draft.stages) == 2 else draft

    result = run("FROM scratch AS unused\nCOPY a /\nFROM scratch\nCOPY b /\n", edit, drops_stages=drops)
    assert bool(result.changes) == gone
    assert bool(result.problems) != gone


def test_passes_that_undo_each_other_come_to_an_end() -> None:
    def edit(draft: Draft) -> Draft:
        copies = draft.stages[0].steps
        return draft.move(copies[1], before=copies[0])

    result = run("FROM scratch\nCOPY a /\nCOPY b /\n", edit)
    assert "without end" in result.problems[0].what


def test_the_target_is_followed_by_its_number() -> None:
    text = "FROM scratch\nCOPY unused /\nFROM scratch\nCOPY a /\nFROM scratch\nCOPY b /\n"
    document = parse(SourceFile("Dockerfile", text))
    result = optimize(document, CompileOptions(target="1"), {}, NO_FACTS)
    assert result.draft.text == "FROM scratch\nCOPY a /\nFROM scratch\nCOPY b /\n"
    assert result.plan == result.original
    assert not result.problems


def test_what_was_observed_goes_along_with_a_step() -> None:
    seen: list[Reads | None] = []

    def reverse(draft: Draft, facts: Facts) -> Rewrite:
        first, second = draft.stages[0].steps
        seen.extend(facts.observed[step.layers[0].id].reads for step in (first, second))
        return Rewrite(draft.move(second, before=first) if first.text == "RUN a\n" else draft)

    document = parse(SourceFile("Dockerfile", "FROM scratch\nRUN a\nRUN b\n"))
    plan = optimize(document, CompileOptions(), {}, NO_FACTS, 0).plan
    reads = [Reads(names=frozenset({name})) for name in ("/a", "/b")]
    facts = Facts(
        observed={layer.id: Observation(each) for layer, each in zip(plan.layers, reads, strict=True)}
    )
    optimize(document, CompileOptions(), {}, facts, passes=(Pass("reverse", "", 1, reverse),))
    assert seen == [*reads, *reversed(reads)]


def test_several_platforms_are_all_looked_at() -> None:
    text = "FROM scratch\nARG TARGETARCH\nENV A=amd64\nENV A=$TARGETARCH\nENV B=1\nENV B=1\n"
    result = optimize_text(
        SourceFile("Dockerfile", text), {"options": {"platforms": ("linux/amd64", "linux/arm64")}}
    )
    assert result.draft.text == text.replace("ENV B=1\nENV B=1\n", "ENV B=1\n")
    assert len(result.draft.stages[0].ends) == 2


def test_names_of_passes_are_told_apart_and_described() -> None:
    assert len({item.name for item in PASSES}) == len(PASSES)
    assert all(item.summary and item.level in (1, 2) for item in PASSES)
    page = (Path(__file__).parents[2] / "docs" / "optimizing.md").read_text()
    for item in PASSES:
        assert f"| `{item.name}` | {item.level} |" in page, f"{item.name} is not in docs/optimizing.md"


def test_every_file_of_the_folder_is_in_the_sequence() -> None:
    folder = Path(passes.__file__).parent
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == {
        item.run.__module__.rpartition(".")[2] for item in PASSES
    }
