"""``layerc fmt``: Dockerfiles in one style."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...compiler.format import format_document
from ...grammar.errors import LayercError
from ...grammar.parse import parse
from ...grammar.source import SourceFile
from ..errors import InputError, UsageError
from ..lint.config import Configs, LintConfig, load_config
from ..lint.files import STANDARD_INPUT, find_files, read_file
from ..lint.write import unified_diff, write_back
from .errors import report
from .terminal import visible

if TYPE_CHECKING:
    from .parser import ArgumentParser

__all__ = ["add_arguments", "run"]

_CHANGES = 1
_EPILOG = """\
examples:
  layerc fmt                   every Dockerfile in and below this directory
  layerc fmt --check           say which ones are not in the style; for CI
  layerc fmt - <Dockerfile     standard input to standard output; for editors

There are no options of style: docs/formatting.md tells it. A comment "# layerc fmt=off" keeps the instruction
below it as it is. The patterns of "exclude" in the linter's config hold here too.

exit codes: 0 done, or with --check and --diff: nothing to change; 1 with these: something would change;
2 wrong use, 3 a file is no Dockerfile, 4 a file or config can not be used. What is wrong with one file
keeps no other from being formatted.
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.usage = "layerc fmt [OPTIONS] [PATH…]"
    parser.epilog = _EPILOG
    parser.add_argument(
        "files", metavar="FILE", nargs="*", help="files or directories, or - for standard input (default: .)"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--check", action="store_true", help="write nothing, name the files that would change")
    which.add_argument(
        "--diff", action="store_true", help="write nothing, print what would change, as a patch"
    )
    parser.add_argument("--quiet", "-q", action="store_true", help="name no files")
    parser.add_argument(
        "--stdin-name", metavar="NAME", default="<stdin>", help="what standard input is called"
    )
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--config", metavar="FILE", help="use this config for all files")
    group.add_argument("--no-config", action="store_true", help="look for no config")


def run(arguments: argparse.Namespace) -> int:
    """Format each file; what is wrong with one keeps none of the others from it."""
    names = _names(arguments)
    if not names:
        print(f"no Dockerfile in {', '.join(map(visible, arguments.files)) or '.'}", file=sys.stderr)
    code = changed = 0
    for name in names:
        try:
            changed += _format(name, arguments)
        except LayercError as error:
            code = max(code, report(error))
    if not arguments.quiet and not arguments.diff and tuple(names) != (STANDARD_INPUT,):
        print(_summary(changed, len(names), checks=arguments.check), file=sys.stderr)
    if code:
        return code
    return _CHANGES if changed and (arguments.check or arguments.diff) else 0


def _names(arguments: argparse.Namespace) -> Sequence[str]:
    """The files that are meant. Links that a directory holds are left to where they lead."""
    if STANDARD_INPUT in arguments.files and len(arguments.files) > 1:
        raise UsageError(
            "standard input goes with no other file", help="format the files in a call of their own"
        )
    fixed = LintConfig() if arguments.no_config else None
    if arguments.config is not None:
        fixed = load_config(arguments.config)
        if fixed is None:
            raise InputError(f"{arguments.config} has no [tool.layerc.lint]")
    named = arguments.files or ["."]
    found = find_files(named, Configs(fixed))
    return [name for name in found if name in named or not os.path.islink(name)]


def _format(name: str, arguments: argparse.Namespace) -> bool:
    """Format one file, and tell whether that changes it. Raises :class:`LayercError`."""
    before = read_file(name, arguments.stdin_name if name == STANDARD_INPUT else "")
    after = SourceFile(before.name, format_document(parse(before)))
    changed = after.text != before.text
    if arguments.diff:
        for line in unified_diff(before.name, before.text, after.text):
            _write(line.encode("utf-8", "surrogateescape"))
    elif arguments.check:
        if changed and not arguments.quiet:
            print(f"would format {visible(before.name)}")
    elif name == STANDARD_INPUT:
        _write(after.to_bytes())
    elif changed:
        write_back(name, before.to_bytes(), after.to_bytes())
        if not arguments.quiet:
            print(f"formatted {visible(name)}")
    return changed


def _write(data: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _summary(changed: int, count: int, *, checks: bool) -> str:
    verb = "would change" if checks else "changed"
    return f"{changed} of {count} {'file' if count == 1 else 'files'} {verb}"
