"""What the compiler refuses: message, place and help, as files in corpus/negative/compile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from compiling import CASES, compile_case

from layerc.grammar.errors import CompileError

NEGATIVE = CASES.parent / "negative" / "compile"
FOLDERS = [pytest.param(folder, id=folder.name) for folder in sorted(NEGATIVE.iterdir())]


@pytest.mark.parametrize("folder", FOLDERS)
def test_refused(folder: Path, golden: Callable[[Path, str], None]) -> None:
    with pytest.raises(CompileError) as caught:
        compile_case(folder)
    error = caught.value
    lines = [error.message]
    if error.where is not None:
        mark = " " * (error.where.column - 1) + "^" * max(1, error.where.end_column - error.where.column)
        lines += [f"at {error.where.line}:{error.where.column}", error.where.text, mark]
    golden(folder / "error.txt", "\n".join([*lines, f"help: {error.help}"]) + "\n")
