"""The formats by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module

from ...lint.run import FileResult
from .view import View

__all__ = ["FORMATS", "renderer"]

# Name, module, what it is for. The order is that of the help.
FORMATS: tuple[tuple[str, str, str], ...] = (
    ("human", "human", "source lines with carets, and a summary"),
    ("tty", "tty", "one line a finding"),
    ("json", "json_document", "all that is known, fixes included"),
    ("sarif", "sarif", "SARIF 2.1.0"),
    ("github", "github", "annotations of GitHub's workflows"),
    ("gitlab", "gitlab", "GitLab's code quality report"),
    ("checkstyle", "checkstyle", "Checkstyle's XML"),
    ("junit", "junit", "JUnit's XML"),
)


def renderer(name: str) -> Callable[[Sequence[FileResult], View], str]:
    """What writes the format ``name``, which is in :data:`FORMATS`."""
    module = next(module for known, module, _ in FORMATS if known == name)
    render: Callable[[Sequence[FileResult], View], str] = import_module(f".{module}", __package__).render
    return render
