"""The cache rules against labelled Dockerfiles."""

from __future__ import annotations

from lint_labels import CACHE_RULES, Score, labelled, measure

ENOUGH = 0.95


def test_labels_are_about_rules_and_lines() -> None:
    cases = list(labelled())
    assert len({case.name for case in cases}) == len(cases) >= 150
    assert 2 * sum(not case.expect for case in cases) >= len(cases), "half of them have nothing to find"
    known = {rule.id for rule in CACHE_RULES}
    for case in cases:
        lines = case.text.count("\n")
        assert {rule for rule, _ in case.expect} <= known, case.name
        assert all(1 <= line <= lines for _, line in case.expect), case.name


def test_precision_and_recall() -> None:
    scores, slips = measure()
    whole = sum(scores.values(), start=Score())
    assert whole.precision >= ENOUGH, slips
    assert whole.recall >= ENOUGH, slips
    main = scores["LC101"]
    assert min(main.precision, main.recall) >= ENOUGH, slips
