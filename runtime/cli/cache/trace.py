"""``layerc cache trace``."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...errors import InputError
from ..options import add_store_option
from ..recorded import find_build, find_last, find_steps, step_title
from ..terminal import Style, clip, columns, printable, visible, wants_colour, width

if TYPE_CHECKING:
    from ..parser import ArgumentParser

__all__ = ["add_arguments", "render", "run"]

_DEPTH = 3
_EPILOG = """\
examples:
  layerc cache trace build:3             what a step of the last build read
  layerc cache trace "npm ci" --all      every path, not only those near the root
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the action."""
    parser.usage = "layerc cache trace [OPTIONS] STEP"
    parser.epilog = _EPILOG
    parser.add_argument("step", metavar="STEP", help="STAGE:NUMBER, or a part of the instruction")
    parser.add_argument(
        "--build", metavar="NUMBER", type=int, help="the build (default: the last one that needed it)"
    )
    parser.add_argument(
        "--depth", metavar="LEVELS", type=int, default=_DEPTH, help=f"levels to show (default: {_DEPTH})"
    )
    parser.add_argument("--all", action="store_true", help="all levels")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print it. Raises :class:`InputError` where there is no trace."""
    from ...engine.reading import reading, words
    from ...store import Store

    with Store.open(arguments.store) as store:
        if arguments.build is None:
            step = find_last(store, arguments.step)
        else:
            step = find_steps(find_build(store, arguments.build), arguments.step)[0]
        found = reading(store, step)
    if found.trees is None:
        why = f": {found.why}" if found.why else ""
        raise InputError(
            f"there is no trace of {visible(step_title(step))}{why}",
            help="base images and COPY --link read nothing of the tree below; layerc doctor tells whether steps "
            "can be traced here",
        )
    if arguments.json:
        trees = [{path: words(event) for path, event in sorted(tree.items())} for tree in found.trees]
        print(json.dumps({"layer": step.layer, "title": step.title, "trees": trees}, indent=1))
        return 0
    style, screen = Style(wants_colour(sys.stdout)), columns(sys.stdout, 80)
    print(style("bold", clip(visible(step_title(step)), screen)))
    depth = sys.maxsize if arguments.all else max(arguments.depth, 1)
    for number, tree in enumerate(found.trees):
        print(f"\nmount {number}:" if number else "", end="\n" if number else "")
        named = {path: words(event) for path, event in tree.items()}
        print(printable(render(named, style, screen, depth), sys.stdout))
    return 0


@dataclass(slots=True)
class _Node:
    words: Sequence[str] = ()
    below: dict[str, _Node] = field(default_factory=dict)

    def count(self) -> Counter[str]:
        """How often each thing was done to a path at or below it; the first word of each counts."""
        counts = Counter(self.words[:1])
        pending = list(self.below.values())
        while pending:
            node = pending.pop()
            counts.update(node.words[:1])
            pending += node.below.values()
        return counts


def render(tree: Mapping[str, Sequence[str]], style: Style, screen: int, depth: int) -> str:
    """A tree of paths, with what was done to each; what is deeper than ``depth`` as counts."""
    root = _Node()
    for path, said in tree.items():
        node = root
        for name in path.split("/") if path else ():
            node = node.below.setdefault(name, _Node())
        node.words = said
    lines = [_counts(root.count()), "/"]
    lines += _lines(root, style, screen, "", depth)
    return "\n".join(lines)


def _lines(node: _Node, style: Style, screen: int, indent: str, depth: int) -> Iterator[str]:
    children = sorted(node.below.items())
    for number, (name, child) in enumerate(children):
        last = number == len(children) - 1
        shown = visible(name) + ("/" if child.below else "")
        said = ", ".join(child.words)
        hidden = depth <= 1 and child.below
        if hidden:
            said = _counts(child.count())
        name_part = clip(f"{indent}{'└' if last else '├'} {shown}", screen)
        rest = clip(f"  {said}", screen - width(name_part)) if said else ""
        yield f"{name_part}{style('dim', rest)}"
        if not hidden:
            yield from _lines(child, style, screen, f"{indent}{' ' if last else '│'} ", depth - 1)


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in counts.most_common()) or "nothing was asked for"
