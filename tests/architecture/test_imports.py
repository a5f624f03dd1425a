"""Who may import whom, and that each package says what it is for."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PARTS = ("grammar", "compiler", "runtime")
MODULES = [ROOT / "__init__.py", ROOT / "__main__.py"]
MODULES += sorted(path for part in PARTS for path in (ROOT / part).rglob("*.py"))


def test_contracts() -> None:
    """The contracts of import-linter in pyproject.toml."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_says_what_it_is_for(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree)
    names = {
        node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level
    }
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert not {name for name in names if name.split(".")[0] in ("layerc", *PARTS)}, (
        "imports inside are relative"
    )


@pytest.mark.parametrize(
    ("heavy", "module"),
    [
        ("lark", "layerc.compiler"),
        ("lark", "layerc.grammar.parse"),
        ("networkx", "layerc.runtime.engine.build"),
        ("rich", "layerc.runtime.engine.build"),
        ("docker", "layerc.runtime.engine.build"),
        ("lark", "layerc.runtime.cli.main"),
        ("networkx", "layerc.runtime.cli.main"),
        ("rich", "layerc.runtime.cli.build"),
        ("urllib3", "layerc.runtime.cli.build"),
    ],
)
def test_heavy_libraries_wait_until_they_are_needed(heavy: str, module: str) -> None:
    code = f"import sys, {module}; sys.exit({heavy!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr or f"{module} imports {heavy}"
