"""Writes docs/rules/ from the docstrings of the linter's rules; with --check tells whether it is current.

python scripts/make_rule_pages.py
"""

from __future__ import annotations

import sys
from pathlib import Path

from layerc.compiler.lint.pages import render_page
from layerc.compiler.lint.rule import Category, Rule
from layerc.compiler.lint.rules import RULES

PAGES = Path(__file__).parents[1] / "docs" / "rules"
_HEAD = """\
# Rules

All rules of `layerc lint`, by category. This folder is written by `scripts/make_rule_pages.py` from the docstrings
in `compiler/lint/rules/`; `layerc rules ID` prints the same pages.
"""


def pages() -> dict[str, str]:
    """What the folder has to hold: file name to text."""
    texts = {f"{rule.id}.md": render_page(rule) for rule in RULES}
    return {"README.md": _index(), **texts}


def _index() -> str:
    parts = [_HEAD]
    for category in Category:
        rules = sorted((rule for rule in RULES if rule.category is category), key=lambda rule: rule.id)
        if not rules:
            continue
        rows = [_row(rule) for rule in rules]
        head = ["| rule | what | severity | fixes | also known as |", "|---|---|---|---|---|"]
        parts.append("\n".join([f"## {category.value.capitalize()}", "", *head, *rows, ""]))
    return "\n".join(parts)


def _row(rule: Rule) -> str:
    cells = (
        f"[{rule.id}]({rule.id}.md)",
        rule.summary,
        rule.severity.word,
        "yes" if rule.fixable else "",
        ", ".join(rule.equivalents),
    )
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Write the folder, or compare it."""
    wanted = pages()
    there = {path.name: path.read_text(encoding="utf-8") for path in PAGES.glob("*.md")}
    if "--check" in sys.argv[1:]:
        stale = sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
        print("\n".join(f"docs/rules/{name} is not current" for name in stale), end="\n" if stale else "")
        return bool(stale)
    PAGES.mkdir(exist_ok=True)
    for name in there.keys() - wanted.keys():
        (PAGES / name).unlink()
    for name, text in wanted.items():
        (PAGES / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
