"""A tree for other tools (JSON) and for people (text)."""

from __future__ import annotations

from typing import Any

from .errors import DockerfileError
from .syntax import Directive, Document, Instruction

__all__ = ["error_to_json", "instruction_to_json", "render_tree", "to_json"]


def to_json(document: Document) -> dict[str, Any]:
    """What ``layerc parse --json`` prints for a file.

    >>> from .parse import parse
    >>> from .source import SourceFile
    >>> to_json(parse(SourceFile("f", "FROM a")))["instructions"][0]["args"]
    ['a']
    """
    return {
        "file": document.source.name,
        "instructions": [instruction_to_json(instruction) for instruction in document.instructions],
    }


def instruction_to_json(instruction: Instruction) -> dict[str, Any]:
    """One element of ``instructions`` in :func:`to_json`."""
    return {
        **_fields(instruction),
        "start": instruction.start_line,
        "end": instruction.end_line,
        "onbuild": _trigger(instruction),
    }


def error_to_json(file: str, error: DockerfileError) -> dict[str, Any]:
    """What ``layerc parse --json`` prints for a file that it refuses."""
    where = error.where
    return {
        "file": file,
        "error": {
            "message": error.message,
            "line": None if where is None else where.line,
            "column": None if where is None else where.column,
            "end_column": None if where is None else where.end_column,
            "help": error.help,
        },
    }


def _trigger(instruction: Instruction) -> dict[str, Any] | None:
    child = instruction.child
    return None if child is None else {**_fields(child), "onbuild": _trigger(child)}


def _fields(instruction: Instruction) -> dict[str, Any]:
    return {
        "keyword": instruction.keyword,
        "flags": [flag.raw for flag in instruction.flags],
        "json": instruction.exec_form,
        "args": list(instruction.args),
        "heredocs": [
            {"name": doc.name, "expand": doc.expand, "chomp": doc.chomp, "content": doc.content}
            for doc in instruction.heredocs
        ],
    }


def render_tree(document: Document) -> str:
    """What ``layerc parse --tree`` prints: an item a line with its line numbers, its parts below it, comments
    and blank lines left out.
    """
    lines = [document.source.name]
    for item in document.items:
        first = document.source.line_of(item.span.start)
        if isinstance(item, Directive):
            lines.append(f"{first:>9}  # {item.name} = {item.value}")
        elif isinstance(item, Instruction):
            first = item.start_line
            number = f"{first}" if item.end_line == first else f"{first}-{item.end_line}"
            lines.append(f"{number:>9}  {item.keyword}")
            lines += [f"         {line}" for line in _parts(item)]
    return "\n".join(lines) + "\n"


def _parts(instruction: Instruction) -> list[str]:
    parts = [f"  flag     {flag.raw!r}" for flag in instruction.flags]
    if instruction.child is not None:
        parts.append(f"  trigger  {instruction.child.keyword}")
        return parts + [f"  {part}" for part in _parts(instruction.child)]
    if instruction.exec_form:
        parts.append("  exec     " + ", ".join(map(repr, instruction.args)))
    elif instruction.keyword in ("ENV", "LABEL"):
        names, values = instruction.args[::2], instruction.args[1::2]
        parts += [f"  pair     {name!r} = {value!r}" for name, value in zip(names, values, strict=True)]
    else:
        parts += [f"  argument {argument!r}" for argument in instruction.args]
    for doc in instruction.heredocs:
        marks = (" quoted" if not doc.expand else "") + (" without leading tabs" if doc.chomp else "")
        descriptor = f" on {doc.file_descriptor}" if doc.file_descriptor else ""
        parts.append(f"  heredoc  {doc.name!r}{descriptor}{marks}")
        parts += [f"    | {line!r}" for line in doc.content.split("\n")[:-1]]
    return parts
