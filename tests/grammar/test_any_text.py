"""Laws that hold for every text: it parses or has an error with a place; nothing is lost; time is linear."""

from __future__ import annotations

import gc
import time

import pytest
from dockerfile_texts import dockerfiles
from hypothesis import given, settings
from hypothesis import strategies as st

from layerc.grammar.errors import DockerfileError
from layerc.grammar.parse import parse, parse_instruction
from layerc.grammar.show import render_tree, to_json
from layerc.grammar.source import SourceFile
from layerc.grammar.syntax import Document, Instruction
from layerc.grammar.unparse import unparse


def try_parse(source: SourceFile) -> Document | None:
    """The document, or none after a look at the error."""
    try:
        return parse(source)
    except DockerfileError as error:
        check_error(source, error)
        return None


def check_error(source: SourceFile, error: DockerfileError) -> None:
    assert error.message
    assert error.help
    where = error.where
    assert where is not None
    line = source.text.split("\n")[where.line - 1]
    assert where.text == line.rstrip("\r\n")
    assert 1 <= where.column <= where.end_column <= len(line) + 1


def check_spans(document: Document, instruction: Instruction) -> None:
    text = document.source.text
    assert text[instruction.span.start : instruction.span.end] == instruction.text
    inner = [instruction.keyword_span, instruction.args_span, *(flag.span for flag in instruction.flags)]
    for span in [*inner, *(doc.span for doc in instruction.heredocs)]:
        assert instruction.span.start <= span.start <= span.end <= instruction.span.end
    for doc in instruction.heredocs:
        assert text[doc.span.start : doc.span.end].startswith(doc.content)
    assert instruction.start_line <= instruction.end_line
    assert document.source.line_of(instruction.keyword_span.start) >= instruction.start_line
    if instruction.child is not None:
        check_spans(document, instruction.child)


@settings(max_examples=600, deadline=None)
@given(dockerfiles())
def test_a_document_tiles_its_text(text: str) -> None:
    document = try_parse(SourceFile("f", text))
    if document is None:
        return
    assert unparse(document) == text
    position = 0
    for item in document.items:
        assert item.span.start == position
        position = item.span.end
    assert position == len(text)
    for instruction in document.instructions:
        check_spans(document, instruction)
    assert len(to_json(document)["instructions"]) == len(document.instructions)
    assert render_tree(document).startswith("f\n")


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: b"FROM a\n" + tail))
def test_any_bytes(data: bytes) -> None:
    source = SourceFile.from_bytes("f", data)
    assert source.to_bytes() == data
    document = try_parse(source)
    if document is not None:
        assert unparse(document).encode("utf-8", "surrogateescape") == data


@settings(max_examples=200, deadline=None)
@given(dockerfiles())
def test_a_trigger_is_one_instruction_or_an_error(text: str) -> None:
    document = try_parse(SourceFile("f", text))
    for instruction in document.instructions if document else ():
        child = instruction.child
        if child is not None and document is not None and document.escape == "\\":
            try:
                again = parse_instruction(child.text)
            except DockerfileError:
                continue
            assert (again.keyword, again.args, again.exec_form) == (
                child.keyword,
                child.args,
                child.exec_form,
            )
            assert [doc.content for doc in again.heredocs] == [doc.content for doc in child.heredocs]


DEEP = 200_000


@pytest.mark.parametrize(
    "text",
    [
        "FROM a\nRUN <<" + "${a:-" * DEEP,
        "FROM a\nRUN <<" + '"${a:-' * DEEP,
        "FROM a\n" + "ONBUILD " * DEEP + "RUN x\n",
        "FROM a\nCMD " + "[" * DEEP,
        "FROM a\nCMD " + "[" * DEEP + "]" * DEEP,
        "FROM a\nCMD " + '[{"a":' * DEEP,
    ],
    ids=["expansions", "quoted expansions", "onbuild", "open arrays", "arrays", "objects"],
)
def test_depth_is_no_danger(text: str) -> None:
    joined = (
        text.replace("${a:-", "${a:-\\\n")
        .replace("[", "[\\\n")
        .replace("]", "]\\\n")
        .replace("ONBUILD ", "ONBUILD \\\n")
    )
    try_parse(SourceFile("f", joined))


UNITS = {
    "instructions": "RUN echo a\n",
    "continuations": "  && echo a \\\n",
    "comments": "# a comment\n",
    "blank lines": "\n",
    "pairs": " a='b c' \\\n",
    "flags": " --mount=type=cache,target=/x \\\n",
    "intricate flags": " --mount='é' \\\n",
    "words": " a b c d \\\n",
    "strings": '"a", \\\n',
    "heredocs": "<<E \\\n",
    "dollars": "${a:-b} <<x' \\\n",
    "escapes": "\\\\\\a \\\n",
}
HEADS = {
    "continuations": "RUN a \\\n",
    "pairs": "ENV x=y \\\n",
    "flags": "RUN \\\n",
    "intricate flags": "RUN \\\n",
    "words": "COPY \\\n",
    "strings": "CMD [ \\\n",
    "heredocs": "RUN \\\n",
    "dollars": "RUN \\\n",
    "escapes": "LABEL a=b \\\n",
}


@pytest.mark.parametrize("kind", UNITS)
def test_time_is_linear(kind: str) -> None:
    def seconds(count: int) -> float:
        source = SourceFile("f", "FROM a\n" + HEADS.get(kind, "") + UNITS[kind] * count)
        best = float("inf")
        for _ in range(3):
            start = time.perf_counter()
            try_parse(source)
            best = min(best, time.perf_counter() - start)
        return best

    small, large = seconds(1500), seconds(12000)
    assert large < small * 8 * 3 + 0.02, f"{small:.4f} s and {large:.4f} s for 8 times as much"


def test_a_line_can_have_65535_bytes_and_no_more() -> None:
    longest = "RUN " + "x" * (65535 - 4)
    assert parse(SourceFile("f", f"FROM a\n{longest}\n")).instructions[1].args == (longest[4:],)
    assert parse(SourceFile("f", f"FROM a\n{longest}")).instructions[1].args == (longest[4:],)
    wide = "RUN " + "é" * 32766
    with pytest.raises(DockerfileError, match="longer than 65535 bytes") as caught:
        parse(SourceFile("f", f"FROM a\n{wide}\n"))
    assert caught.value.where is not None
    assert caught.value.where.line == 2


@pytest.mark.parametrize("end", ["", "RUNN x\n"])
def test_the_garbage_collector_is_on_after_a_large_file(end: str) -> None:
    try_parse(SourceFile("f", "FROM a\n" + "RUN echo a\n" * 20_000 + end))
    assert gc.isenabled()
