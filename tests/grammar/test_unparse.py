"""Edits change only the bytes of what is edited."""

from __future__ import annotations

import pytest
from dockerfile_texts import dockerfiles
from hypothesis import given, settings

from layerc.grammar.errors import DockerfileError
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile
from layerc.grammar.unparse import insert_item, remove_item, replace_instruction, unparse

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
