"""The labelled Dockerfiles of ``corpus/lint-cache``, and how well rules find what the labels say."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lint_cases import surroundings

from layerc.compiler.lint import Choice, lint
from layerc.compiler.lint.rules import RULES
from layerc.grammar.source import SourceFile

LABELS = Path(__file__).parents[2] / "corpus" / "lint-cache"
#: The rules that are measured.
CACHE_RULES = tuple(rule for rule in RULES if rule.id.startswith("LC1") and rule.default)

Place = tuple[str, int]


class Labelled(NamedTuple):
    """``expect`` are rule and line."""

    name: str
    text: str
    expect: frozenset[Place]
    files: tuple[str, ...] | None
    dockerignore: str | None

    def found(self) -> frozenset[Place]:
        around = surroundings(
            None if self.dockerignore is None else self.dockerignore.encode(),
            None if self.files is None else dict.fromkeys(self.files, b"x"),
        )
        report = lint(SourceFile("Dockerfile", self.text), around, Choice(pragmas=False), CACHE_RULES)
        return frozenset((each.code, each.where.line) for each in report.found)


class Score(NamedTuple):
    """How many findings are ``right``, ``wrong``, or ``missed``."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def __add__(self, other: object) -> Score:
        assert isinstance(other, Score)
        return Score(self.right + other.right, self.wrong + other.wrong, self.missed + other.missed)

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0


def labelled() -> Iterator[Labelled]:
    for file in sorted(LABELS.glob("*.toml")):
        for case in tomllib.loads(file.read_text())["case"]:
            places = (word.partition(":")[::2] for word in case["expect"].split())
            files = case.get("files")
            yield Labelled(
                f"{file.stem}/{case['name']}",
                case["dockerfile"],
                frozenset((rule, int(line)) for rule, line in places),
                None if files is None else tuple(files),
                case.get("dockerignore"),
            )


def measure() -> tuple[dict[str, Score], list[str]]:
    """The score of each rule, and a line for each slip."""
    scores: dict[str, Score] = defaultdict(Score)
    slips: list[str] = []
    for case in labelled():
        found = case.found()
        for rule, line in sorted(found | case.expect):
            right = (rule, line) in found and (rule, line) in case.expect
            wrong = (rule, line) not in case.expect
            scores[rule] += Score(int(right), int(wrong), int(not right and not wrong))
            if not right:
                slips.append(f"{case.name}: {'wrong' if wrong else 'missed'}: {rule} in line {line}")
    return dict(sorted(scores.items())), slips
