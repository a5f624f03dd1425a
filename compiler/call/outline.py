"""What the build of a target can be given, as ``--call=outline`` lists it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ...grammar.syntax import Document, Instruction
from ..arguments import global_arguments
from ..binding import Node
from ..checks import ARGUMENT, Checks
from ..comments import comments_above, description
from ..instructions.arg import Arg
from ..lower import Lowering, bind_stages, evaluate_stages
from ..options import BaseImage, CompileOptions, ImageRequest, UnresolvedImagesError
from ..program import Program, check_style, read_program
from ..site import Site
from ..words import Words

__all__ = ["Outline", "OutlineItem", "outline_dockerfile"]


class OutlineItem(NamedTuple):
    """An argument with its ``value`` and ``description``, or a secret, agent or cache by its id; the lines of
    the instruction that names it.
    """

    name: str
    line: int
    end_line: int
    value: str = ""
    description: str = ""
    required: bool = False


class Outline(NamedTuple):
    """The target by name, and what it and all that it needs take; each by place in the file."""

    name: str
    description: str
    arguments: tuple[OutlineItem, ...]
    secrets: tuple[OutlineItem, ...]
    ssh: tuple[OutlineItem, ...]
    caches: tuple[OutlineItem, ...]


def outline_dockerfile(
    document: Document, options: CompileOptions, images: Mapping[ImageRequest, BaseImage]
) -> Outline:
    """The outline of ``options.target``, for the first platform.

    Raises ``UnresolvedImagesError`` as compiling does, and ``CompileError``.
    """
    checks = Checks(document, options.build_args.get(ARGUMENT))
    checks.empty_continuations()
    program = read_program(document)
    check_style(program, checks)
    lowering = bind_stages(next(iter(options.platforms), None), program, options, images, checks, {})
    if missing := evaluate_stages(lowering):
        raise UnresolvedImagesError(frozenset(missing), checks.notices)
    checks.raise_if_errors()
    return _Reader(document, program, options, lowering).outline()


class _Argument(NamedTuple):
    """An argument that the file declares, and the names of those that its default uses."""

    item: OutlineItem
    needs: frozenset[str] = frozenset()


class _Reader:
    """Gathers what the stages take."""

    def __init__(
        self, document: Document, program: Program, options: CompileOptions, lowering: Lowering
    ) -> None:
        self._words = Words(document.escape)
        self._comments = comments_above(document)
        self._program = program
        self._lowering = lowering
        self._global = self._global_arguments(options.build_args)
        self._nodes = list(dict.fromkeys(_needed(lowering.goal)))

    def outline(self) -> Outline:
        goal = self._lowering.goal
        told = description(self._comments.get(goal.site.instruction.span.start, ()), goal.name)
        arguments = (item for node in self._nodes for item in self._arguments(node))
        kinds = (self._mounts(kind) for kind in ("secret", "ssh", "cache"))
        return Outline(goal.name, told, _sorted(arguments), *(_sorted(items) for items in kinds))

    # --- arguments ------------------------------------------------------------------------------------

    def _global_arguments(self, given: Mapping[str, str]) -> dict[str, _Argument]:
        values = dict(self._lowering.start)
        found: dict[str, _Argument] = {}
        for command in self._program.arguments:
            for name, default in command.declared:
                needs: frozenset[str] = frozenset()
                if default is not None and name not in given:
                    needs = self._words.expand(default, values).matched
                    if name in needs and name in found:  # what it was made of before
                        needs |= found[name].needs
                one = Arg(command.site, ((name, default),))
                values = global_arguments((one,), self._words, values, given)
                item = self._item(command.site, name, values.get(name) or "")
                found[name] = _Argument(item, needs - {name})
        return found

    def _item(self, site: Site, name: str, value: str) -> OutlineItem:
        instruction = site.shown.instruction
        told = description(self._comments.get(site.instruction.span.start, ()), name)
        if site.trigger_of is not None:
            told = ""
        return OutlineItem(name, *_lines(instruction), value=value, description=told)

    def _arguments(self, node: Node) -> Iterator[OutlineItem]:
        """What one stage uses: in FROM (its own and those of the stages below), and by ARG."""
        known = dict(self._global)
        used = {name for below in _chain(node) for name in self._used_by_from(below)}
        if node.result is not None and node.context is None:
            for name, declared in node.result.declared.items():
                used.add(name)
                if declared is not None:
                    known[name] = _Argument(self._item(declared.site, name, declared.value or ""))
        left = [name for name in known if name in used]
        while left:
            needs = known[left.pop()].needs & known.keys() - used
            used |= needs
            left += needs
        return (argument.item for name, argument in known.items() if name in used)

    def _used_by_from(self, node: Node) -> frozenset[str]:
        nodes = self._lowering.names.nodes
        if node.mentioned or node.context is not None:
            return frozenset()
        from_ = self._program.stages[nodes.index(node)].from_
        arguments = self._lowering.arguments
        return (
            self._words.expand(from_.base, arguments).matched
            | self._words.expand(from_.platform, arguments).matched
        )

    # --- mounts ---------------------------------------------------------------------------------------

    def _mounts(self, kind: str) -> Iterator[OutlineItem]:
        for node in self._nodes:
            for site, mount in node.result.mounted if node.result is not None else ():
                if mount.kind == kind:
                    yield OutlineItem(
                        mount.cache_id, *_lines(site.shown.instruction), required=mount.required
                    )


def _needed(node: Node) -> Iterator[Node]:
    """``node``, the stages below it, and those that it reads; each may come more than once."""
    seen: set[Node] = set()
    left = [node]
    while left:
        node = left.pop()
        if node not in seen:
            seen.add(node)
            yield node
            left += [*reversed(node.sources.values()), *([node.base] if node.base else [])]


def _chain(node: Node | None) -> Iterator[Node]:
    while node is not None:
        yield node
        node = node.base


def _lines(instruction: Instruction) -> tuple[int, int]:
    return instruction.start_line, instruction.end_line


def _sorted(items: Iterator[OutlineItem]) -> tuple[OutlineItem, ...]:
    """The first of each name, by place in the file."""
    first: dict[str, OutlineItem] = {}
    for item in items:
        first.setdefault(item.name, item)
    return tuple(sorted(first.values(), key=lambda item: item.line))
