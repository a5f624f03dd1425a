"""``layerc verify``: are two Dockerfiles, plans or images the same, and if not, in what do they differ?"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from ..errors import InputError, UsageError
from ..oci.platforms import host_platform
from .granted import add_grant_options, read_rights, read_secrets, read_ssh
from .options import add_meaning_options, add_store_option, compile_options
from .privileges import become_root
from .progress import MODES, open_progress

if TYPE_CHECKING:
    from ..engine.request import BuildRequest
    from ..engine.verify import Side
    from ..store import Store
    from .parser import ArgumentParser
    from .sides import Word

__all__ = ["DIFFERENT", "add_arguments", "run"]

DIFFERENT = 7
_EPILOG = """\
A and B are each one of
  a directory with a Dockerfile, or the URL of one      built, as layerc build does
  a Dockerfile, layer definitions, a plan; - (stdin)    built with the files of --context
  a name that layerc build -t gave                      the image in the store
  oci-layout://DIR[:TAG], a directory with one          an OCI layout
  oci-archive://FILE, docker-archive://FILE, a file     an archive of an image, or the tar of a tree
  docker-image://NAME                                   an image in a registry
  docker://NAME                                         an image in the Docker engine
  rootfs://DIR                                          a tree of files; configs are not compared

examples:
  layerc verify . Dockerfile.new                   do both make the same image of this context?
  layerc optimize . | layerc verify --prove . -    is the optimised Dockerfile's image the same?
  layerc verify app:old app:new --all              all that is different between two builds
  layerc verify . docker://app                     did Docker build what layerc builds?

exit codes:
  0  the same; or A, built twice, differs in the same entries
  7  different
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.usage = "layerc verify [OPTIONS] A B"
    parser.description = (
        "Build what is not built, and compare two images: all entries of their trees (kind, mode, owner, content,\n"
        "links, devices, extended attributes) and their configs. Where they differ, A is built a second time:\n"
        "what it does differently by itself is told apart."
    )
    parser.epilog = _EPILOG
    parser.add_argument("a", metavar="A", help="what it should be")
    parser.add_argument("b", metavar="B", help="what is compared with it")
    group = parser.add_argument_group("comparison")
    group.add_argument("--times", action="store_true", help="compare the time stamps of entries too")
    group.add_argument(
        "--strict", action="store_true", help="do not build A a second time: all that differs counts"
    )
    group.add_argument(
        "--twice", action="store_true", help="build A a second time from its first step on, whatever differs"
    )
    group.add_argument(
        "--prove",
        action="store_true",
        help="run the steps of B that A has not, whatever the cache knows of them",
    )
    group.add_argument("--all", action="store_true", help="show all that differs; by default, the beginning")
    group.add_argument("--json", action="store_true", help="print JSON (layerc.verify/1)")
    group.add_argument(
        "--context",
        metavar="[A=|B=]DIR",
        action="append",
        default=[],
        help="the build context of Dockerfiles and plans (default: the directory of A, else that of B); repeatable",
    )
    add_meaning_options(parser)
    add_grant_options(parser)
    group = parser.add_argument_group("builds")
    add_store_option(group)
    group.add_argument("--pull", action="store_true", help="ask registries for newer base images")
    group.add_argument(
        "--progress",
        metavar="FORM",
        choices=MODES,
        default="auto",
        help=f"how to show builds: {', '.join(MODES)} (default: auto, tty on a terminal and plain elsewhere)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Compare and print."""
    from .sides import read_word

    if arguments.strict and arguments.twice:
        raise UsageError("--strict and --twice exclude each other", help="name one of them")
    if arguments.a == arguments.b == "-":
        raise UsageError("A and B can not both be standard input", help="name a file for one of them")
    words = read_word("A", arguments.a), read_word("B", arguments.b)
    contexts = _contexts(arguments.context, words)
    notices = become_root()
    from ..engine.verify import verify
    from ..events import Notice
    from ..store.store import Store

    with (
        Store.open(arguments.store) as store,
        ExitStack() as held,
        open_progress(arguments.progress, sys.stderr) as progress,
    ):
        for notice in notices:
            progress(Notice(notice))
        a, b = (
            _side(word, context, arguments, store, held)
            for word, context in zip(words, contexts, strict=True)
        )
        verdict = verify(
            *(a, b),
            store,
            progress,
            times=arguments.times,
            strict=arguments.strict,
            twice=arguments.twice,
            prove=arguments.prove,
        )
    if arguments.json:
        import json

        print(json.dumps(verdict.to_document(), indent=1))
    else:
        from .differences import show

        print(show(verdict, everything=arguments.all))
    return 0 if verdict.equal else DIFFERENT


# --- words -------------------------------------------------------------------------------------------


def _contexts(options: list[str], words: tuple[Word, Word]) -> tuple[str | None, str | None]:
    """The build contexts of A and B. A file has that of the other side, unless one is named."""
    named: dict[str, str] = {}
    for option in options:
        side, equals, path = option.partition("=")
        sides = (side,) if equals and side in ("A", "B") else ("A", "B")
        path = path if len(sides) == 1 else option
        if not os.path.isdir(path):
            raise InputError(f"--context: there is no directory {path!r}")
        named |= dict.fromkeys(sides, path)
    own = next((word.directory for word in words if word.directory is not None), None)
    a, b = (named.get(word.side, own if word.is_definition else None) for word in words)
    for word, context in zip(words, (a, b), strict=True):
        if word.is_definition and context is None:
            raise UsageError(
                f"{word.side} is {word.text}, which has no build context", help="name one with --context DIR"
            )
    return a, b


def _side(
    word: Word, context: str | None, arguments: argparse.Namespace, store: Store, held: ExitStack
) -> Side:
    from ..engine.verify import Side

    if word.is_definition or word.is_context:
        return Side(word.shown, _request(word, context, arguments))
    from .sides import image_request

    platforms = compile_options(arguments).platforms or (str(host_platform()),)
    return Side(word.shown, image_request(word, platforms[0], store, held))


def _request(word: Word, context: str | None, arguments: argparse.Namespace) -> BuildRequest:
    from ..engine.request import BuildRequest
    from .context import find_definition
    from .options import read_plan

    options = compile_options(arguments)
    rest = {
        "pull": arguments.pull,
        "secrets": read_secrets(arguments.secret),
        "allow": read_rights(arguments.allow),
    }
    if word.source is not None:
        plan = read_plan(word.source)
        path = None if word.text == "-" else word.text
        return BuildRequest(
            None if plan else word.source,
            options,
            plan=plan,
            dockerfile_path=None if plan else path,
            context=context,
            ssh=read_ssh(arguments.ssh),
            **rest,
        )
    found = find_definition(word.text, None)
    return BuildRequest(
        found.dockerfile,
        options,
        dockerfile_path=found.dockerfile_path,
        dockerfile_name=found.dockerfile_name,
        context=found.context,
        ssh=read_ssh(arguments.ssh or ["default"] * found.needs_ssh),
        **rest,
    )
