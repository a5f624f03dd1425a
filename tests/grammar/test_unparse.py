"""Edits change only the bytes of what is edited."""

from __future__ import annotations

import pytest
from dockerfile_texts import dockerfiles
from hypothesis import given, settings
from hypothesis import strategies as st

from layerc.grammar.errors import DockerfileError
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile
from layerc.grammar.unparse import insert_item, remove_item, replace_instruction, replace_item, unparse

CRLF = "\ufeff# c\r\nFROM a\r\n\r\nRUN one \\\r\n  # inside\r\n  two\r\nCOPY <<E /x\r\nbody\r\nE\r\nCMD x"


def test_replacing_keeps_everything_else() -> None:
    document = parse(SourceFile("f", CRLF))
    changed = replace_instruction(document, 1, "RUN three")
    assert unparse(changed) == CRLF.replace("RUN one \\\r\n  # inside\r\n  two\r\n", "RUN three\r\n")
    assert changed.instructions[1].args == ("three",)
    assert changed.instructions[2] != document.instructions[2]
    assert changed.instructions[2].heredocs[0].content == "body\r\n"


def test_the_last_line_stays_without_line_end() -> None:
    document = parse(SourceFile("f", CRLF))
    assert unparse(replace_instruction(document, 3, "CMD y")) == CRLF[:-1] + "y"


def test_a_lone_carriage_return_at_the_end_is_no_line_end() -> None:
    document = parse(SourceFile("f", "FROM a\r"))
    assert unparse(replace_instruction(document, 0, "FROM a\r")) == "FROM a\r"
    assert unparse(replace_instruction(document, 0, "FROM b")) == "FROM b"


def test_inserting_takes_the_line_end_of_the_file() -> None:
    document = parse(SourceFile("f", CRLF))
    run = document.instructions[1]
    assert unparse(insert_item(document, run, "USER me")) == CRLF.replace("RUN one", "USER me\r\nRUN one")
    assert unparse(insert_item(document, None, "USER me")) == CRLF + "\r\nUSER me"
    closed = parse(SourceFile("f", "FROM a\n"))
    assert unparse(insert_item(closed, None, "USER me")) == "FROM a\nUSER me\n"


def test_removing() -> None:
    document = parse(SourceFile("f", "FROM a\nRUN b\n\nCMD c\n"))
    assert unparse(remove_item(document, document.instructions[1])) == "FROM a\n\nCMD c\n"


def test_an_edit_that_breaks_the_file_is_refused() -> None:
    document = parse(SourceFile("f", "FROM a\nRUN b\n"))
    with pytest.raises(DockerfileError, match="before the first FROM"):
        remove_item(document, document.instructions[0])
    with pytest.raises(DockerfileError, match="unknown instruction"):
        replace_instruction(document, 1, "RUNN b")


def test_an_item_of_another_document_is_refused() -> None:
    document = parse(SourceFile("f", "FROM a\n"))
    other = parse(SourceFile("f", "FROM a\n"))
    with pytest.raises(ValueError, match="not in this document"):
        remove_item(document, other.instructions[0])


@settings(max_examples=200, deadline=None)
@given(dockerfiles())
def test_replacing_an_instruction_by_itself_changes_nothing(text: str) -> None:
    try:
        document = parse(SourceFile("f", text))
    except DockerfileError:
        return
    for index, instruction in enumerate(document.instructions):
        assert replace_instruction(document, index, instruction.text) == document


BODIES = [
    "FROM x AS y",
    "RUN --network=none --mount=type=cache,target=/c make",
    "RUN a \\\n  # inside\n\n  b",
    "COPY <<A <<-'B' /x/\n1\nA\n\t2\n\tB",
    'CMD ["a", "\\u00e9"]',
    "ENV old  one two",
    "LABEL a='b c' \\\r\n  d=e\r",
    "ONBUILD ADD --chmod=644 a b",
    "HEALTHCHECK --interval=3s CMD x",
    "MAINTAINER é",
    "# only a comment",
    "",
]


@settings(max_examples=300, deadline=None)
@given(text=dockerfiles(), data=st.data())
def test_an_edit_changes_only_its_own_bytes(text: str, data: st.DataObject) -> None:
    """Replace, insert and remove any item, heredocs, comments, blank lines and directives too."""
    try:
        document = parse(SourceFile("f", text))
    except DockerfileError:
        return
    item = data.draw(st.sampled_from(document.items))
    new = data.draw(st.sampled_from(BODIES))
    before, after = text[: item.span.start], text[item.span.end :]
    edits = {
        "replace": (lambda: replace_item(document, item, new), before, after, new),
        "insert": (lambda: insert_item(document, item, new), before, item.text + after, new),
        "append": (lambda: insert_item(document, None, new), text, "", new),
        "remove": (lambda: remove_item(document, item), before, after, ""),
    }
    edit, head, tail, body = edits[data.draw(st.sampled_from(sorted(edits)))]
    try:
        changed = unparse(edit())
    except DockerfileError:
        return  # the edited text is none
    assert changed.startswith(head)
    assert changed.endswith(tail)
    middle = changed[len(head) : len(changed) - len(tail)]
    assert middle.strip("\r\n") == body.strip("\r\n")
    assert middle.replace(body, "", 1) in ("", "\n", "\r\n")
