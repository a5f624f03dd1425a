"""Fixes: edits that leave all other bytes alone, tried before they are kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lint_cases import CORPUS, case_surroundings, cases, rule_of

from layerc.compiler.checks import RULES as CHECKS
from layerc.compiler.lint import Category, Choice, Edit, Finding, Fix, Rule, Severity, Subject
from layerc.compiler.lint.evaluation import Evaluation
from layerc.compiler.lint.fixes import fix
from layerc.compiler.lint.pages import read_page
from layerc.compiler.lint.rules import RULES
from layerc.grammar.errors import DockerfileError
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile, Span

FIXABLE = [rule for rule in RULES if rule.fixable]


def mended(text: str, *, unsafe: bool = False, rules: tuple[Rule, ...] | None = None) -> str:
    return fix(SourceFile("Dockerfile", text), rules=rules, unsafe=unsafe).source.text


def test_many_fixes_at_once_and_nothing_else() -> None:
    text = 'from alpine:3.20 as Build\r\nENV  A b\tc \nEXPOSE 80/TCP  90/UDP\nCMD [ "x" ]\nRUN a &&\\\n\n  # why\n b\nCMD y'
    assert mended(text) == (
        'FROM alpine:3.20 AS build\r\nENV  A="b\tc" \nEXPOSE 80/tcp  90/udp\nRUN a &&\\\n  # why\n b\nCMD y'
    )


def test_unsafe_ones_need_to_be_asked_for() -> None:
    text = "FROM alpine:3.20\nMAINTAINER me\nCMD go -x\n"
    assert mended(text) == text
    label = 'LABEL org.opencontainers.image.authors="me"'
    assert mended(text, unsafe=True) == f'FROM alpine:3.20\n{label}\nCMD ["go", "-x"]\n'


def test_bytes_that_are_no_text_survive() -> None:
    data = b"FROM alpine:3.20 AS Base\nLABEL a=\xff\xfe\n"
    assert fix(SourceFile.from_bytes("D", data)).source.to_bytes() == data.replace(b"Base", b"base")


def test_a_second_run_changes_nothing() -> None:
    for rule in FIXABLE:
        for example in read_page(rule).bad:
            once = mended(example.dockerfile, unsafe=True)
            assert mended(once, unsafe=True) == once, rule.id


def meaning(evaluation: Evaluation) -> list[tuple[object, object]]:
    results = (node.result for node in evaluation.nodes)
    return [(result.layer, result.image) for result in results if result is not None]


def test_safe_fixes_of_dockers_checks_keep_the_meaning() -> None:
    """Not even an id of a layer changes, in any file of the corpus."""
    choice = Choice(select=tuple(check.name for check in CHECKS))
    mended = 0
    for path in sorted(CORPUS.parent.glob("*/**/Dockerfile")):
        before = SourceFile.from_bytes("Dockerfile", path.read_bytes())
        try:
            wanted = meaning(Subject(parse(before)).evaluation)
        except DockerfileError:
            continue
        after = fix(before, choice=choice)
        mended += bool(after.applied)
        if after.applied:
            assert meaning(Subject(parse(after.source)).evaluation) == wanted, path
    assert mended > 50


@pytest.mark.parametrize(
    ("name", "case"),
    [
        pytest.param(name, case, id=f"{name}-{case.name}")
        for name, case in cases()
        if (case / "fixed.Dockerfile").exists()
    ],
)
def test_case(name: str, case: Path) -> None:
    rule = rule_of(name)
    source = SourceFile.from_bytes("Dockerfile", (case / "Dockerfile").read_bytes())
    fixed = fix(source, case_surroundings(case), Choice(select=(rule.id,)), unsafe=True)
    assert fixed.source.to_bytes() == (case / "fixed.Dockerfile").read_bytes()


# --- fixes that may not be kept ----------------------------------------------------------------------


def rule(check, identity: str = "LC999") -> Rule:
    return Rule(identity, identity.lower(), Severity.INFO, Category.STYLE, "0", check, None, fixable=True)


def offering(*fixes: Fix) -> Rule:
    def check(subject: Subject) -> Iterator[Finding]:
        for each in fixes:
            if subject.source.text.startswith("FROM"):
                yield Finding(each.edits[0].span, "wrong", fixes=(each,))

    return rule(check)


def test_a_fix_that_breaks_the_file_is_taken_back() -> None:
    text = "FROM alpine:3.20\nRUN a\n"
    fixes = (
        Fix.replace("break it", Span(0, 4), "FORM", safe=True),
        Fix.replace("b", Span(21, 22), "b", safe=True),
    )
    rules = (*RULES, offering(*fixes))
    result = fix(SourceFile("D", text), rules=rules)
    assert result.source.text == "FROM alpine:3.20\nRUN b\n"
    assert [(each.fix.title, "could not be built" in each.reason) for each in result.refused] == [
        ("break it", True)
    ]


def test_a_fix_that_makes_another_finding_is_taken_back() -> None:
    result = fix(
        SourceFile("D", "FROM alpine:3.20 AS x\n"),
        rules=(*RULES, offering(Fix.replace("shout", Span(20, 21), "X", safe=True))),
    )
    assert result.source.text == "FROM alpine:3.20 AS x\n"
    assert "StageNameCasing would be found" in result.refused[0].reason


def test_fixes_that_overlap_are_made_one_after_the_other() -> None:
    first = Fix("a", (Edit(Span(17, 20), "run"),), safe=True)
    second = Fix("b", (Edit(Span(19, 22), "xxx"),), safe=True)
    result = fix(SourceFile("D", "FROM alpine:3.20\nRUN a\n"), rules=(offering(first, second),))
    assert result.source.text == "FROM alpine:3.20\nruxxx\n"
    unsound = Fix("c", (Edit(Span(17, 20), "x"), Edit(Span(18, 21), "y")), safe=True)
    kept = fix(SourceFile("D", "FROM alpine:3.20\nRUN a\n"), rules=(offering(unsound),))
    assert kept.source.text == "FROM alpine:3.20\nRUN a\n"


def test_fixes_that_undo_each_other_end() -> None:
    def check(subject: Subject) -> Iterator[Finding]:
        text = subject.source.text
        yield Finding(
            Span(0, 4), "x", fixes=(Fix.replace("swap", Span(0, 4), text[:4].swapcase(), safe=True),)
        )

    assert mended("FROM a:1\n", rules=(rule(check),)).lower() == "from a:1\n"
