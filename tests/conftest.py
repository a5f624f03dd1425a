"""Options and paths that all tests share."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "tools"))

pytest_plugins = ["machine"]

CORPUS = Path(__file__).parent.parent / "corpus"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bless", action="store_true", help="rewrite the expected files of golden tests")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """``golden(path, text)`` asserts that ``text`` is what the file holds; ``--bless`` writes it instead.

    Bytes that are not UTF-8 are written as lone surrogates were read.
    """

    def check(path: Path, text: str) -> None:
        if request.config.getoption("--bless"):
            path.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")
            return
        expected = path.read_bytes().decode("utf-8", "surrogateescape") if path.exists() else ""
        if text != expected:
            lines = difflib.ndiff(expected.splitlines(), text.splitlines())
            pytest.fail(f"{path} differs (--bless accepts it):\n" + "\n".join(lines), pytrace=False)

    return check
