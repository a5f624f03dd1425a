"""The style, case by case: corpus/format/NAME/input.Dockerfile and what is made of it, expected.Dockerfile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from formatting import check_laws

from layerc.grammar.source import SourceFile

CASES = sorted((Path(__file__).parents[2] / "corpus" / "format").iterdir())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path, golden: Callable[[Path, str], None]) -> None:
    source = SourceFile.from_bytes("Dockerfile", (case / "input.Dockerfile").read_bytes())
    golden(case / "expected.Dockerfile", check_laws(source.text))


def test_what_is_formatted_stays() -> None:
    case = next(case for case in CASES if case.name == "formatted")
    assert (case / "input.Dockerfile").read_bytes() == (case / "expected.Dockerfile").read_bytes()
