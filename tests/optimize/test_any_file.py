"""Laws that hold for whatever Dockerfile is optimised, with nothing known and with facts that are made up.

``python tests/tools/optimize_files.py DIR`` is the same for all files of a folder.
"""

from __future__ import annotations

from pathlib import Path

from optimize_files import try_file

CORPUS = Path(__file__).parents[2] / "corpus"
FILES = sorted(
    path
    for folder in ("builds", "cases", "lint", "projects")
    for path in (CORPUS / folder).rglob("*Dockerfile")
    if path.is_file()
)


def test_laws() -> None:
    tried = {path: try_file(path.read_bytes()) for path in FILES[::5]}
    assert {str(path): outcome.broken for path, outcome in tried.items() if outcome.broken} == {}
    assert sum(bool(outcome.passes.get("-O1 any")) for outcome in tried.values()) > len(tried) / 20
