"""Any bytes are a Dockerfile or an error that says where: parse, write, show and compile what atheris makes up.

    make fuzz                                       ten minutes, from the corpus
    make fuzz FUZZ="-max_total_time=3600 -fork=2"   libFuzzer's own options
    make fuzz FUZZ=crash-…                          one input again

What is found is kept in .cache/fuzz. A crash, a hang (-timeout) and too much memory (-rss_limit_mb) end the run.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests" / "tools")]

with atheris.instrument_imports(include=["layerc.grammar", "layerc.compiler"]):
    # Loaded here to be instrumented: the compiler itself imports them when it is called.
    from compiling import compile_source

    import layerc.compiler.checks
    import layerc.compiler.lower
    import layerc.compiler.program  # noqa: F401
    from layerc.compiler.options import CompileOptions
    from layerc.grammar.directives import find_directive
    from layerc.grammar.errors import CompileError, DockerfileError
    from layerc.grammar.parse import parse
    from layerc.grammar.show import render_tree, to_json
    from layerc.grammar.source import SourceFile
    from layerc.grammar.syntax import Document
    from layerc.grammar.unparse import replace_instruction, unparse

FOUND = ROOT / ".cache" / "fuzz"
LONGEST = 20_000
# Seconds for parsing: a fixed allowance for what runs beside, and a generous price of a byte (0.4 µs is usual).
ALLOWANCE, PRICE = 1.0, 50e-6


def try_text(data: bytes) -> None:
    """All laws for one input."""
    source = SourceFile.from_bytes("Dockerfile", data)
    for name in ("syntax", "check"):
        find_directive(source, name)
    start = time.process_time()
    try:
        document = parse(source)
    except DockerfileError as error:
        check_error(error)
        return
    finally:
        assert time.process_time() - start < ALLOWANCE + PRICE * len(data), "slow"
    try_tree(document, data)
    try:
        compile_source(source, {}, CompileOptions())
    except CompileError as error:
        check_error(error, placed=False)


def check_error(error: DockerfileError, *, placed: bool = True) -> None:
    """It says what is wrong and, where that has a place, marks one that exists."""
    where = error.where
    assert error.message
    assert where is not None or not placed
    assert where is None or where.column <= where.end_column <= len(where.text) + 1


def try_tree(document: Document, data: bytes) -> None:
    """Nothing is lost, and every instruction can be put in its own place."""
    assert unparse(document).encode("utf-8", "surrogateescape") == data
    last = len(document.instructions) - 1
    assert replace_instruction(document, last, document.instructions[last].text) == document
    json.dumps(to_json(document))
    render_tree(document)


def write_seeds(folder: Path) -> None:
    """The corpus as a flat folder, as libFuzzer wants it."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted((ROOT / "corpus").rglob("*Dockerfile*")):
        if path.is_file():
            (folder / "-".join(path.relative_to(ROOT).parts)).write_bytes(path.read_bytes())


def main() -> None:
    seeds, found = FOUND / "seeds", FOUND / "found"
    words = sys.argv[1:] or ["-max_total_time=600"]
    if any(not word.startswith("-") for word in words):
        for word in words:
            try_text(Path(word).read_bytes())
        return
    write_seeds(seeds)
    found.mkdir(exist_ok=True)
    usual = [f"-max_len={LONGEST}", "-timeout=20", "-rss_limit_mb=1500", f"-artifact_prefix={FOUND}/"]
    dictionary = f"-dict={Path(__file__).with_name('dockerfile.dict')}"
    atheris.Setup([sys.argv[0], *usual, dictionary, *words, str(found), str(seeds)], try_text)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
