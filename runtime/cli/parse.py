"""``layerc parse``: Dockerfiles to syntax trees, for other tools (JSON lines) and for people."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, BinaryIO

from ...grammar.errors import DockerfileError
from ...grammar.source import SourceFile
from ..errors import InputError, UsageError
from .errors import render
from .terminal import Style, columns, visible, wants_colour

if TYPE_CHECKING:
    from ...grammar.syntax import Document
    from .parser import ArgumentParser

__all__ = ["add_arguments", "run"]

_STANDARD_INPUT = "-"
_EPILOG = """\
examples:
  layerc parse Dockerfile                          a JSON object on one line
  layerc parse --tree Dockerfile                   for people
  find . -name Dockerfile | layerc parse --files-from -

The exit code is 3 where a file could not be read or parsed; every other file is printed all the same.
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.usage = "layerc parse [OPTIONS] [FILE…]"
    parser.description = (
        "Parse Dockerfiles and print their syntax trees, one JSON object a file and line.\n"
        "A file that can not be read or parsed gives an object with an error."
    )
    parser.epilog = _EPILOG
    parser.add_argument("files", metavar="FILE", nargs="*", help="a Dockerfile, or - for standard input")
    parser.add_argument(
        "--files-from",
        metavar="LIST",
        help="a file that names Dockerfiles, one a line, or - for standard input",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="JSON lines (the default)")
    form.add_argument("--tree", action="store_true", help="an indented text")


def run(arguments: argparse.Namespace) -> int:
    """Parse and print."""
    if not arguments.files and arguments.files_from is None:
        raise UsageError("no file is named", help="write layerc parse FILE, or --files-from LIST")
    show = _tree if arguments.tree else _json_line
    code = 0
    for name in _names(arguments):
        result = _parse(name)
        if isinstance(result, DockerfileError):
            code = DockerfileError.exit_code
        sys.stdout.write(show(name, result))
    return code


def _names(arguments: argparse.Namespace) -> Iterator[str]:
    yield from arguments.files
    if arguments.files_from is None:
        return
    try:
        with _opened(arguments.files_from) as lines:
            for line in lines:
                if name := line.rstrip(b"\r\n"):
                    yield os.fsdecode(name)
    except OSError as error:
        raise InputError(f"can not read {arguments.files_from}: {error.strerror}") from error


def _opened(name: str) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdin.buffer) if name == _STANDARD_INPUT else open(name, "rb")


def _parse(name: str) -> Document | DockerfileError:
    from ...grammar.parse import parse

    try:
        with _opened(name) as file:
            data = file.read()
    except (OSError, ValueError) as error:  # ValueError: a name that holds a NUL
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return DockerfileError(f"can not read the file: {reason}")
    try:
        return parse(SourceFile.from_bytes(name, data))
    except DockerfileError as error:
        return error


def _json_line(name: str, result: Document | DockerfileError) -> str:
    from ...grammar.show import error_to_json, to_json

    document = error_to_json(name, result) if isinstance(result, DockerfileError) else to_json(result)
    return json.dumps(document) + "\n"


def _tree(name: str, result: Document | DockerfileError) -> str:
    from ...grammar.show import render_tree

    if isinstance(result, DockerfileError):
        style = Style(wants_colour(sys.stdout))
        return f"{visible(name)}\n{render(result, style, columns(sys.stdout))}\n"
    return "".join(f"{visible(line)}\n" for line in render_tree(result).splitlines())
