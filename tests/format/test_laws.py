"""Laws of the formatter, for every text and over the corpus."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from dockerfile_texts import dockerfiles
from formatting import check_laws
from hypothesis import given, settings
from hypothesis import strategies as st

from layerc.grammar.errors import DockerfileError
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile

CORPUS = Path(__file__).parents[2] / "corpus"


@settings(max_examples=300, deadline=None)
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


@settings(max_examples=400, deadline=None)
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
