"""Trees and errors, as files: corpus/cases/*/tree.txt and corpus/negative/parse/*/error.txt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from layerc.grammar.errors import DockerfileError
from layerc.grammar.parse import parse
from layerc.grammar.show import render_tree
from layerc.grammar.source import SourceFile
from layerc.grammar.unparse import unparse

CORPUS = Path(__file__).parent.parent.parent / "corpus"
CASES = sorted((CORPUS / "cases").glob("syntax-*"))
NEGATIVE = sorted((CORPUS / "negative" / "parse").iterdir())


def is_refused(path: Path) -> bool:
    """Whether the case is about a Dockerfile that is refused, by the parser or later."""
    case = path.parent / "case.toml"
    return "negative" in path.parts or (case.is_file() and "\nrefused = " in case.read_text(encoding="utf-8"))


DOCKERFILES = sorted(
    path
    for path in CORPUS.rglob("*Dockerfile*")
    if path.is_file() and path.suffix != ".dockerignore" and not is_refused(path)
)

Golden = Callable[[Path, str], None]


def read(path: Path) -> SourceFile:
    return SourceFile.from_bytes("Dockerfile", path.read_bytes())


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_tree(case: Path, golden: Golden) -> None:
    golden(case / "tree.txt", render_tree(parse(read(case / "Dockerfile"))))


@pytest.mark.parametrize("case", NEGATIVE, ids=lambda path: path.name)
def test_error(case: Path, golden: Golden) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse(read(case / "Dockerfile"))
    error = caught.value
    assert error.where is not None
    assert error.help
    where = error.where
    marks = " " * (where.column - 1) + "^" * max(where.end_column - where.column, 1)
    text = f"{where}: {error.message}\n  {where.text!r}\n   {marks}\nhelp: {error.help}\n"
    golden(case / "error.txt", text)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: str(path.relative_to(CORPUS)))
def test_unparse_is_the_identity(path: Path) -> None:
    source = read(path)
    document = parse(source)
    assert unparse(document) == source.text
    assert source.to_bytes() == path.read_bytes()
    position = 0
    for item in document.items:
        assert (item.span.start, source.text[position : item.span.end]) == (position, item.text)
        position = item.span.end


def test_every_case_has_its_expected_file() -> None:
    assert len(CASES) > 25
    assert len(NEGATIVE) > 50
