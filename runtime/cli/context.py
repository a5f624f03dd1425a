"""Where the Dockerfile and the build context are: what PATH and ``-f`` say together."""

from __future__ import annotations

import os
import sys
from typing import BinaryIO, NamedTuple

from ...grammar.source import SourceFile
from ..engine.request import StreamContext, UrlContext
from ..errors import InputError, UsageError
from .options import read_dockerfile

__all__ = ["Definition", "find_definition"]

_STANDARD_INPUT = "-"
_WEB = ("http://", "https://")
_PIPE = "pipe a Dockerfile or a tar archive into it: tar -c . | layerc build -"


class Definition(NamedTuple):
    """The fields of a :class:`BuildRequest` that have these names."""

    context: str | StreamContext | UrlContext | None
    dockerfile: SourceFile | None = None
    dockerfile_path: str | None = None
    dockerfile_name: str = ""

    @property
    def needs_ssh(self) -> bool:
        """Whether the context is a git repository that is read with ssh."""
        if not isinstance(self.context, UrlContext):
            return False
        from ...compiler.gitref import parse_git_ref

        try:
            found = parse_git_ref(self.context.url, context=True)
        except ValueError:
            return False  # its mistake is told when it is opened
        return found is not None and (found.remote.startswith("ssh://") or "://" not in found.remote)


def find_definition(path: str, file: str | None) -> Definition:
    """What ``path`` and ``--file`` mean, as docker reads them. A Dockerfile that lies on this machine is read;
    one in a context from elsewhere is only named.

    Raises :class:`UsageError` for words that do not fit together, :class:`InputError` for what is not there.
    """
    if path == _STANDARD_INPUT:
        return _from_stream(file)
    if os.path.isdir(path):
        if file is not None and file.startswith(_WEB):
            return Definition(path, dockerfile_name=file)
        if file == _STANDARD_INPUT:
            head, stream = _standard_input()
            return Definition(path, _source(head + stream.read()))
        source, place = read_dockerfile(file, path)
        return Definition(path, source, place)
    if _is_remote(path):
        return _from_url(path, file)
    raise InputError(f"there is no directory {path!r} to build", help=_advice(path))


def _from_stream(file: str | None) -> Definition:
    """Standard input is a context if it is an archive, else a Dockerfile without a context."""
    if file == _STANDARD_INPUT:
        raise UsageError(
            "PATH - and -f - exclude each other: standard input can not be both", help="name one of them"
        )
    head, stream = _standard_input()
    from ..engine.contexts import is_archive

    if is_archive(head):
        return Definition(StreamContext(head, stream), dockerfile_name=file or "")
    if file is not None:
        raise UsageError(
            "PATH - and -f exclude each other: standard input is a Dockerfile and no archive",
            help="use -f - PATH for a Dockerfile from standard input",
        )
    return Definition(None, _source(head + stream.read()))


def _from_url(url: str, file: str | None) -> Definition:
    """As with docker: a relative ``-f`` is a path in the context, an absolute one lies on this machine."""
    context = UrlContext(url)
    if file == _STANDARD_INPUT:
        head, stream = _standard_input()
        return Definition(context, _source(head + stream.read()))
    if file is not None and os.path.isabs(file):
        source, place = read_dockerfile(file, None)
        return Definition(context, source, place)
    return Definition(context, dockerfile_name=file or "")


def _standard_input() -> tuple[bytes, BinaryIO]:
    """What standard input begins with, enough to tell what it is, and the rest of it."""
    from ..engine.contexts import HEAD

    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("standard input is a terminal", help=_PIPE)
    head = sys.stdin.buffer.read(HEAD)
    if not head:
        raise InputError("standard input is empty", help=_PIPE)
    return head, sys.stdin.buffer


def _source(data: bytes) -> SourceFile:
    return SourceFile.from_bytes("<stdin>", data)


def _is_remote(text: str) -> bool:
    if text.startswith(_WEB):
        return True
    from ...compiler.gitref import parse_git_ref

    try:
        return parse_git_ref(text, context=True) is not None
    except ValueError:
        return True  # a git URL, whose mistake is told when it is opened


def _advice(path: str) -> str | None:
    if os.path.isfile(path):
        return f"name the Dockerfile with -f {path}"
    if "://" in path:
        return "PATH is a directory, a git repository (https://….git, git@host:path) or an http(s) URL"
    return None
