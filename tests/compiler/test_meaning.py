"""corpus/meaning: texts that mean the same give one id, others do not. Each file holds Dockerfiles, parted by lines
``---``; one without FROM goes on from a base image.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from compiling import compile_text

from layerc.compiler.emit.plan_json import emit

MEANING = Path(__file__).parents[2] / "corpus" / "meaning"


def texts(path: Path) -> list[str]:
    """The Dockerfiles in a file."""
    parts = path.read_text().split("\n---\n")
    return [part if "FROM " in part else f"FROM busybox\n{part}" for part in parts]


def identity(text: str) -> str | None:
    return compile_text(text).images[0].layer


def files(folder: str) -> list[object]:
    return [pytest.param(path, id=path.stem) for path in sorted((MEANING / folder).iterdir())]


@pytest.mark.parametrize("path", files("same"))
def test_same(path: Path) -> None:
    first, *others = texts(path)
    assert others
    for other in others:
        assert identity(other) == identity(first), other


@pytest.mark.parametrize("path", files("different"))
def test_different(path: Path) -> None:
    seen: dict[str | None, str] = {}
    for text in texts(path):
        known = seen.setdefault(identity(text), text)
        assert known == text, f"{known}\nand\n{text}"
    assert len(seen) > 1


@pytest.mark.parametrize("path", files("same"))
def test_what_is_executed_and_told_is_the_text(path: Path) -> None:
    """The canonical form is for identities only: no plan holds it."""
    plans = [emit(compile_text(text)) for text in texts(path)]
    assert len({*plans}) == len(plans)
