"""``layerc parse``: Dockerfiles to syntax trees, for other tools (JSON lines) and for people."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from ...grammar.errors import DockerfileError
from ...grammar.source import SourceFile
from ..errors import EnvironmentLackError, InputError, UsageError
from .errors import render
from .terminal import Style, columns, visible, wants_colour

if TYPE_CHECKING:
    from concurrent.futures import Future

    from ...grammar.syntax import Document
    from .parser import ArgumentParser

__all__ = ["add_arguments", "run"]

_STANDARD_INPUT = "-"
# Bytes of one file. More is not a Dockerfile but a device without end, or a mistake.
_LARGEST = 128 << 20
# Files that a worker process gets at a time, and such batches that are on their way for each worker.
_BATCH = 32
_AHEAD = 4

# What is printed for one file, and whether it was parsed.
_Shown = tuple[str, bool]
_EPILOG = """\
examples:
  layerc parse Dockerfile                          a JSON object on one line
  layerc parse --tree Dockerfile                   for people
  find . -name Dockerfile | layerc parse --files-from -

The exit code is 3 where a file could not be read or parsed; every other file is printed all the same.
docs/parse.schema.json describes the JSON.
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
    parser.add_argument(
        "--jobs",
        "-j",
        metavar="N",
        type=_jobs,
        default=1,
        help="processes that parse; 0 for one each processor (default: 1)",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="JSON lines (the default)")
    form.add_argument("--tree", action="store_true", help="an indented text")


def _jobs(word: str) -> int:
    if not word.isdecimal() or not word.isascii():
        raise argparse.ArgumentTypeError(f"expected a number of processes, not {word!r}")
    return int(word) or os.cpu_count() or 1


def run(arguments: argparse.Namespace) -> int:
    """Parse and print."""
    if not arguments.files and arguments.files_from is None:
        raise UsageError("no file is named", help="write layerc parse FILE, or --files-from LIST")
    show = partial(_show, _tree_text if arguments.tree else _json_line)
    names = _names(arguments)
    code = 0
    for text, parsed in map(show, names) if arguments.jobs == 1 else _shared_out(show, names, arguments.jobs):
        if not parsed:
            code = DockerfileError.exit_code
        # At once: who reads may be waiting for this file before naming the next.
        sys.stdout.write(text)
        sys.stdout.flush()
    return code


def _shared_out(show: Callable[[str], _Shown], names: Iterable[str], jobs: int) -> Iterator[_Shown]:
    """``show`` of each name, in order, by worker processes. Only a bounded number is ever ahead."""
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    names = iter(names)
    pending: deque[Future[list[_Shown]]] = deque()
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("fork"), initializer=_leave_signals)
    try:
        while batch := list(islice(names, _BATCH)):
            pending.append(pool.submit(_show_all, show, batch))
            if len(pending) >= jobs * _AHEAD:
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()
    except BrokenProcessPool as error:
        raise EnvironmentLackError(
            "a worker process was killed", help="memory may be short: use fewer --jobs"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _leave_signals() -> None:
    """In a worker: the parent alone answers control-C, and ends the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _show_all(show: Callable[[str], _Shown], names: list[str]) -> list[_Shown]:
    return [show(name) for name in names]


def _show(form: Callable[[str, Document | DockerfileError], str], name: str) -> _Shown:
    try:
        result = _parse(name)
        return form(name, result), not isinstance(result, DockerfileError)
    except MemoryError:
        pass  # only when this block is left is what it held free again
    return form(name, DockerfileError("the file is too large for this machine's memory")), False


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
            data = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a name that holds a NUL
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return DockerfileError(f"can not read the file: {reason}")
    if len(data) > _LARGEST:
        return DockerfileError(f"the file is larger than {_LARGEST >> 20} MiB")
    try:
        return parse(SourceFile.from_bytes(name, data))
    except DockerfileError as error:
        return error


def _json_line(name: str, result: Document | DockerfileError) -> str:
    from ...grammar.show import error_to_json, instruction_to_json

    if isinstance(result, DockerfileError):
        return json.dumps(error_to_json(name, result)) + "\n"
    # What json.dumps(to_json(…)) gives; an instruction at a time, since a large file's dicts fill the memory.
    instructions = ", ".join(json.dumps(instruction_to_json(item)) for item in result.instructions)
    return f'{{"file": {json.dumps(name)}, "instructions": [{instructions}]}}\n'


def _tree_text(name: str, result: Document | DockerfileError) -> str:
    from ...grammar.show import render_tree

    if isinstance(result, DockerfileError):
        style = Style(wants_colour(sys.stdout))
        return f"{visible(name)}\n{render(result, style, columns(sys.stdout))}\n"
    return "".join(f"{visible(line)}\n" for line in render_tree(result).splitlines())
