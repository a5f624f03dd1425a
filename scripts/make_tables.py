"""Compile the Dockerfile grammar with Lark and write its tables to grammar/tables.py.

Why tables: importing Lark takes longer than compiling a Dockerfile should, and its parser builds a Token and a
Tree for each word. The tables are Lark's own LALR automaton and its contextual lexers; grammar/parse.py is a
short loop over them. ``tests/grammar/test_tables.py`` checks that the file is current and that Lark itself
reads the same words.

Run it after a change to a .lark file: ``python scripts/make_tables.py``.
"""

from __future__ import annotations

import pprint
from pathlib import Path

from lark import Lark
from lark.lexer import ContextualLexer
from lark.parsers.lalr_analysis import Shift

GRAMMAR = Path(__file__).resolve().parent.parent / "grammar"
STARTS = ["dockerfile", "single"]
HEADER = '''"""The automaton that Lark makes of dockerfile.lark and backtick.lark. Generated: scripts/make_tables.py.

``ACTIONS[state][terminal]`` is the next state (shift), or ``~n`` to reduce by ``RULES[n]`` = (rule, length).
``GOTO[state][rule]`` is the state after a reduction. ``LEXERS[state]`` indexes ``SCANNERS``: the terminals that
can come next, the one to prefer first. ``TERMINALS`` are their regular expressions; ``BACKTICK`` those that
differ under the directive escape=`. ``IGNORE`` is skipped before each.
"""

# fmt: off
# ruff: noqa: E501
from __future__ import annotations
'''


def load_lark(*, backtick: bool) -> Lark:
    """The grammar in Lark's own hands."""
    text = (GRAMMAR / "dockerfile.lark").read_text(encoding="utf-8")
    if backtick:
        text += "\n" + (GRAMMAR / "backtick.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer="contextual", start=STARTS, maybe_placeholders=False)


def number_states(lark: Lark) -> dict[int, int]:
    """Lark's state numbers → numbers that are the same on every run: breadth first from the starts."""
    table = lark.parser.parser._parse_table
    numbers: dict[int, int] = {}
    queue = [table.start_states[name] for name in STARTS]
    for state in queue:
        if state in numbers:
            continue
        numbers[state] = len(numbers)
        shifts = {
            str(symbol): argument
            for symbol, (action, argument) in table.states[state].items()
            if action is Shift
        }
        queue.extend(shifts[symbol] for symbol in sorted(shifts))
    return numbers


def render_tables() -> str:
    """The text of grammar/tables.py."""
    lark, other = load_lark(backtick=False), load_lark(backtick=True)
    table = lark.parser.parser._parse_table
    numbers = number_states(lark)
    reductions = {
        argument for row in table.states.values() for action, argument in row.values() if action is not Shift
    }
    rules = sorted({(str(rule.origin.name), len(rule.expansion)) for rule in reductions})
    lexers = lark.parser.lexer
    assert isinstance(lexers, ContextualLexer)
    actions: list[dict[str, int]] = []
    goto: list[dict[str, int]] = []
    scanners: dict[tuple[str, ...], int] = {}
    choices: list[int] = []
    for state in numbers:
        row = sorted(table.states[state].items())
        reduce = {
            k: ~rules.index((str(v.origin.name), len(v.expansion))) for k, (a, v) in row if a is not Shift
        }
        shift = {k: numbers[v] for k, (a, v) in row if a is Shift and k.isupper()}
        actions.append(reduce | shift)
        goto.append({k: numbers[v] for k, (a, v) in row if a is Shift and not k.isupper()})
        words = tuple(t.name for t in lexers.lexers[state].terminals if not t.name.startswith("__IGNORE"))
        choices.append(scanners.setdefault(words, len(scanners)) if words else -1)
    terminals = {t.name: t.pattern.to_regexp() for t in lark.terminals}
    ignore = terminals.pop("__IGNORE_0")
    backtick = {
        t.name: t.pattern.to_regexp()
        for t in other.terminals
        if terminals.get(t.name, ignore) != t.pattern.to_regexp()
    }
    values = {
        "START": {name: numbers[state] for name, state in table.start_states.items()},
        "END": {name: numbers[state] for name, state in table.end_states.items()},
        "RULES": tuple(rules),
        "ACTIONS": tuple(actions),
        "GOTO": tuple(goto),
        "LEXERS": tuple(choices),
        "SCANNERS": tuple(scanners),
        "TERMINALS": terminals,
        "BACKTICK": backtick,
        "IGNORE": ignore,
    }
    types = {
        "START": "dict[str, int]",
        "END": "dict[str, int]",
        "RULES": "tuple[tuple[str, int], ...]",
        "ACTIONS": "tuple[dict[str, int], ...]",
        "GOTO": "tuple[dict[str, int], ...]",
        "LEXERS": "tuple[int, ...]",
        "SCANNERS": "tuple[tuple[str, ...], ...]",
        "TERMINALS": "dict[str, str]",
        "BACKTICK": "dict[str, str]",
        "IGNORE": "str",
    }
    body = [
        f"{name}: {types[name]} = {pprint.pformat(value, width=110, compact=True, sort_dicts=True)}\n"
        for name, value in values.items()
    ]
    return HEADER + "\n" + "".join(body)


if __name__ == "__main__":
    (GRAMMAR / "tables.py").write_text(render_tables(), encoding="utf-8")
