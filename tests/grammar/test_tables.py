"""The generated tables against Lark itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lark import Lark
from lark.exceptions import UnexpectedInput
from lark.lexer import Token

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from make_tables import STARTS, load_grammar, render_tables  # noqa: E402

from layerc.grammar.automaton import Automaton, WordError, _node  # noqa: E402

WORDS = [
    "RUN", "COPY", "FROM", "ENV", "LABEL", "ARG", "ONBUILD", "HEALTHCHECK", "VOLUME", "USER", "copy",
    "Expose", "CMD", "NONE", "--a=b", "--a='b c'", "--", '--""', "--x\\ y", "a", "b=c", "'d e'", '"f', "\\",
    "\\\\", "`", '["a"]', '["a", "b"]', "[1]", "\xa0", "\u3000", "é", "FOO", "#",
]  # fmt: skip


def test_tables_are_current() -> None:
    now = (ROOT / "grammar" / "tables.py").read_text(encoding="utf-8")
    assert now == render_tables(), "run scripts/make_tables.py"


def lark_words(lark: Lark, text: str) -> list[tuple[str, str]] | None:
    """What Lark reads in one logical line as an instruction of a stage, or none where it refuses it."""
    parser = lark.parse_interactive("FROM a", start="dockerfile")
    for token in parser.lexer_thread.lex(parser.parser_state):
        parser.feed_token(token)
    parser.feed_token(Token("_EOL", ""))
    parser.lexer_thread = lark.parse_interactive(text, start="dockerfile").lexer_thread
    words = []
    try:
        for token in parser.lexer_thread.lex(parser.parser_state):
            parser.feed_token(token)
            words.append((token.type, str(token)))
        parser.feed_token(Token("_EOL", ""))
    except UnexpectedInput:
        return None
    return words


def our_words(text: str, escape: str) -> list[tuple[str, str]] | None:
    automaton = Automaton("dockerfile")
    automaton.read_line("FROM a", escape)
    try:
        return [(kind, text[start:end]) for kind, start, end in automaton.read_line(text, escape)]
    except WordError:
        return None


@pytest.mark.parametrize("escape", ["\\", "`"])
def test_lark_reads_the_same_words(escape: str) -> None:
    text = load_grammar(backtick=escape == "`")
    lark = Lark(text, parser="lalr", lexer="contextual", start=STARTS, maybe_placeholders=False)

    @given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join).map(str.strip))
    def same(line: str) -> None:
        # Flags beyond ASCII are read byte by byte, outside of the grammar (words.py).
        if line and (line.isascii() or "--" not in line):
            assert our_words(line, escape) == lark_words(lark, line)

    same()


def test_the_automaton_knows_where_a_file_may_end() -> None:
    automaton = Automaton("dockerfile")
    assert not automaton.finish()
    automaton.read_line("ARG a", "\\")
    assert not automaton.finish()
    automaton.read_line("FROM a", "\\")
    assert automaton.finish()


def test_the_automaton_remembers_few_stacks() -> None:
    automaton = Automaton("dockerfile")
    for _ in range(3):
        automaton.read_line("FROM a", "\\")
        automaton.read_line("COPY a b c", "\\")
        automaton.feed("COMMENT")
    known = _node.cache_info().currsize
    for _ in range(100):
        automaton.read_line("FROM a AS b", "\\")
        automaton.read_line("COPY" + " a" * 100, "\\")
        automaton.feed("COMMENT")
    assert _node.cache_info().currsize < known + 5


def test_parsing_does_not_load_lark() -> None:
    program = (
        "import sys, layerc.grammar.parse as p; p.parse_instruction('RUN x'); print('lark' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
