"""What a formatted Dockerfile may not change: layers by what they mean, and image configs."""

from __future__ import annotations

from layerc.compiler.format import format_document
from layerc.compiler.lint.evaluation import evaluate
from layerc.compiler.options import CompileOptions
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile
from layerc.grammar.syntax import Document

Meaning = tuple[list[object], str]


def formatted(text: str) -> str:
    return format_document(parse(SourceFile("Dockerfile", text)))


def meaning(document: Document) -> Meaning:
    """Of every stage: its name, the id of its last layer, its config; and what ended the compilation, if anything."""
    evaluation = evaluate(document, CompileOptions(), {}, None)
    stages: list[object] = [
        (node.name, node.result.layer, node.result.image) if node.result else (node.name,)
        for node in evaluation.nodes
    ]
    return stages, evaluation.error.message if evaluation.error else ""


def check_laws(text: str) -> str:
    """Format ``text``; a second time changes nothing, and it means the same. Gives the formatted text."""
    before = parse(SourceFile("Dockerfile", text))
    once = format_document(before)
    after = parse(SourceFile("Dockerfile", once))
    assert format_document(after) == once
    assert meaning(after) == meaning(before)
    comments = [item.text.strip() for item in before.items if item.kind == "comment"]
    assert [item.text.strip() for item in after.items if item.kind == "comment"] == comments
    return once
