"""Operations that do the same, brought to one form: what identities are made of. What is executed is as written."""

from __future__ import annotations

import re

from ..gotext import clean_path
from ..shell.program import canonical_command
from ..unread import unread_variables
from .operations import Add, ContextPath, Copy, Operation, Run, SourceItem

__all__ = ["meaning_of"]


def meaning_of(operation: Operation) -> Operation:
    """``operation`` in the form that all have that do the same, as far as that is known.

    >>> meaning_of(Run(("/bin/sh", "-c", "cat  f >g"))).argv[2]
    'cat f > g'
    """
    match operation:
        case Run():
            return _run(operation)
        case Copy() | Add():
            return _copy(operation)
        case _:
            return operation


def _run(run: Run) -> Run:
    unread = unread_variables(run)
    env = tuple(pair for pair in run.env if pair[0] not in unread)
    return run._replace(argv=canonical_command(run.argv, [name for name, _ in run.env]), env=env)


def _copy(copy: Copy | Add) -> Copy | Add:
    octal = re.fullmatch(r"0*([0-7]+)", copy.chmod, re.ASCII)
    return copy._replace(
        sources=tuple(_source(source, parents=copy.parents) for source in copy.sources),
        dest=_destination(copy.dest),
        chmod=octal[1] if octal else copy.chmod,
    )


def _source(source: SourceItem, *, parents: bool) -> SourceItem:
    """A path of the context or of a stage begins at its root, which ``..`` does not leave."""
    if not isinstance(source, ContextPath):
        return source
    top, pivot, path = source.path.partition("/./") if parents else (source.path, "", "")
    return ContextPath(clean_path("/" + top) + (pivot and pivot + clean_path("/" + path)[1:]))


def _destination(dest: str) -> str:
    """``..`` after a link is not what it looks like, so it stays."""
    parts = [part for part in dest.split("/") if part not in ("", ".")]
    if ".." in parts or not dest.startswith("/"):
        return dest
    is_directory = dest.endswith(("/", "/."))
    return "/" + "/".join(parts) + ("/" if is_directory and parts else "")
