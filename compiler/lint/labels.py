"""Labels with their places, and what the rules about the schema of labels share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ...grammar.source import Span
from .finding import Finding
from .stages import StageView
from .subject import Subject

__all__ = ["Label", "labels_of", "unfit"]


class Label(NamedTuple):
    """``key`` and ``value`` without quotes, variables as written; ``span`` is the key's."""

    stage: StageView
    key: str
    value: str
    span: Span


def labels_of(subject: Subject) -> Iterator[Label]:
    """All labels that stages set, in order."""
    for stage, instruction in subject.each("LABEL"):
        start = instruction.args_span.start
        for key, value in zip(instruction.args[::2], instruction.args[1::2], strict=False):
            span = subject.find(instruction, key, start)
            start = span.end if span != instruction.args_span else start
            yield Label(stage, key.strip("\"'"), value.strip("\"'"), span)


def unfit(subject: Subject, kind: str, fits: Callable[[str], bool], what: str) -> Iterator[Finding]:
    """Labels of the schema's type ``kind`` whose value does not fit; values with variables are not known."""
    schema = subject.settings.label_schema
    for label in labels_of(subject):
        if schema.get(label.key) == kind and "$" not in label.value and not fits(label.value):
            yield Finding(label.span, f"The value of label {label.key} is no {what}: {label.value!r}")
