"""Shell words: tables in corpus/words, the lexer's switches, and its cost."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerc.compiler.patterns import Pattern, PatternError, reverse_pattern
from layerc.compiler.words import MAX_DEPTH, WordError, Words

TABLES = Path(__file__).parents[2] / "corpus" / "words"


def rows(table: Path) -> Iterator[tuple[str, str, dict[str, str]]]:
    env: dict[str, str] = {}
    for line in table.read_text().splitlines():
        if line.startswith("# env "):
            name, _, value = line.removeprefix("# env ").partition("=")
            env[name] = value
        elif line and not line.startswith("# "):
            word, _, expected = line.partition("\t")
            yield word, expected, env


def cases(*names: str) -> list[object]:
    tables = [TABLES / f"{name}.tsv" for name in names]
    return [pytest.param(*row, id=f"{table.stem}: {row[0]}") for table in tables for row in rows(table)]


def test_every_table_is_read() -> None:
    assert {path.stem for path in TABLES.glob("*.tsv")} == {
        *("references", "quotes", "defaults", "errors", "trims", "replacements")
    }


@pytest.mark.parametrize(
    ("word", "expected", "env"), cases("references", "quotes", "defaults", "trims", "replacements")
)
def test_words(word: str, expected: str, env: dict[str, str]) -> None:
    if expected.startswith("!"):
        with pytest.raises(WordError) as caught:
            Words().expand(word, env)
        assert caught.value.expected == expected[1:]
    else:
        assert Words().expand(word, env).text == expected


@pytest.mark.parametrize(("word", "message", "env"), cases("errors"))
def test_refused_words(word: str, message: str, env: dict[str, str]) -> None:
    with pytest.raises(WordError, match=re.escape(message)) as caught:
        Words().expand(word, env)
    assert 0 <= caught.value.position <= len(word)
    assert caught.value.word == word


@pytest.mark.parametrize(
    ("word", "position"),
    [("ab'cd", 2), ('x "y', 2), ("${name", 6), ("a${}", 3), ("${a:-'b}", 8)],
)
def test_an_error_points_at_the_place(word: str, position: int) -> None:
    with pytest.raises(WordError) as caught:
        Words().expand(word, {})
    assert caught.value.position == position


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("a b", ("a", "b")),
        ("  a\t\n b  ", ("a", "b")),
        ("'a b' c", ("a b", "c")),
        ("a\\ b c", ("a b", "c")),
        ("$two", ("1", "2")),
        ('"$two"', ("1  2",)),
        ("x$two y", ("x1", "2", "y")),
        ("${unset:-a b}c", ("a", "bc")),
        ("$unset", ()),
        ("''", ()),
        ("<<EOF", ("<<EOF",)),
        ("cat << EOF", ("cat", "<< EOF")),
        ("a < b", ("a", "<", "b")),
        ("a\u00a0b\u2028c", ("a", "b", "c")),
        ("a\x1cb", ("a\x1cb",)),
    ],
)
def test_splitting_follows_expansion(word: str, words: tuple[str, ...]) -> None:
    assert Words().expand(word, {"two": "1  2"}).words == words


@pytest.mark.parametrize(
    ("switches", "word", "expected"),
    [
        ({"raw_quotes": True}, "'a' \"$v\"", "'a' \"1\""),
        ({"raw_escapes": True}, 'a\\b "c\\"d" \'\\\'', 'a\\b c\\"d \\'),
        ({"raw_escapes": True}, "${u:-\\a}", "a"),
        ({"skip_quotes": True}, "'$v' \"\\$v\"", "'1' \"$v\""),
        ({"skip_unset": True}, "$u ${u} ${u:-x} ${u#x} ${u/a/b} $v", "$u ${u} ${u:-x} ${u#x} ${u/a/b} 1"),
        ({"escape": "`"}, "a`$v \\$v", "a$v \\1"),
        ({"escape": "`"}, '"C:\\dir`"x"', 'C:\\dir"x'),
    ],
)
def test_switches(switches: dict[str, bool], word: str, expected: str) -> None:
    assert Words(**switches).expand(word, {"v": "1"}).text == expected  # type: ignore[arg-type]


def test_names_are_told() -> None:
    found = Words().expand("$a ${b:-$c} '$d' ${e+x}", {"a": "1", "c": "2"})
    assert found.matched == {"a", "c"}
    assert found.unmatched == {"b", "e"}


def test_a_byte_order_mark_is_no_text() -> None:
    assert Words().expand("\ufeffa", {}).text == "a"


def test_nesting_is_bounded() -> None:
    deepest = MAX_DEPTH - 1
    assert Words().expand("${u:-" * deepest + "x" + "}" * deepest, {}).text == "x"
    with pytest.raises(WordError, match="nested more than"):
        Words().expand("${u:-" * 5000 + "x" + "}" * 5000, {})


@pytest.mark.parametrize(
    "unit", ["$v ", "'a' ", '"$v" ', "\\a", "${v:-x}", "${v#*a}", "${v//a/bb}", "${v", "<<", "$", "{", "'"]
)
def test_cost_is_linear(unit: str) -> None:
    def seconds(count: int) -> float:
        started = time.process_time()
        with contextlib.suppress(WordError):
            Words().expand(unit * count, {"v": "banana"})
        return time.process_time() - started

    seconds(500)
    assert seconds(16_000) < 40 * max(seconds(2_000), 0.002)


@pytest.mark.parametrize("pattern", ["*a*a*a*a*a*b", "a*" * 30 + "b", "?" * 500 + "b"])
def test_hostile_patterns_are_answered(pattern: str) -> None:
    started = time.process_time()
    assert Words().expand(f"${{v//{pattern}/x}}", {"v": "a" * 20_000}).text == "a" * 20_000
    assert time.process_time() - started < 5


text = st.text("ab\n*?", max_size=12)
literals = st.text("ab?*", max_size=6)


def as_regex(pattern: str, star: str) -> re.Pattern[str]:
    return re.compile("".join({"*": star, "?": "."}.get(char, re.escape(char)) for char in pattern))


@given(literals, text)
def test_longest_and_shortest_prefix(pattern: str, value: str) -> None:
    ends = [end for end in range(len(value) + 1) if as_regex(pattern, ".*").fullmatch(value[:end])]
    assert Pattern(pattern).prefix_end(value, longest=True) == max(ends, default=None)
    assert Pattern(pattern).prefix_end(value, longest=False) == min(ends, default=None)


@given(literals.filter(lambda pattern: pattern.strip("*") != ""), text)
def test_spans_are_leftmost_and_longest(pattern: str, value: str) -> None:
    expected = [match.span() for match in as_regex(pattern, ".*").finditer(value)]
    assert list(Pattern(pattern).spans(value)) == expected


@given(st.text("ab\\*?", max_size=8))
def test_mirroring_twice_is_nothing(pattern: str) -> None:
    if not pattern.endswith("\\") and not pattern.startswith("\\"):
        mirrored = reverse_pattern(pattern)
        try:
            list(Pattern(pattern).spans("ab"))
        except PatternError:
            return
        assert reverse_pattern(mirrored) == pattern


@given(st.text(max_size=40), st.sampled_from(["\\", "`"]))
def test_any_text_is_expanded_or_refused(word: str, escape: str) -> None:
    with contextlib.suppress(WordError):
        Words(escape).expand(word, {"a": "1"})
