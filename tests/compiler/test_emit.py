"""Pictures of plans, and the tables of formats and instructions."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from compiling import CASES, compile_case, compile_text

import layerc.compiler.emit
import layerc.compiler.instructions
from layerc.compiler.emit import dot, mermaid
from layerc.compiler.emit.annotation import Annotation
from layerc.compiler.emit.table import EMITTERS
from layerc.compiler.instructions.command import Command
from layerc.compiler.instructions.table import COMMANDS, command_class
from layerc.grammar.shapes import KEYWORDS

NASTY = 'FROM scratch\nRUN echo "a\\"b" <x> [y] | {z} #1; `end` \\\\ && \\\n  tab\tend; --> %%\nRUN ü\n'


def modules(package: Path) -> set[str]:
    return {path.stem for path in package.glob("*.py")} - {"__init__"}


def test_every_format_is_in_the_table() -> None:
    folder = Path(layerc.compiler.emit.__file__).parent
    assert {emitter.emit.__module__.rpartition(".")[2] for emitter in EMITTERS} == modules(folder) - {
        *("table", "emitter", "picture", "annotation", "difference", "drawing", "layout", "page")
    }
    assert len({emitter.name for emitter in EMITTERS}) == len(EMITTERS)


def test_every_instruction_is_in_the_table() -> None:
    assert {*COMMANDS, "FROM"} == set(KEYWORDS)
    folder = Path(layerc.compiler.instructions.__file__).parent
    shared = {
        "command",
        "csv",
        "device",
        "files",
        "flags",
        "mount",
        "mount_options",
        "pairs",
        "shellform",
        "table",
    }
    files = modules(folder) - shared
    assert {keyword.lower() for keyword in COMMANDS} | {"from_"} == files
    for keyword in COMMANDS:
        kind = command_class(keyword)
        assert issubclass(kind, Command)
        assert kind.__module__.rpartition(".")[2] == keyword.lower()


@pytest.mark.parametrize("name", ["run-mounts", "stages-by-name-and-number", "platform-arguments"])
@pytest.mark.parametrize("emitter", [dot.DOT, mermaid.MERMAID], ids=lambda emitter: emitter.name)
def test_golden_pictures(name: str, emitter: object, golden: Callable[[Path, str], None]) -> None:
    assert isinstance(emitter, type(EMITTERS[0]))
    golden(CASES / name / f"plan{emitter.suffix}", emitter.emit(compile_case(CASES / name)))


def test_dot_escapes_what_it_must() -> None:
    text = dot.emit(compile_text(NASTY))
    label = re.search(r"layer0 \[label=\"((?:[^\"\\]|\\.)*)\"\];", text)
    assert label is not None
    shown = label[1].replace('\\"', '"').replace("\\\\", "\\")
    assert shown.startswith('1/2 RUN echo "a"b" <x> [y] | {z} #1; `end` ')


def test_mermaid_has_nothing_but_plain_characters_in_labels() -> None:
    text = mermaid.emit(compile_text(NASTY))
    labels = re.findall(r'layer\d\["(.*)"\]', text)
    assert len(labels) == 2
    for label in labels:
        assert re.fullmatch(r"(?:[A-Za-z0-9 ./:=,+@…-]|#\d+;)*", label)
    decoded = re.sub(r"#(\d+);", lambda match: chr(int(match[1])), labels[1])
    assert decoded == "2/2 RUN ü"


def test_long_titles_are_cut() -> None:
    plan = compile_text("FROM scratch\nRUN echo " + "x" * 500 + "\n")
    assert max(map(len, dot.emit(plan).splitlines())) < 120


def test_what_is_known_is_told_and_coloured() -> None:
    plan = compile_text("FROM scratch AS a\nCOPY x /\nFROM scratch\nCOPY --from=a /x /\nRUN b\n")
    first, second, third = plan.layers
    known = {
        first.id: Annotation("cached", 3.0, 2_000_000),
        third.id: Annotation("ran", 1.5, None, 'said "so"\\'),
    }
    text = dot.emit(plan, known)
    assert 'layer0 [label="1/1 COPY x /\\ncached \u00b7 3.0 s \u00b7 2.0 MB", style=filled, ' in text
    assert 'tooltip="said \\"so\\"\\\\"' in text
    text = mermaid.emit(plan, known)
    assert 'layer0["1/1 COPY x / - cached #183; 3.0 s #183; 2.0 MB"]' in text
    assert "  class layer0 cached\n" in text
    assert second.id not in known
    assert "critical" not in text  # all steps wait for each other


@pytest.mark.engine
def test_graphviz_reads_it() -> None:
    program = shutil.which("dot")
    if program is None:
        pytest.skip("Graphviz is not installed")
    plan = compile_text(NASTY)
    text = dot.emit(plan, {plan.layers[0].id: Annotation("ran", 1, 1, 'a"b\\')})
    done = subprocess.run([program, "-Tsvg"], input=text, capture_output=True, text=True, check=True)
    assert "2/2 RUN ü" in done.stdout
