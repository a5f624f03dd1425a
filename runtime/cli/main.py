"""The ``layerc`` command: finds the subcommand, imports that one alone, turns errors into exit codes."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import argparse
    from types import FrameType

    from .parser import ArgumentParser

__all__ = ["COMMANDS", "Command", "build_parser", "main"]

# Name, summary, module. The order is that of the help.
COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("build", "build images from a Dockerfile or a compiled plan", "build"),
    ("compile", "print the plan that a Dockerfile compiles to", "compile"),
    ("parse", "print the syntax trees of Dockerfiles", "parse"),
    ("lint", "find what is wrong, slow or unsafe in Dockerfiles, and fix it", "lint"),
    ("fmt", "bring Dockerfiles into one style, without changing what they make", "fmt"),
    ("rules", "list the linter's rules, and print what is known of each", "rules"),
    ("optimize", "print a Dockerfile that makes the same image and rebuilds faster", "optimize"),
    ("verify", "compare two Dockerfiles, plans or images, entry by entry", "verify"),
    ("cost", "tell where the time of rebuilds goes, by history", "cost"),
    ("affected", "tell which images of many Dockerfiles must be rebuilt", "affected"),
    ("explain", "tell why steps of a build were found in the cache, or ran", "explain"),
    ("cache", "show what the store holds, and make it smaller", "cache"),
    ("doctor", "tell what this machine has and lacks for building", "doctor"),
    ("completion", "print the completion script of a shell", "completion"),
)

# Objects between two searches for garbage in circles: a command makes many that live as long as it does, and the
# usual 700 cost a large context a tenth of its time.
_COLLECT_AFTER = 50_000

_USAGE = "layerc COMMAND [OPTIONS]"
_DESCRIPTION = "A compiler for Dockerfiles: text to a graph of layers, the graph to images."
_EPILOG = """\
examples:
  layerc build -t app .                       build ./Dockerfile, keep the image in the store
  layerc build -o type=oci,dest=app.tar .     write it as an OCI archive
  layerc compile --format mermaid .           draw the graph of layers

exit codes:
  0  done                                     5  the machine lacks something (layerc doctor)
  1  a step of the build failed               6  the store can not be used
  2  wrong use of the command line            7  the images differ (layerc verify)
  3  the Dockerfile is wrong                 70  a bug in layerc
  4  an input is missing or unusable        130  interrupted (129, 143: SIGHUP, SIGTERM)
                                            141  nobody reads the output any more

LAYERC_HOME is the store's directory, LAYERC_DEBUG=1 shows tracebacks, NO_COLOR=1 turns colours off.
"""
_INTERRUPTED = 128 + signal.SIGINT
_BROKEN_PIPE = 128 + signal.SIGPIPE


class Command(Protocol):
    """What the module of a subcommand offers."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Describe the command and its arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it and return the exit code."""


class TerminatedError(KeyboardInterrupt):
    """A signal asks the process to end: everything is cancelled and cleaned up as for control-C."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (default: the process's) and return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    gc.set_threshold(_COLLECT_AFTER)
    _open_standard_streams()
    try:
        with _signals():
            code = _run(words)
            sys.stdout.flush()
    except SystemExit as ended:  # argparse's way to end after --help and --version
        code = ended.code if isinstance(ended.code, int) else 0
    except KeyboardInterrupt as interrupt:
        code = 128 + interrupt.number if isinstance(interrupt, TerminatedError) else _INTERRUPTED
        _complain("interrupted")
    except BrokenPipeError:
        _silence()
        code = _BROKEN_PIPE
    except Exception as error:  # noqa: BLE001  # the last one to know; it shows every kind
        from .errors import report

        code = report(error)
    return code


def _run(words: list[str]) -> int:
    if words[:1] == ["help"]:
        words = [*words[1:3], "--help"]
    if not words:
        raise _usage_error("no command is named", "layerc --help lists them")
    name = words[0]
    if name.startswith("-"):
        build_parser("").parse_strictly(words)
        raise _usage_error("no command is named", "the command comes first: layerc COMMAND [OPTIONS]")
    parser, rest = build_parser(name).commands[name], words[1:]
    while parser.commands and not (rest and rest[0].startswith("-")):
        if not rest or rest[0] not in parser.commands:
            raise _no_such_action(parser, rest[:1])
        parser, rest = parser.commands[rest[0]], rest[1:]
    arguments = parser.parse_strictly(rest)
    if "run" not in arguments:
        raise _usage_error("no action is named", f"the action comes first: {parser.prog} ACTION [OPTIONS]")
    code: int = arguments.run(arguments)
    return code


def _no_such_action(parser: ArgumentParser, words: Sequence[str]) -> Exception:
    from .parser import closest

    if not words:
        return _usage_error("no action is named", f"{parser.prog} --help lists them")
    suggestion = closest(words[0], parser.commands)
    known = f"did you mean {suggestion!r}?" if suggestion else f"actions are {', '.join(parser.commands)}"
    return _usage_error(f"{parser.prog} has no action {words[0]!r}", known)


def build_parser(only: str | None = None) -> ArgumentParser:
    """The parser of all subcommands, or of ``only`` one; with an empty text none knows its options yet.

    Raises :class:`UsageError` if there is no subcommand ``only``.
    """
    from ... import __version__
    from .parser import ArgumentParser, closest

    parser = ArgumentParser(prog="layerc", usage=_USAGE, description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"layerc {__version__}")
    names = [name for name, _, _ in COMMANDS]
    if only and only not in names:
        suggestion = closest(only, names)
        advice = f"did you mean {suggestion!r}?" if suggestion else f"commands are {', '.join(names)}"
        raise _usage_error(f"unknown command {only!r}", advice)
    # With ``prog`` argparse formats no usage to find it out.
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", prog="layerc")
    for name, summary, module_name in COMMANDS:
        if only and name != only:
            continue
        subparser = parser.commands[name] = subparsers.add_parser(name, help=summary)
        subparser.description = f"{summary[0].upper()}{summary[1:]}."
        if only != "":
            module: Command = import_module(f".{module_name}", __package__)
            module.add_arguments(subparser)
            if not subparser.commands:
                subparser.set_defaults(run=module.run)
    return parser


def _usage_error(message: str, advice: str) -> Exception:
    from ..errors import UsageError

    return UsageError(message, help=advice)


def _open_standard_streams() -> None:
    """Give standard streams that are closed something to stand on: else the next file that is opened, perhaps
    the store's index, would take their number and get what is printed.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            descriptor = os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115  # kept
    # A name that the locale's encoding lacks is written as an escape, as on standard error; it is no crash.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


@contextmanager
def _signals() -> Iterator[None]:
    """SIGTERM and SIGHUP raise in the main thread, as SIGINT does; those that are ignored stay so."""

    def terminate(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # the shape is given
        raise TerminatedError(number)

    changed = []
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Only a main thread may set handlers; whoever calls us from another keeps their own.
        with suppress(ValueError):
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, terminate)
                changed.append(number)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)


def _complain(message: str) -> None:
    with suppress(OSError):
        print(message, file=sys.stderr, flush=True)


def _silence() -> None:
    """Let the interpreter's own last flush find somebody who reads."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
