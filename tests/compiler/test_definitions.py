"""Layer definitions: they are the Dockerfile that says the same."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from compiling import CASES, compile_text, image
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from layerc.compiler import compile_dockerfile
from layerc.compiler.definitions import is_definitions, read_document
from layerc.compiler.definitions.layers import read_definitions
from layerc.compiler.definitions.parts import PARTS
from layerc.compiler.graph.plan import LayerPlan
from layerc.compiler.options import CompileOptions, UnresolvedImagesError
from layerc.grammar.errors import CompileError, LayercError
from layerc.grammar.source import SourceFile
from layerc.grammar.unparse import unparse

CORPUS = CASES.parent
FOLDERS = [pytest.param(folder, id=folder.name) for folder in sorted((CORPUS / "definitions").iterdir())]
WRONG = sorted(path for path in (CORPUS / "definitions-wrong").iterdir() if path.suffix != ".txt")
SCHEMA = json.loads((CORPUS.parent / "docs" / "definitions.schema.json").read_text())


def source_of(path: Path) -> SourceFile:
    return SourceFile.from_bytes(path.name, path.read_bytes())


def compile_definitions(source: SourceFile, **options: Any) -> LayerPlan:
    given_options = CompileOptions(**options)
    document = read_document(source, given_options.target, given_options.contexts)
    known: dict[Any, Any] = {}
    while True:
        try:
            return compile_dockerfile(document, given_options, known)
        except UnresolvedImagesError as need:
            known |= {request: image(request, {}) for request in need.requests}


def definition_file(folder: Path) -> Path:
    return next(folder.glob("layers.*"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_definitions_are_the_dockerfile_that_says_the_same(
    folder: Path, golden: Callable[[Path, str], None]
) -> None:
    source = source_of(definition_file(folder))
    definitions = read_definitions(source)
    text = unparse(definitions.document(every=True))
    golden(folder / "Dockerfile", text)
    for target in definitions.images:
        ours, theirs = compile_definitions(source, target=target), compile_text(text, target=target)
        assert ours == theirs
        assert [layer.id for layer in ours.layers] == [layer.id for layer in theirs.layers]
        assert ours.images == theirs.images
        lines = source.text.split("\n")
        for layer in ours.layers:
            place = layer.provenance
            assert place.file == source.name
            assert lines[place.line - 1].strip()
    if len(definitions.images) == 1:
        assert compile_definitions(source).images == compile_text(text, target=definitions.images[0]).images


def test_the_tour_is_the_tour() -> None:
    ours = compile_definitions(source_of(CORPUS / "definitions" / "tour" / "layers.toml"))
    theirs = compile_text((CASES / "tour" / "Dockerfile").read_text())
    assert [layer.id for layer in ours.layers] == [layer.id for layer in theirs.layers]
    assert ours.images[0]._replace(name="") == theirs.images[0]


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_schema_describes_the_corpus(folder: Path) -> None:
    path = definition_file(folder)
    value = (tomllib if path.suffix == ".toml" else json).loads(path.read_text())
    Draft202012Validator(SCHEMA).validate(value)


def test_the_schema_has_every_key() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["$defs"]["layer"]["properties"]) == {"name", "parent", "platform", *PARTS}


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.name)
def test_refused(path: Path, golden: Callable[[Path, str], None]) -> None:
    with pytest.raises(CompileError) as caught:
        compile_definitions(source_of(path))
    error = caught.value
    lines = [error.message]
    if error.where is not None:
        mark = " " * (error.where.column - 1) + "^" * max(1, error.where.end_column - error.where.column)
        lines += [f"at {error.where.line}:{error.where.column}", error.where.text, mark]
    golden(path.with_suffix(path.suffix + ".txt"), "\n".join([*lines, f"help: {error.help}"]) + "\n")


# --- the law -----------------------------------------------------------------------------------------

values = st.text(st.sampled_from("ab /.:-_='\"\\$é{}#[]<"), max_size=8).filter(
    lambda text: "$" not in text.replace("\\$", "") and not text.endswith("\\")
)
names = st.sampled_from(["A", "B_1", "PATH", "x"])
words = st.lists(values, min_size=1, max_size=3)
lines = st.text(st.sampled_from("ab \n/[]<>$\"'\\#=&|-"), min_size=1, max_size=12).filter(
    lambda text: (
        text.strip() and not any(letter in text for letter in "<\\\n") and text.strip()[0] not in "[-#"
    )
)


def literally(text: str) -> str:
    """``text`` in double quotes of a Dockerfile, so that only ``\\$`` means something else than itself."""
    kept = text.replace("\\$", "\0").replace("\\", "\\\\").replace('"', '\\"').replace("\0", "\\$")
    return f'"{kept}"'


@st.composite
def layers(draw: st.DrawFn, name: str, parent: str) -> tuple[dict[str, Any], str]:
    """A layer, and the stage of a Dockerfile that says the same, written down in another way."""
    layer: dict[str, Any] = {"name": name, "parent": parent}
    said = [f"FROM {parent} AS {name}"]
    for keyword, key in (("ENV", "env"), ("LABEL", "labels")):
        if table := draw(st.dictionaries(names, values, max_size=2)):
            layer[key] = table
            said += [f"{keyword} {key}={literally(value)}" for key, value in table.items()]
    if draw(st.booleans()):
        layer["user"], layer["workdir"] = "u:g", "/a b"
        said += ["USER u:g", 'WORKDIR "/a b"']
    if draw(st.booleans()):
        layer["copy_files"] = [{"src": ["x", "y z"], "dest": "d/", "chown": "1", "chmod": "640"}]
        said.append('COPY --chmod=640 --chown=1 ["x", "y z", "d/"]')
    layer["commands"] = draw(st.lists(lines | words, max_size=2))
    said += [
        f"RUN {json.dumps(command)}" if isinstance(command, list) else f"RUN {command.strip()}"
        for command in layer["commands"]
    ]
    if ports := draw(st.lists(st.integers(1, 65535), max_size=2)):
        layer["expose"] = ports
        said += [f"EXPOSE {port}" for port in ports]
    if draw(st.booleans()):
        layer["cmd"] = draw(words)
        said.append(f"CMD {json.dumps(layer['cmd'])}")
    return layer, "".join(line + "\n" for line in said)


@settings(max_examples=60, deadline=None)
@given(st.tuples(layers("a", "debian:12"), layers("b", "a"), layers("c", "a")))
def test_any_definitions_are_the_dockerfile_that_says_the_same(
    three: list[tuple[dict[str, Any], str]],
) -> None:
    (_, first), (_, second), (_, third) = three
    text = json.dumps({"layers": [layer for layer, _ in reversed(three)]}, indent=1)
    for target in ("b", "c"):
        ours = compile_definitions(SourceFile("layers.json", text), target=target)
        theirs = compile_text(first + second + third, target=target)
        assert [layer.id for layer in ours.layers] == [layer.id for layer in theirs.layers]
        assert ours.images == theirs.images


pieces = st.sampled_from(
    [
        *"[]{}\",'=.\n#:$\\ ",
        "[[layers]]\n",
        'name = "a"\n',
        'parent = "b:1"\n',
        "commands",
        "copy_files",
        "1",
        "env.A",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(pieces, max_size=20).map("".join), st.sampled_from([".toml", ".json"]))
def test_any_text_is_read_or_refused(text: str, suffix: str) -> None:
    with suppress(LayercError):
        document = read_document(SourceFile(f"x{suffix}", text), every=True)
        assert document.instructions[0].keyword == "FROM"


def test_deep_nesting_is_refused() -> None:
    for text in ("[" * 100_000, '{"a":' * 100_000):
        with pytest.raises(CompileError):
            read_document(SourceFile("x.json", text))


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("layers.toml", "FROM x", True),
        ("Dockerfile", "FROM x", False),
        ("<stdin>", "# c\n\n[[layers]]", True),
        ("<stdin>", '{"layers": []}', True),
        ("<stdin>", "", False),
    ],
)
def test_what_are_definitions(name: str, text: str, found: bool) -> None:
    assert is_definitions(SourceFile(name, text)) is found
