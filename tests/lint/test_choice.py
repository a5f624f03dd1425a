"""Which rules run, what comments ignore, and how severe findings are."""

from __future__ import annotations

import pytest

from layerc.compiler.lint import Choice, Severity, lint
from layerc.compiler.lint.choosing import UnknownRuleError, find_rules
from layerc.compiler.lint.rules import RULES
from layerc.grammar.source import SourceFile


def codes(text: str, choice: Choice | None = None) -> list[str]:
    report = lint(SourceFile("Dockerfile", text), choice=choice)
    return [f"{found.where.line} {found.code}" for found in report.found]


TWO = "FROM alpine:3.20 AS Base\nCMD run $X && go\n"


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (Choice(), ["1 StageNameCasing", "2 JSONArgsRecommended"]),
        (Choice(select=("StageNameCasing",)), ["1 StageNameCasing"]),
        (Choice(select=("stage-name-casing",)), ["1 StageNameCasing"]),
        (Choice(select=("DL3025",)), ["2 JSONArgsRecommended"]),
        (Choice(select=("style",)), ["1 StageNameCasing"]),
        (Choice(select=("all",), ignore=("style", "DL3057")), ["2 JSONArgsRecommended"]),
        (Choice(ignore=("dl3025", "LC0")), ["1 StageNameCasing"]),
        (
            Choice(ignore=("style",), extend=("StageNameCasing",)),
            ["1 StageNameCasing", "2 JSONArgsRecommended"],
        ),
        (Choice(select=("StageNameCasing",), ignore=("StageNameCasing",)), []),
    ],
)
def test_words(choice: Choice, expected: list[str]) -> None:
    assert codes(TWO, choice) == expected


def test_an_equivalent_may_mean_some_findings_of_a_rule() -> None:
    text = 'FROM alpine:3.20\nCMD ["a"]\nCMD ["b"]\nENTRYPOINT ["a"]\nENTRYPOINT ["b"]\n'
    rule = "MultipleInstructionsDisallowed"
    assert codes(text) == [f"2 {rule}", f"4 {rule}"]
    assert codes(text, Choice(ignore=("DL4003",))) == [f"4 {rule}"]
    assert codes(text, Choice(select=("DL4003",))) == [f"2 {rule}"]
    assert codes(f"# hadolint global ignore=DL4004\n{text}") == [f"3 {rule}"]
    levels = lint(SourceFile("D", text), choice=Choice(severity={"DL4004": Severity.ERROR})).found
    assert [found.severity for found in levels] == [Severity.WARNING, Severity.ERROR]


def test_unknown_words_are_errors_with_a_suggestion() -> None:
    with pytest.raises(UnknownRuleError) as caught:
        codes(TWO, Choice(ignore=("StageNameCasin",)))
    assert caught.value.meant == "StageNameCasing"
    with pytest.raises(UnknownRuleError):
        codes(TWO, Choice(severity={"DL9999": Severity.INFO}))
    # Known to hadolint or to ShellCheck, whether we have them or not.
    assert codes(TWO, Choice(ignore=("DL3001", "SC2086", "DL1001", "DL3025"))) == ["1 StageNameCasing"]


def test_words_find_rules() -> None:
    assert [rule.id for rule in find_rules(RULES, "DL4000")] == ["MaintainerDeprecated"]
    assert {rule.id for rule in find_rules(RULES, "LC00")} == {"LC001", "LC002", "LC003"}


@pytest.mark.parametrize(
    "comment",
    [
        "# layerc ignore=StageNameCasing",
        "# layerc ignore=JSONArgsRecommended, stage-name-casing  others look for it",
        "# layerc ignore=all",
        "# hadolint ignore=DL3006,StageNameCasing # because",
        "#check=skip=StageNameCasing",
        "# check=skip=all",
        "# layerc global ignore=StageNameCasing",
        "# layerc stage ignore=StageNameCasing",
        "# layerc ignore=StageNameCasing\n# what the stage is for\n",
    ],
)
def test_comments_ignore(comment: str) -> None:
    text = f"# a comment\n\n{comment}\nFROM alpine:3.20 AS Base\nFROM alpine:3.20 AS Other\n"
    line = text.count("\n")
    expected = [] if "global" in comment else [f"{line} StageNameCasing"]
    assert codes(text, Choice(select=("StageNameCasing",))) == expected
    everything = lint(SourceFile("D", text), choice=Choice(select=("StageNameCasing",), pragmas=False))
    assert len(everything.found) == 2
    assert not everything.ignored


@pytest.mark.parametrize(
    "comment", ["# layerc ignore=DL3006", "# layerc: ignore=StageNameCasing", "# hadolint ignore=all"]
)
def test_other_comments_do_not(comment: str) -> None:
    text = f"# a comment\n{comment}\nFROM alpine:3.20 AS Base\n"
    assert codes(text, Choice(select=("StageNameCasing",))) == ["3 StageNameCasing"]


def test_the_directive_skips_for_the_whole_file() -> None:
    assert codes(f"# check=skip=StageNameCasing;error=true\n{TWO}") == ["3 JSONArgsRecommended"]
    assert codes(f"# check=skip=all\n{TWO}") == []


def test_an_experimental_check_is_asked_for() -> None:
    text = "\n# what\nARG VERSION=1\nFROM alpine:$VERSION\n"
    assert codes(text) == []
    assert codes(f"# check=experimental=all{text}") == ["3 InvalidDefinitionDescription"]
    assert codes(text, Choice(extend=("InvalidDefinitionDescription",))) == ["3 InvalidDefinitionDescription"]


def test_a_text_that_is_no_dockerfile() -> None:
    (found,) = lint(SourceFile("D", "FROM alpine\nRUNN x\n")).found
    assert (found.code, found.where.line, found.where.column) == ("LC001", 2, 1)
    assert not lint(SourceFile("D", "RUNN x\n"), choice=Choice(select=("style",))).found


def test_rules_of_the_tree_run_where_the_file_has_no_meaning() -> None:
    text = "FROM alpine:3.20 AS Base\nCOPY --from=$X a /b\n"
    assert codes(text) == ["1 StageNameCasing", "2 LC002"]
