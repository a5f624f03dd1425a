"""Every rule: its entry in the tuple, its page, the examples on it, its cases."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path

import pytest
from lint_cases import CORPUS, case_surroundings, cases, found_in, rule_of, shown, surroundings

from layerc.compiler.lint import Rule, Surroundings, rules
from layerc.compiler.lint.pages import Example, read_page
from layerc.compiler.lint.rules import RULES

IDS = [rule.id for rule in RULES]


def test_the_tuple_lists_the_folder() -> None:
    names = [name for _, name, package in pkgutil.iter_modules(rules.__path__) if not package]
    found = {vars(importlib.import_module(f"{rules.__name__}.{name}")).get("RULE") for name in names}
    assert {rule.id for rule in found - {None}} == set(IDS)


def test_names_are_unique() -> None:
    words = [name.lower() for rule in RULES for name in {rule.id, rule.name, *rule.equivalents}]
    assert sorted(words) == sorted(set(words))


def test_cases_belong_to_rules() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} <= set(IDS)


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_page(rule: Rule) -> None:
    page = read_page(rule)
    for example in page.bad:
        assert found_in(rule, example.dockerfile, around(example)), f"nothing found in:\n{example.dockerfile}"
    for example in page.good:
        found = found_in(rule, example.dockerfile, around(example))
        assert not found, f"{[shown(each) for each in found]} in:\n{example.dockerfile}"
    fixable = any(
        each.finding.fixes
        for example in page.bad
        for each in found_in(rule, example.dockerfile, around(example))
    )
    assert fixable <= rule.fixable


def around(example: Example) -> Surroundings:
    ignore, files = example.around.get("dockerignore"), example.around.get("files")
    return surroundings(
        None if ignore is None else ignore.encode(),
        None if files is None else dict.fromkeys(files.splitlines(), b""),
        example.around.get("toml", ""),
        example.around.get("images", ""),
    )


@pytest.mark.parametrize(
    ("name", "case"), [pytest.param(*each, id=f"{each[0]}-{each[1].name}") for each in cases()]
)
def test_case(name: str, case: Path, golden: Callable[[Path, str], None]) -> None:
    rule = rule_of(name)
    found = found_in(rule, (case / "Dockerfile").read_bytes(), case_surroundings(case))
    golden(case / "expected.txt", "".join(f"{shown(each)}\n" for each in found))
