"""The cache rules against labelled Dockerfiles."""

from __future__ import annotations

import pytest
from lint_cases import surroundings
from lint_labels import CACHE_RULES, Score, labelled, measure

from layerc.compiler.lint import Choice, Surroundings, lint
from layerc.compiler.lint.fixes import fix
from layerc.compiler.optimize.facts import Commit
from layerc.grammar.source import SourceFile

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


DOCKERFILE = """\
FROM scratch
WORKDIR /app
# all of it
COPY . .
RUN ["npm", "ci"]
"""
FILES = {"package.json": b'{"name":"a"}', "package-lock.json": b'{"lockfileVersion":3}', "src/main.js": b"1"}


def known(commits: tuple[Commit, ...] = ()) -> Surroundings:
    around = surroundings(None, FILES)
    return around._replace(facts=around.facts._replace(commits=commits))


def test_the_order_is_mended_by_the_optimisers_pass() -> None:
    fixed = fix(SourceFile("Dockerfile", DOCKERFILE), known(), Choice(select=("LC101",)))
    assert fixed.source.text == DOCKERFILE.replace(
        "# all of it\nCOPY . .\nRUN", "COPY package.json package-lock.json ./\nRUN"
    ).replace('"ci"]\n', '"ci"]\n# all of it\nCOPY . .\n')
    assert fixed.report.found == ()
    unknown_base = SourceFile("Dockerfile", DOCKERFILE.replace("scratch", "node:22"))
    assert fix(unknown_base, known(), Choice(select=("LC101",))).applied == (), "its links are not known"
    assert len(fix(unknown_base, known(), Choice(select=("LC101",)), unsafe=True).applied) == 1


def test_findings_tell_what_breaks_the_cache_and_what_it_costs() -> None:
    commits = tuple(Commit(str(n), n, ("src/main.js",) if n else ("package.json",)) for n in range(4))
    (found,) = lint(SourceFile("Dockerfile", DOCKERFILE), known(commits), Choice(select=("LC101",))).found
    assert "src/main.js (3 of 4 commits)" in found.finding.help
    estimate = found.finding.estimate
    assert estimate is not None
    assert estimate.source == "history"
    assert estimate.share == pytest.approx(3 / 4)
    assert estimate.seconds is not None
    assert estimate.seconds > 1
    (found,) = lint(SourceFile("Dockerfile", DOCKERFILE), None, Choice(select=("LC101",))).found
    assert found.finding.estimate is not None
    assert found.finding.estimate.source == "estimate"


@pytest.mark.parametrize(
    ("rule", "steps", "mended"),
    [
        (
            "LC102",
            "COPY . .\nRUN apt-get update && apt-get install -y curl\n",
            "RUN apt-get update && apt-get install -y curl\nCOPY . .\n",
        ),
        (
            "LC104",
            "RUN apt-get update\nRUN apt-get install -y curl\n",
            "RUN apt-get update \\\n    && apt-get install -y curl\n",
        ),
        (
            "LC109",
            "RUN apt-get update && apt-get install -y curl\nRUN rm -rf /var/lib/apt/lists/*\n",
            "RUN apt-get update && apt-get install -y curl \\\n    && rm -rf /var/lib/apt/lists/*\n",
        ),
        (
            "LC111",
            "COPY package.json package-lock.json ./\nRUN npm ci\n",
            "COPY package.json package-lock.json ./\nRUN --mount=type=cache,target=/root/.npm npm ci\n",
        ),
    ],
)
def test_other_fixes_go_through_passes_too(rule: str, steps: str, mended: str) -> None:
    head = "FROM debian:bookworm\nWORKDIR /app\n"
    fixed = fix(SourceFile("Dockerfile", head + steps), known(), Choice(select=(rule,)), unsafe=True)
    assert fixed.source.text == head + mended
    assert fixed.report.found == ()
