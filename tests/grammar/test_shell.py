"""Shell scripts: what is understood, what is not, and that every place is where it is said to be."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerc.grammar.shell_parse import parse_script
from layerc.grammar.shell_syntax import (
    Assignment,
    Case,
    For,
    If,
    Part,
    Redirect,
    Script,
    Simple,
    UnknownSyntaxError,
    Word,
)

ROOT = Path(__file__).parent.parent.parent


def shown(script: Script) -> str:
    """Names of commands with the operators between them."""
    chains = []
    for item in script.items:
        words = [" | ".join(_named(command) for command in line.commands) for line in item.chain.pipelines]
        text = words[0] + "".join(
            f" {op} {word}" for op, word in zip(item.chain.operators, words[1:], strict=True)
        )
        chains.append(text + (" &" if item.background else ""))
    return "; ".join(chains)


def _named(command: Any) -> str:
    if isinstance(command, Simple):
        return " ".join(word.literal or "?" for word in command.words) or "="
    if isinstance(command, If):
        branches = " ".join(f"[{shown(test)} ? {shown(then)}]" for test, then in command.branches)
        return f"if{branches}" + (f" else {shown(command.otherwise)}" if command.otherwise else "")
    if isinstance(command, Case):
        return "case" + "".join(f"[{shown(arm.body)}]" for arm in command.arms)
    if isinstance(command, For):
        return f"for[{shown(command.body)}]"
    return f"{type(command).__name__.lower()}[{shown(command.body)}]"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("", ""),
        ("# nothing\n", ""),
        ("a && b || c; d & e | f\n", "a && b || c; d &; e | f"),
        ("a 'b c' \\\n  d # e", "a b c d"),
        ("a &&\n\n b", "a && b"),
        ("if a; then b; elif c; then d; else e; fi > x", "if[a ? b] [c ? d] else e"),
        ("for x in a b; do\necho $x\ndone; for y do z; done", "for[echo ?]; for[z]"),
        ("case $x in a|b) c;; *) ;; (d) e\n esac", "case[c][][e]"),
        ("while a; do b; done; until ! c; do d; done", "loop[b]; loop[d]"),
        ("{ a; } && ( b; c )", "group[a] && subshell[b; c]"),
        ("[[ -f a && b < c ]] && d", "[[ -f a && b < c ]] && d"),
        ("echo } if then done", "echo } if then done"),
        ("x=1 y=2", "="),
        ("cat <<E > f && b\nif\nE\nc", "cat && b; c"),
        ("a $(case x in y) z;; esac) b", "a ? b"),
    ],
)
def test_structure(script: str, expected: str) -> None:
    assert shown(parse_script(script)) == expected


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("f() { a; }", "a function"),
        ("x=(a b)", "an array"),
        ("diff <(a) b", "a process substitution"),
        ("if a; fi", "`fi` where none is expected"),
        ("a; ; b", "`;` where none is expected"),
        ("(a", "the end where none is expected"),
        ("a )", "`)` where none is expected"),
        ("a 'b", "a quote that is not closed"),
        ("a $(b", "a bracket that is not closed"),
        ("cat <<E\nx", "a here-document that does not end"),
        ("a > ", "a redirection to nowhere"),
        ("echo $'a'", "a quote with a dollar sign"),
        ("$(" * 40 + "a" + ")" * 40, "commands in commands in commands"),
        ("(" * 400 + "a" + ")" * 400, "commands in commands in commands"),
    ],
)
def test_unknown_syntax_is_said(script: str, why: str) -> None:
    with pytest.raises(UnknownSyntaxError) as error:
        parse_script(script)
    assert error.value.why == why
    assert 0 <= error.value.position <= len(script)


def test_words() -> None:
    (command,) = parse_script(
        'X=a$Y+=1 run --o=\'b c\' "$Z/d" ${V:-"e f"} ${#W} `g` $((1 + 2)) 2>>log'
    ).commands()
    assert isinstance(command, Simple)
    (assignment,) = command.assignments
    assert assignment.name == "X"
    assert [(part.kind, part.text) for part in assignment.value.parts] == [
        ("text", "a"),
        ("parameter", "Y"),
        ("text", "+=1"),
    ]
    option, both, default, length, substitution, arithmetic = command.words[1:]
    assert option.literal == "--o=b c"
    assert both.parts == (Part("parameter", "Z", quoted=True), Part("text", "/d", quoted=True))
    assert default.parts[0].operation == ":-"
    assert default.parts[0].argument is not None
    assert default.parts[0].argument.literal == "e f"
    assert (length.parts[0].operation, length.parts[0].text) == ("length", "W")
    assert substitution.parts[0].script is not None
    assert shown(substitution.parts[0].script) == "g"
    assert arithmetic.parts[0] == Part("arithmetic", "1 + 2", quoted=False)
    (redirect,) = command.redirects
    assert (redirect.descriptor, redirect.operator, redirect.target.literal) == (2, ">>", "log")


def test_here_documents() -> None:
    (command,) = parse_script("cat <<-A <<'B' >f\n\ta $x\n\tA\nb $y\nB\n").commands()
    assert isinstance(command, Simple)
    first, second, _ = command.redirects
    assert first.body is not None
    assert second.body is not None
    assert [part.text for part in first.body.parts] == ["a ", "x", "\n"]
    assert second.body.literal == "b $y\n"


# --- places ------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["a", "b=c", "'d e'", '"f $g"', "$h", "${i:-j k}", "`l m`", "$(n; o)", "p*", "2", "x\\ y"]
)
BLANKS = st.sampled_from([" ", "  ", "\t", " \\\n "])
COMMANDS = st.lists(WORDS | st.sampled_from(["> q", "2>&1", "<r"]), min_size=1, max_size=4).flatmap(
    lambda words: BLANKS.map(lambda blank: blank.join(words))
)
SCRIPTS = st.recursive(
    COMMANDS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" && ", "||", ";", "\n", " | ", " &&\n", " & "]), inner).map(
            "".join
        ),
        inner.map("( {} )".format),
        inner.map("{{ {}\n}}".format),
        st.tuples(inner, inner).map(lambda two: f"if {two[0]}\nthen {two[1]}\nfi"),
        inner.map("for v in 1 2 # all\ndo {}\ndone".format),
        inner.map("case w in x|y) {}\n;; esac".format),
    ),
    max_leaves=6,
)


def leaves(value: Any) -> Iterator[tuple[int, int]]:
    """The places of all words, assignments and redirections that stand in no other."""
    if isinstance(value, Word | Assignment | Redirect):
        yield value.start, value.end
    elif isinstance(value, tuple):
        for item in value:
            yield from leaves(item)


@given(SCRIPTS)
def test_places_tile_the_text(script: str) -> None:
    tree = parse_script(script)
    position = 0
    for start, end in sorted(leaves(tree)):
        assert position <= start < end
        between = re.sub(r"#[^\n]*|\\\n", "", script[position:start])
        assert re.fullmatch(r"(?:[ \t\n;&|(){}]|if|then|fi|for v|for|in|do|done|case|esac)*", between)
        position = end
    assert re.fullmatch(r"(?:[ \t\n;&|(){}]|fi|done|esac)*", script[position:])


@given(SCRIPTS)
def test_text_of_each_part_of_a_chain(script: str) -> None:
    for item in parse_script(script).items:
        for pipeline in item.chain.pipelines:
            again = parse_script(script[pipeline.start : pipeline.end])
            assert len(again.items) == 1
            assert len(again.items[0].chain.pipelines) == 1


@given(st.text("ab=$\"'`\\(){};&|<>\n #!*[]", max_size=40))
def test_any_text_is_read_or_refused(script: str) -> None:
    try:
        tree = parse_script(script)
    except UnknownSyntaxError as error:
        position = error.position
    else:
        position = 0
        assert all(0 <= start <= end <= len(script) for start, end in leaves(tree))
    assert 0 <= position <= len(script)


def test_tables_are_current() -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import make_tables
    finally:
        sys.path.pop(0)
    assert (ROOT / "grammar" / "shell_tables.py").read_text() == make_tables.render_shell_tables()
