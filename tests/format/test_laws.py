"""Laws of the formatter, for every text and over the corpus."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

from dockerfile_texts import dockerfiles
from formatting import check_laws, formatted
from hypothesis import given, settings
from hypothesis import strategies as st

from layerc.grammar.errors import DockerfileError
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile

CORPUS = Path(__file__).parents[2] / "corpus"


@settings(max_examples=200, deadline=None)
@given(dockerfiles())
def test_any_text(text: str) -> None:
    try:
        parse(SourceFile("Dockerfile", text))
    except DockerfileError:
        return
    check_laws(text)


# Scripts on several lines: what is quoted, glued to the next line, a comment, a substitution, and what shells of
# other kinds or an unknown syntax make of it.
PIECES = [
    *("a", "b  c", "&&", "||", ";", "|", "'q  ", "'", '"q', ' "', "$(x", ")", "`", "#c", "if a; then", "fi"),
    *(
        "\\ ",
        "$x",
        "${x:-",
        "}",
        "=",
        "x=",
        ">",
        "2>&1",
        "{ a;",
        "[[ a ]]",
        "case x in",
        "--mount=type=cache,",
    ),
]
JOINTS = ["\\\n", " \\\n", "  \\  \n  ", "\\\n\t", "\\\n\n    ", "\\\n  # c  \\\n ", "\\\r\n    ", " "]


@st.composite
def scripts(draw: st.DrawFn) -> str:
    shell = draw(st.sampled_from(["", "", "", 'SHELL ["bash", "-c"]\n', 'SHELL ["pwsh"]\n', "ENV PS4=x\n"]))
    keyword = draw(
        st.sampled_from(["RUN ", "run  ", "CMD ", "ENV x=", "LABEL a=b ", "HEALTHCHECK cmd ", "ONBUILD RUN "])
    )
    pieces = st.sampled_from(PIECES)
    text = draw(pieces)
    for joint in draw(st.lists(st.sampled_from(JOINTS), min_size=1, max_size=6)):
        text += joint + draw(pieces)
    return f"FROM a\n{shell}{keyword}{text}\n"


@settings(max_examples=250, deadline=None)
@given(scripts())
def test_any_script(text: str) -> None:
    try:
        parse(SourceFile("Dockerfile", text))
    except DockerfileError:
        return
    check_laws(text)


def test_the_whole_corpus() -> None:
    """Also that it is no empty promise: most files change."""
    counted: Counter[bool] = Counter()
    for path in sorted(CORPUS.rglob("*Dockerfile")):
        text = SourceFile.from_bytes("Dockerfile", path.read_bytes()).text
        try:
            parse(SourceFile("Dockerfile", text))
        except DockerfileError:
            continue
        counted[check_laws(text) != text] += 1
    assert counted[True] > 100


def test_time_is_in_proportion() -> None:
    """Scripts of many lines, all of which move or none; files of many instructions."""
    lines = 4_000
    moving = "FROM a\nRUN a" + "".join(f" && \\\n  echo {number}" for number in range(lines)) + "\n"
    quoted = (
        "FROM a\nRUN a && \\\n  echo '"
        + "".join(f"\\\n  {number}" for number in range(lines))
        + "' &&\\\n b\n"
    )
    files = "FROM a\n" + "run  x \\\n  y\n\n\n" * 1_000
    started = time.process_time()
    assert formatted(moving).count("\n    echo ") == lines
    assert formatted(quoted).count("\n  ") >= lines
    assert formatted(files).count("RUN x \\\n    y\n") == 1_000
    assert time.process_time() - started < 10
