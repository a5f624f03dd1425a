"""Our parser and the official one, on the corpus and on generated files (tests/tools/agree.py)."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from multiprocessing.pool import Pool
from pathlib import Path

import agree
import pytest
from dockerfile_texts import dockerfiles
from hypothesis import HealthCheck, given, settings

CORPUS = Path(__file__).parent.parent.parent / "corpus"
FILES = sorted(path for path in CORPUS.rglob("Dockerfile") if path.is_file())

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@pytest.fixture(scope="module")
def worker() -> Iterator[Pool]:
    """The Go binding lives in a forked process: once it is loaded, a fork would hang."""
    with multiprocessing.get_context("fork").Pool(1, initializer=agree.silence) as pool:
        yield pool


def test_on_the_corpus(worker: Pool) -> None:
    verdicts = {path: worker.apply(agree.compare, (str(path), path.read_bytes())) for path in FILES}
    different = {
        str(path): verdict.detail for path, verdict in verdicts.items() if verdict.kind == "different"
    }
    assert not different
    rules = {rule for verdict in verdicts.values() for rule in verdict.rules}
    assert rules >= {
        "JSON with text behind it is shell form",
        "a heredoc's delimiter may stand behind blanks",
        "ONBUILD may hold heredocs",
        "check is a directive",
        agree.CUT,
    }


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=dockerfiles())
def test_on_generated_files(worker: Pool, text: str) -> None:
    verdict = worker.apply(agree.compare, ("generated", text.encode("utf-8", "surrogateescape")))
    assert verdict.kind != "different", verdict.detail


ROW = agree.Row("run", None, (), False, ("make",), (), 2, 2, "RUN make\n")


@pytest.mark.parametrize(
    "other",
    [
        agree.Row("run", None, (), True, ("make",), (), 2, 2, "RUN make\n"),
        agree.Row("run", None, ("--x",), False, ("make",), (), 2, 2, "RUN make\n"),
        agree.Row("run", None, (), False, ("make ",), (), 2, 2, "RUN make\n"),
        agree.Row("run", None, (), False, ("make",), (("E", ""),), 2, 2, "RUN make\n"),
        agree.Row("run", None, (), False, ("make",), (), 2, 3, "RUN make\n"),
    ],
)
def test_an_unexplained_difference_is_seen(other: agree.Row) -> None:
    assert other != ROW
    assert agree.explain("FROM a\nRUN make\n", [ROW], [other]) == ()


@pytest.mark.parametrize(
    ("row", "refused"),
    [
        (agree.Row("copy", None, ("--from=a",), False, ("a", "b"), (), 1, 1), False),
        (agree.Row("copy", None, ("--form=a",), False, ("a", "b"), (), 1, 1), True),
        (agree.Row("copy", None, (), False, ("a",), (), 1, 1), True),
        (agree.Row("shell", None, (), False, ("a",), (), 1, 1), True),
        (agree.Row("onbuild", "FROM", (), None, ("a",), (), 1, 1), True),
    ],
)
def test_the_front_end_is_stricter_than_the_parser(row: agree.Row, refused: bool) -> None:
    first = agree.Row("from", None, (), False, ("a",), (), 1, 1)
    assert (agree.front_end_refuses([first, row]) is not None) == refused
    assert agree.front_end_refuses([row]) is not None
