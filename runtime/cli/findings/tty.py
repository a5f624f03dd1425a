"""One line a finding, as hadolint's ``tty`` format: for terminals, editors and grep."""

from __future__ import annotations

from collections.abc import Sequence

from ...lint.run import FileResult
from ..terminal import visible
from .view import View, each_finding

__all__ = ["render"]


def render(results: Sequence[FileResult], view: View) -> str:  # noqa: ARG001  # the shape of all formats
    """``file:line:column CODE severity: message``."""
    return "".join(
        f"{visible(str(found.where))} {found.code} {found.severity.word}: {visible(found.finding.message)}\n"
        for _, found in each_finding(results)
    )
