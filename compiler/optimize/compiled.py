"""A Dockerfile compiled for rewriting: what each instruction made, and what was so before and after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import NamedTuple

from ...grammar.errors import CompileError
from ...grammar.syntax import Document
from ..binding import Node, reachable
from ..checks import ARGUMENT, Checks
from ..config import ImageConfig
from ..graph.layer import ImageLayer
from ..graph.operations import Base
from ..graph.plan import ImagePlan, LayerPlan
from ..lower import Lowering, bind_stages, evaluate_stages, image_of, used_layers
from ..options import BaseImage, CompileOptions, ImageRequest, UnresolvedImagesError
from ..program import Program, check_style, read_program
from ..site import Site
from ..stage import Stage

__all__ = ["Built", "Compiled", "State", "compile_watched"]

Ignored = Callable[[str], bool] | None


class State(NamedTuple):
    """A stage between two instructions: its top layer, its image config, the variables that steps see (ENV and
    ARG; their order means nothing), and the build arguments that history tells of.
    """

    layer: str | None
    config: ImageConfig
    env: Mapping[str, str]
    arguments: tuple[tuple[str, str | None], ...]


class Built(NamedTuple):
    """An instruction for one platform. ``layer`` is none where it makes none. Of FROM, ``before`` is what the
    base says, and ``after`` what is so when the base's triggers have run; of others they are the stage right
    before and right behind the instruction.
    """

    platform: str
    layer: ImageLayer | None
    before: State
    after: State


class Compiled(NamedTuple):
    """``built`` is by the first line of an instruction, one for each platform, and lacks those that were not
    evaluated. ``needed`` are the lines of the FROMs of all stages that the images are made of, ``used`` those that
    these, the last stage and the named ones are made of.
    """

    plan: LayerPlan
    built: Mapping[int, tuple[Built, ...]]
    needed: frozenset[int]
    used: frozenset[int]


def compile_watched(
    document: Document,
    options: CompileOptions,
    images: Mapping[ImageRequest, BaseImage],
    ignored: Ignored = None,
) -> Compiled:
    """Compile as :func:`~layerc.compiler.compile_dockerfile` does, and remember more.

    Named stages that the target does not need are evaluated, too, if that needs no other images.
    """
    checks = Checks(document, options.build_args.get(ARGUMENT), ignored)
    checks.empty_continuations()
    program = read_program(document)
    check_style(program, checks)
    layers: dict[str, ImageLayer] = {}
    seen = _Seen()
    made: list[ImagePlan] = []
    needed: set[int] = set()
    used: set[int] = set()
    for platform in options.platforms or (None,):
        watch = seen.watch(layers, platform or options.build_platform)
        lowering = bind_stages(platform, program, options, images, checks, layers, watch)
        if missing := evaluate_stages(lowering):
            raise UnresolvedImagesError(frozenset(missing), checks.notices)
        made.append(image_of(lowering, options, implicit=platform is None))
        needed |= _stage_lines(lowering.goal)
        used |= _named_lines(lowering)
    checks.unused_arguments(options.build_args, program.declared)
    checks.raise_if_errors()
    used |= needed | _evaluate_others(program, options, images, seen)
    plan = LayerPlan(used_layers(layers, tuple(made)), tuple(made), checks.notices)
    built = MappingProxyType({line: tuple(each.values()) for line, each in seen.built.items()})
    return Compiled(plan, built, frozenset(needed), frozenset(used))


def _evaluate_others(
    program: Program, options: CompileOptions, images: Mapping[ImageRequest, BaseImage], seen: _Seen
) -> set[int]:
    """Evaluate what was not seen of the stages that somebody may ask for: the named ones and the last. What is
    wrong with them is nobody's business now. Gives the lines of the stages that they are made of.
    """
    used: set[int] = set()
    last = len(program.stages) - 1
    for number, stage in reversed(tuple(enumerate(program.stages))):
        is_seen = stage.from_.site.instruction.start_line in seen.built
        if is_seen or not (stage.from_.name or number == last):
            continue
        wanted = options._replace(target=stage.from_.name or None)
        for platform in options.platforms or (None,):
            layers: dict[str, ImageLayer] = {}
            watch = seen.watch(layers, platform or options.build_platform)
            checks = Checks(program.document)
            with suppress(CompileError):
                lowering = bind_stages(platform, program, wanted, images, checks, layers, watch)
                used |= _stage_lines(lowering.goal)
                evaluate_stages(lowering)
                used |= _stage_lines(lowering.goal)  # with what triggers of base images name
    return used


def _stage_lines(goal: Node) -> set[int]:
    """The lines of the FROMs of all stages that ``goal`` is made of."""
    return {node.site.instruction.start_line for node in reachable(goal) if not node.mentioned}


def _named_lines(lowering: Lowering) -> set[int]:
    """Likewise of all named stages, also of those whose name a later one has."""
    named = (node for node in lowering.names.nodes if node.name and not node.mentioned)
    return {line for node in named for line in _stage_lines(node)}


class _Seen:
    """Gathers what was so before and after each instruction, by line and platform."""

    def __init__(self) -> None:
        self.built: dict[int, dict[str, Built]] = {}

    def watch(self, layers: Mapping[str, ImageLayer], platform: str) -> Callable[[Site, Stage], None]:
        """What notes how stages for ``platform`` change, whose layers are in ``layers``."""
        last: dict[str | int, State] = {}

        def note(site: Site, stage: Stage) -> None:
            state = State(stage.layer, stage.image, dict(stage.env), tuple(stage.build_args))
            shown = site.shown.instruction
            is_from = shown.keyword == "FROM"
            known = self.built.setdefault(shown.start_line, {}).get(platform)
            top = None if state.layer is None else layers[state.layer]
            if not is_from:
                before = last[id(stage)]
                layer = top if state.layer != before.layer else None
            elif known is not None:
                before, layer = known.before, known.layer
            else:
                before = state
                layer = top if top is not None and isinstance(top.operation, Base) else None
            self.built[shown.start_line][platform] = Built(platform, layer, before, state)
            last[id(stage)] = state

        return note
