"""Small parts, by table."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from layerc.grammar.errors import DockerfileError
from layerc.grammar.heredoc import HeredocStart, HeredocWordError, find_heredocs, parse_heredoc_word
from layerc.grammar.lines import read_directive
from layerc.grammar.parse import check_instruction, parse, parse_instruction
from layerc.grammar.shapes import KEYWORDS, suggest
from layerc.grammar.source import SourceFile
from layerc.grammar.words import decode_exec, drop_last_escape, is_json_array, split_flags


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("RUN <<A", ["A"]),
        ("RUN <<-A", ["A"]),
        ("RUN << A", ["A"]),
        ("RUN << -A", ["-A"]),
        ("RUN <<- A", []),
        ("RUN <<'A'", ["A"]),
        ("RUN <<'a b'", ["a b"]),
        ("RUN 4<<A", ["A"]),
        ("RUN a<<A", []),
        ("RUN <<A <<B", ["A", "B"]),
        ("RUN <<A<<B", []),
        ("RUN <<<A", []),
        ("RUN '<<A'", []),
        ('RUN "<<A"', []),
        ("RUN \\<<A", []),
        ("RUN <<$A", ["$A"]),
        ("RUN <<${A}", ["${A}"]),
        ("RUN <<${A:-b}", []),
        ("RUN ${f%.txt} <<A", ["A"]),
        ("RUN ${f/a/b} <<A", ["A"]),
        ("RUN ${f^} <<A", []),
        ("RUN ${f:=x} <<A", ["A"]),
        ("RUN ${f:#x} <<A", []),
        ("RUN ${f <<A", []),
        ("RUN ${f:-<<A}", []),
        ("RUN ${f:-x <<A}", ["A}"]),
        ("RUN it's <<A", []),
        ("RUN <<\ufeffA", ["A"]),
        ("RUN <<\udcffA", ["\ufffdA"]),
        ("RUN <<", []),
        ("RUN <<''", []),
    ],
)
def test_heredocs_of_a_line(line: str, names: list[str]) -> None:
    assert [start.name for start in find_heredocs(line)] == names


@pytest.mark.parametrize(
    ("word", "start"),
    [
        ("<<EOF", HeredocStart("EOF", True, False, "")),
        ("<<-EOF", HeredocStart("EOF", True, True, "")),
        ("<<- EOF", HeredocStart("EOF", True, True, "")),
        ("12<<EOF", HeredocStart("EOF", True, False, "12")),
        ("<<'EOF'", HeredocStart("EOF", False, False, "")),
        ('<<EO"F"', HeredocStart("EOF", False, False, "")),
        ("<<eo\\'f", HeredocStart("eo'f", True, False, "")),
        ("<<'e'o\\'f", HeredocStart("eo'f", False, False, "")),
        ("EOF", None),
        ("<<", None),
        ("<<-", None),
        ("<EOF", None),
        ("<<<EOF", None),
        ("<<EOF sh", None),
    ],
)
def test_heredoc_words(word: str, start: HeredocStart | None) -> None:
    assert parse_heredoc_word(word) == start


@pytest.mark.parametrize("word", ["<<'EOF", '<<"EOF', "<<EOF'", '<<EOF"'])
def test_heredoc_words_with_open_quotes(word: str) -> None:
    with pytest.raises(HeredocWordError):
        parse_heredoc_word(word)


@pytest.mark.parametrize(
    ("line", "directive"),
    [
        ("#syntax=x", ("syntax", "x")),
        ("# Syntax = x y ", ("syntax", "x y")),
        ("#\u3000check=error=true", ("check", "error=true")),
        ("# escape= ", ("escape", " ")),
        ("# escape=", None),
        ("# escape", None),
        ("# syn-tax=x", None),
        ("# other=x", None),
        ("## syntax=x", None),
        ("# syntax\v=x", None),
    ],
)
def test_directives(line: str, directive: tuple[str, str] | None) -> None:
    assert read_directive(line) == directive


@pytest.mark.parametrize(
    ("text", "flags", "rest"),
    [
        ("--a b", ["--a"], "b"),
        ("--a  --b=c  d --e", ["--a", "--b=c"], "d --e"),
        ("--a='b c' d", ["--a=b c"], "d"),
        ("--a=b\\ c d", ["--a=b c"], "d"),
        ("--a='b\\'c' d", ["--a=b'c"], "d"),
        ('--a="b d', ["--a=b d"], ""),
        ("--a\\", ["--a"], ""),
        ("--a='b\\", ["--a=b"], ""),
        ("-- --a", [], " --a"),
        ('--"" --a', [], " --a"),
        ("--", [], ""),
        ("- -a", [], "- -a"),
        ("--a=é b", ["--a=Ã©"], "b"),
        ("--a=à b", ["--a=Ã"], "b"),
    ],
)
def test_flags(text: str, flags: list[str], rest: str) -> None:
    found, position = split_flags(text, "\\")
    assert [value for _, _, value in found] == flags
    assert text[position:] == rest
    for start, end, _ in found:
        assert text[start:end].startswith("--")


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("a\\", "a"),
        ("a\\\\", "a\\\\"),
        ("'a\\", "'a\\"),
        ('"a\\', '"a'),
        ("'a'\\", "'a'"),
        ("a", "a"),
        ('"\\""\\', '"\\""'),
    ],
)
def test_an_escape_at_the_end_escapes_nothing(word: str, kept: str) -> None:
    assert drop_last_escape(word, "\\") == kept


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(json_values, max_size=4), st.booleans())
def test_json_arrays_are_recognised(value: list[object], ascii_only: bool) -> None:
    assert is_json_array(json.dumps(value, ensure_ascii=ascii_only, indent=1))


@given(st.text(alphabet='[]{},:"\\ \n0123.eE+-truefalsn', max_size=12).map("[".__add__))
@example("[1e999]")
@example("[01]")
@example('["a\tb"]')
def test_what_is_no_json_is_not(text: str) -> None:
    try:
        loaded = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):
        assert not is_json_array(text)
    else:
        assert is_json_array(text) == isinstance(loaded, list)


def _finite(text: str) -> float:
    if float(text) in (float("inf"), float("-inf")) or text == "NaN":
        raise ValueError(text)
    return float(text)


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"])), max_size=4), st.booleans())
def test_exec_forms_are_what_json_says(words: list[str], ascii_only: bool) -> None:
    text = json.dumps(words, ensure_ascii=ascii_only)
    instruction = parse(SourceFile("f", f"FROM a\nCMD {text}\n")).instructions[1]
    assert (instruction.exec_form, instruction.args) == (True, tuple(words))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"\\ud800"', "\ufffd"),
        ('"\\ud83d\\ude00"', "😀"),
        ('"\\ud83d\\u0041"', "\ufffdA"),
        ('"\\/\\b"', "/\b"),
    ],
)
def test_json_escapes(text: str, value: str) -> None:
    assert decode_exec(f"[{text}]") == (value,)


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("RUNN", "RUN"),
        ("FORM", "FROM"),
        ("ENTRPOINT", "ENTRYPOINT"),
        ("WORKDIRR", "WORKDIR"),
        ("XYZZY", None),
    ],
)
def test_suggestions(word: str, near: str | None) -> None:
    assert suggest(word, KEYWORDS) == near


def test_a_trigger_of_an_image() -> None:
    instruction = parse_instruction("COPY <<E /x\ntext\nE")
    assert instruction.args == ("<<E", "/x")
    assert instruction.heredocs[0].content == "text\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FROM a", "ONBUILD can not hold FROM"),
        ("ONBUILD RUN a", "ONBUILD can not hold ONBUILD"),
        ("MAINTAINER x", "ONBUILD can not hold MAINTAINER"),
        ("RUN a\nRUN b", "a trigger is one instruction"),
        ("", "the file has no instruction"),
        ("RUNN a", "unknown instruction RUNN"),
        ("COPY a", "COPY needs a source and a destination, it has one argument"),
        ("COPY --x a b", "COPY has no flag --x"),
    ],
)
def test_what_is_no_trigger(text: str, message: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse_instruction(text)
    assert caught.value.message == message


def test_a_trigger_in_a_file_is_checked_when_asked() -> None:
    source = SourceFile("f", "FROM a\nONBUILD COPY --form=x a b\nONBUILD COPYY a b\nONBUILD COPY a b\n")
    children = [instruction.child for instruction in parse(source).instructions[1:]]
    messages = []
    for child in children:
        assert child is not None
        try:
            check_instruction(child, source)
        except DockerfileError as error:
            messages.append(f"{error.where}: {error.message}, {error.help}")
    assert messages == [
        "f:2:14: COPY has no flag --form, did you mean --from?",
        "f:3:9: unknown instruction COPYY, did you mean COPY?",
    ]
