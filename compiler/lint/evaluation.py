"""What compiling says of a Dockerfile, without its base images: stages, layers, warnings, and where it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from ...grammar.errors import CompileError
from ...grammar.syntax import Document
from ..binding import SCRATCH, Node
from ..checks import Checks
from ..config import ImageConfig
from ..graph.layer import ImageLayer
from ..graph.operations import Base
from ..graph.plan import Notice
from ..lower import bind_stages, evaluate_stages
from ..options import BaseImage, CompileOptions, ImageRequest
from ..platforms import Platform, parse_platform
from ..program import Program, check_style, read_program
from ..references import parse_reference

__all__ = ["Evaluation", "evaluate"]

# All checks, the experimental ones as well; what a file skips is decided where findings are chosen.
_EVERY_CHECK = "experimental=all"
_STAND_IN = "unknown"


class Evaluation(NamedTuple):
    """``program`` is none where an instruction is wrong in itself. ``nodes`` are the stages in order, with their
    evaluated state (``node.result``); empty where names could not be bound. ``error`` is what ended it, if
    anything did. ``unknown`` are the base images of which nothing is known, ``images`` all with what stands for
    them. ``layers_at`` is by the line on which
    an instruction begins.
    """

    notices: tuple[Notice, ...]
    error: CompileError | None = None
    program: Program | None = None
    nodes: tuple[Node, ...] = ()
    unknown: frozenset[ImageRequest] = frozenset()
    layers_at: Mapping[int, tuple[ImageLayer, ...]] = MappingProxyType({})
    images: Mapping[ImageRequest, BaseImage] = MappingProxyType({})

    def knows_base(self, number: int) -> bool:
        """Whether all is known of the image on which stage ``number`` is based, through other stages or not."""
        if number >= len(self.nodes):
            return False
        node = self.nodes[number]
        while node.base is not None:
            node = node.base
        if node.base_name == SCRATCH:
            return True
        try:
            name = str(parse_reference(node.base_name).tagged())
        except ValueError:
            return False
        return name not in {request.reference for request in self.unknown}


def evaluate(
    document: Document,
    options: CompileOptions,
    images: Mapping[ImageRequest, BaseImage],
    ignored: Callable[[str], bool] | None,
) -> Evaluation:
    """Compile every stage of ``document`` for its first platform. Raises nothing that a text can cause."""
    checks = Checks(document, _EVERY_CHECK, ignored, comments=False)
    checks.empty_continuations()
    try:
        program = read_program(document)
    except CompileError as error:
        return Evaluation(checks.notices, error)
    check_style(program, checks)
    options = options._replace(build_args={**_stand_ins(program), **options.build_args})
    platform = next(iter(options.platforms), None)
    known = dict(images)
    unknown: set[ImageRequest] = set()
    layers: dict[str, ImageLayer] = {}
    nodes: tuple[Node, ...] = ()
    end: CompileError | None = None
    try:
        while True:
            layers.clear()
            lowering = bind_stages(platform, program, options, known, checks, layers)
            nodes = tuple(lowering.names.nodes[: len(program.stages)])
            missing = evaluate_stages(lowering, every=True)
            if not missing:
                break
            unknown.update(missing)
            known.update((request, _empty(request)) for request in missing)
    except CompileError as error:
        end = error
    return Evaluation(checks.notices, end, program, nodes, frozenset(unknown), _by_line(nodes, layers), known)


def _stand_ins(program: Program) -> dict[str, str]:
    """Values for the global arguments without one: who builds has to give them."""
    return {name: _STAND_IN for arg in program.arguments for name, value in arg.declared if value is None}


def _empty(request: ImageRequest) -> BaseImage:
    platform = parse_platform(request.platform, Platform("linux", "amd64"))
    config = ImageConfig(architecture=platform.architecture, os=platform.os, variant=platform.variant)
    return BaseImage("", config)


def _by_line(nodes: tuple[Node, ...], layers: Mapping[str, ImageLayer]) -> dict[int, tuple[ImageLayer, ...]]:
    found: dict[int, dict[str, ImageLayer]] = {}
    for layer in layers.values():
        found.setdefault(layer.provenance.line, {})[layer.id] = layer
    # Equal steps of two stages are one layer, which tells the first one's line.
    for node in nodes:
        steps = [command for command in node.commands if command.is_step]
        chain = _own_layers(node, layers)
        if len(steps) == len(chain):
            for command, layer in zip(steps, chain, strict=True):
                found.setdefault(command.site.shown.instruction.start_line, {})[layer.id] = layer
    return {line: tuple(at.values()) for line, at in found.items()}


def _own_layers(node: Node, layers: Mapping[str, ImageLayer]) -> list[ImageLayer]:
    """The layers that the commands of ``node`` made, in order; none where it was not evaluated."""
    below = node.base.result.layer if node.base is not None and node.base.result is not None else None
    above = node.result.layer if node.result is not None else None
    chain: list[ImageLayer] = []
    while above is not None and above != below:
        layer = layers[above]
        if isinstance(layer.operation, Base):
            break
        chain.append(layer)
        above = layer.parent
    return chain[::-1]
