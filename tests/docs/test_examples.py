"""Examples in the documentation are run, and must print what the documentation shows.

A ``console`` block below the comment ``<!-- run in DIRECTORY -->`` (or ``<!-- run as root in DIRECTORY -->``)
is executed there, line by line; ``…`` in the shown output stands for anything on that line, a line that is
only ``…`` for any lines. It is a copy of the directory, shared by the page's examples; ``$BASES`` is where
``scripts/base-images`` puts base images.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"<!-- run (as root )?in (\S+) -->\n+```console\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Example:
    page: str
    directory: str
    command: str
    shown: str

    def __str__(self) -> str:
        return f"{self.page}: {self.command[:60]}"


def examples(*, as_root: bool) -> list[Example]:
    return list(_examples(as_root))


def _examples(as_root: bool) -> Iterator[Example]:
    for page in PAGES:
        for root, directory, body in BLOCK.findall(page.read_text()):
            if bool(root) != as_root:
                continue
            for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
                command, _, shown = part.partition("\n")
                yield Example(page.name, directory, command, shown)


def pattern_of(shown: str) -> re.Pattern[str]:
    lines = [
        r"(?:.*\n)*?" if line == "…" else ".*?".join(re.escape(piece) for piece in line.split("…")) + r"\n"
        for line in shown.rstrip("\n").split("\n")
    ]
    return re.compile("".join(lines) if shown.strip() else "")


def check(example: Example, scratch: Path) -> None:
    directory = scratch / example.page / example.directory
    if not directory.exists():
        shutil.copytree(ROOT / example.directory, directory, symlinks=True)
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LAYERC_HOME": str(scratch / "store"),
        "BASES": str(ROOT / ".cache" / "bases"),
        "NO_COLOR": "1",
        "COLUMNS": "100",
    }
    done = subprocess.run(
        ["bash", "-c", example.command],
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert pattern_of(example.shown).fullmatch(done.stdout), f"{example}\nprints:\n{done.stdout}"


@pytest.mark.parametrize("example", examples(as_root=False), ids=str)
def test_an_example_prints_what_is_shown(example: Example, tmp_path: Path) -> None:
    check(example, tmp_path)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("examples")


@pytest.mark.root
@pytest.mark.parametrize("example", examples(as_root=True), ids=str)
def test_a_build_prints_what_is_shown(example: Example, scratch: Path) -> None:
    check(example, scratch)


def test_there_are_examples() -> None:
    assert any(example.page == "README.md" for example in examples(as_root=True))
    assert any(example.page == "architecture.md" for example in examples(as_root=False))
