"""docs/language.md keeps its word: what it names is there, and no case of the language is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "language.md"
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in PAGE.read_text().splitlines()
    if line.startswith("|") and not line.startswith(("| construct |", "|---"))
]
TARGETS = sorted(set(re.findall(r"\]\(([^)]+)\)", PAGE.read_text())))


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_linked_is_there(target: str) -> None:
    path, _, anchor = target.partition("#")
    assert (PAGE.parent / path).exists()
    assert not anchor or anchor in anchors(PAGE.parent / path)


@pytest.mark.parametrize("folder", ["builds", "platforms"])
def test_every_build_is_linked(folder: str) -> None:
    cases = {f"../corpus/{folder}/{path.parent.name}" for path in ROOT.glob(f"corpus/{folder}/*/case.toml")}
    assert cases
    missing = sorted(cases - set(TARGETS))
    assert not missing, f"docs/language.md does not name {', '.join(missing)}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_says_all(row: list[str]) -> None:
    construct, supported, tests, difference = row
    assert construct
    assert supported
    assert "](../" in tests
    assert difference


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
