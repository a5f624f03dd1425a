"""Tree to graph: evaluate the stages that the target needs, in order, into layers and an image config."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ..grammar.errors import CompileError, DockerfileError
from ..grammar.parse import check_instruction, parse_instruction
from ..grammar.source import SourceFile
from ..grammar.syntax import Document
from .arguments import global_arguments, platform_arguments, proxy_variables
from .bases import DEFAULT_PATH, Bases
from .binding import Names, Node, bind, find_target, reachable
from .checks import Checks
from .config import ImageConfig
from .epoch import resolve_epoch, with_epoch
from .graph.layer import ImageLayer
from .graph.plan import ImagePlan
from .instructions.command import Command
from .instructions.onbuild import OnBuild
from .instructions.table import read_command
from .options import BaseImage, CompileOptions, ImageRequest
from .platforms import Platform, parse_platform
from .program import Program
from .promises import named_only
from .references import parse_reference
from .reserved import wants_index
from .site import Site
from .stage import Shared, Stage
from .words import WordError, Words

__all__ = ["Lowering", "bind_stages", "evaluate_stages", "image_of", "lower_for", "used_layers"]


class Lowering(NamedTuple):
    """The stages of a file for one platform: names are bound, and results are there once it is evaluated.

    ``goal`` is the stage to build, ``arguments`` the global ones and those of the platform.
    """

    names: Names
    goal: Node
    bases: Bases
    target: Platform
    start: Mapping[str, str]
    arguments: Mapping[str, str]


def lower_for(
    platform: str | None,
    program: Program,
    options: CompileOptions,
    images: Mapping[ImageRequest, BaseImage],
    checks: Checks,
    layers: dict[str, ImageLayer],
) -> tuple[ImagePlan, tuple[ImageRequest, ...]]:
    """Lower ``program`` for one platform (none: that of the base images, as a build without ``--platform``).

    ``layers`` gets the layers, each behind those that it needs. Also gives the images that were not handed
    in; the plan is then empty. Raises ``CompileError``.
    """
    lowering = bind_stages(platform, program, options, images, checks, layers)
    if missing := evaluate_stages(lowering):
        return ImagePlan("", "", None, ImageConfig()), missing
    return image_of(lowering, options, implicit=platform is None), ()


def bind_stages(
    platform: str | None,
    program: Program,
    options: CompileOptions,
    images: Mapping[ImageRequest, BaseImage],
    checks: Checks,
    layers: dict[str, ImageLayer],
    watch: Callable[[Site, Stage], None] | None = None,
) -> Lowering:
    """What :func:`lower_for` does before stages are evaluated. Raises ``CompileError``."""
    build = _platform(options.build_platform)
    target = build if platform is None else _platform(platform)
    words = Words(program.document.escape)
    wanted = options.target or program.stages[-1].from_.name
    start = platform_arguments(build, target, wanted, options.build_args)
    _check_default_bases(program, words, start, checks)
    arguments = global_arguments(program.arguments, words, start, options.build_args)
    epoch = resolve_epoch(program, options, arguments, target)
    options = options._replace(build_args=with_epoch(options.build_args, epoch))
    arguments = with_epoch(arguments, epoch)
    names = bind(program, options, arguments, words, target, build, checks)
    goal = find_target(names, len(program.stages), options.target)
    shared = Shared(
        options,
        arguments,
        proxy_variables(options.build_args),
        checks,
        words,
        epoch,
        layers,
        named_only(program, checks),
        watch,
    )
    stages = tuple(node.name for node in names.nodes if node.name)
    several = wants_index(options.build_args, options.platforms)
    bases = Bases(shared, images, target, several, stages)
    return Lowering(names, goal, bases, target, start, arguments)


def evaluate_stages(lowering: Lowering, *, every: bool = False) -> tuple[ImageRequest, ...]:
    """Evaluate the stages that the goal needs, or ``every`` one.

    Gives the images that were not handed in; then nothing was evaluated. Raises ``CompileError``.
    """
    names, bases = lowering.names, lowering.bases
    needed = _begin_stages(names, lowering.goal, bases, every=every)
    if bases.missing:
        return tuple(bases.missing)
    last_above = {node.base: node for node in names.nodes if node in needed}
    for node in names.nodes:
        if node in needed and node.result is None:
            _evaluate(node, bases, takes_over=last_above.get(node.base) is node)
    return ()


def _platform(text: str) -> Platform:
    try:
        return parse_platform(text, Platform("linux", "amd64"))
    except ValueError as error:
        raise CompileError(str(error), help="write it as os/architecture, for example linux/arm64") from error


def _check_default_bases(program: Program, words: Words, start: Mapping[str, str], checks: Checks) -> None:
    """Warn of bases that are none unless ``--build-arg`` says more."""
    try:
        arguments = global_arguments(program.arguments, words, start, {})
    except CompileError:
        return
    for stage in program.stages:
        try:
            parse_reference(words.expand(stage.from_.base, arguments).text)
        except WordError:
            return
        except ValueError:
            checks.warn(stage.from_.site, "InvalidDefaultArgInFrom", base=stage.from_.base)


# --- bases and triggers -----------------------------------------------------------------------------------


def _begin_stages(names: Names, goal: Node, bases: Bases, *, every: bool) -> set[Node]:
    """Resolve the bases of all that ``goal`` needs. Their triggers may need more, so it goes round.

    With ``every`` all stages are begun, but triggers are read for the goal alone, as in BuildKit's checks.
    """
    begun: dict[Node, Stage] = {}
    while True:
        reached = reachable(goal)
        needed = {*names.nodes} if every else reached
        based_on = {node.base for node in needed}
        for node in names.nodes:
            bases.check(node)
            if node in needed and node.base is None and node not in begun:
                as_base = not node.mentioned and (node.context is None or node in based_on or node is goal)
                begun[node] = bases.begin(node, as_base=as_base)
                if node.mentioned or node.context is not None:
                    node.result = begun[node]
        if not _read_triggers(names, reached, begun):
            break
    for node, stage in begun.items():
        if node.result is None:
            stage.steps = node.steps
            node.begin = stage
    return needed


def _read_triggers(names: Names, needed: set[Node], begun: dict[Node, Stage]) -> bool:
    """Put what ONBUILD left in a base before the stage's own commands. Tells whether more is needed now."""
    more = False
    for node in [node for node in names.nodes if node in needed and not node.triggers_read]:
        node.triggers_read = True
        if node.result is not None:
            continue
        if node.base is None:
            texts = begun[node].collected.onbuild.copy()
            begun[node].collected.onbuild.clear()
        elif node.base.result is not None:
            texts = node.base.result.collected.onbuild
        else:
            texts = [command.trigger for command in node.base.commands if isinstance(command, OnBuild)]
        triggers = [_trigger(node.site, text) for text in texts]
        node.commands[:0] = triggers
        node.steps += len(triggers)
        more |= names.connect(node, triggers)
    return more


_NO_TRIGGERS = ("nothing", "FROM", "MAINTAINER", "ONBUILD")


def _trigger(from_: Site, text: str) -> Command:
    source = SourceFile(f"trigger of {from_.instruction.args[0]}", text)
    keyword = text.split(None, 1)[0].upper() if text.strip() else "nothing"
    if keyword in _NO_TRIGGERS:
        message = f"the base's trigger `ONBUILD {text.strip()}` is not allowed"
        raise from_.error(message, help=f"take a base without it; {keyword} can be no trigger")
    try:
        instruction = parse_instruction(text, source.name)
        check_instruction(instruction, source)
    except DockerfileError as error:
        message = f"the base's trigger `ONBUILD {text.strip()}` is not valid: {error.message}"
        raise from_.error(message, help=error.help or "take a base without it") from error
    return read_command(Site(Document(source, (instruction,), "\\"), instruction, trigger_of=from_))


# --- evaluation -------------------------------------------------------------------------------------------


def _evaluate(node: Node, bases: Bases, *, takes_over: bool) -> None:
    """Run through a stage's commands; its base has been evaluated before.

    The last stage that is based on another ``takes_over`` what that one has gathered.
    """
    stage = node.begin
    if node.base is not None:
        below = node.base.result
        if below is None:
            raise AssertionError(f"stage {node.base.title!r} was not evaluated")
        stage = bases.stage(node, below.config, below.collected if takes_over else below.collected.copy())
        stage.collected.onbuild.clear()
        stage.go_on_from(below, takes_over=takes_over)
    if stage is None:
        raise AssertionError(f"stage {node.title!r} has no beginning")
    _inherit(stage)
    watch = stage.shared.watch or _look_away
    watch(node.site, stage)
    for command in node.commands:
        command.apply(stage)
        watch(command.site, stage)
    node.result = stage


def _look_away(site: Site, stage: Stage) -> None:
    """Nobody watches."""


def _inherit(stage: Stage) -> None:
    """Variables and directory from the base's config; PATH is always there."""
    variables = stage.collected.env
    if stage.config.os != "windows":
        variables.setdefault("PATH", DEFAULT_PATH)
    arguments = stage.env.keys() - variables.keys()
    kept = {name: value for name, value in stage.env.items() if name in arguments} if arguments else {}
    stage.env = kept | variables
    if stage.config.workdir:
        stage.enter(stage.config.workdir)


def image_of(lowering: Lowering, options: CompileOptions, *, implicit: bool) -> ImagePlan:
    """The image of the goal, which was evaluated; ``implicit`` where no platform was asked for."""
    goal, target = lowering.goal, lowering.target
    stage = goal.result
    if stage is None:
        raise AssertionError("the target was not evaluated")
    config = stage.image
    if options.labels:
        config = config.with_(labels=tuple(sorted((dict(config.labels) | dict(options.labels)).items())))
    same = (config.os, config.architecture) == (target.os, target.architecture)
    if not implicit:
        config = config.with_(
            os=target.os,
            architecture=target.architecture,
            variant=target.variant if target.variant or not same else config.variant,
            os_version=target.os_version if target.os_version or not same else config.os_version,
        )
    elif not config.architecture:
        config = config.with_(os=target.os, architecture=target.architecture, variant=target.variant)
    actual = Platform(config.os, config.architecture, config.variant).normalized()
    config = config.with_(os=actual.os, architecture=actual.architecture, variant=actual.variant)
    return ImagePlan(goal.name, str(actual), stage.layer, config, tuple(stage.history), stage.shared.epoch)


def used_layers(layers: Mapping[str, ImageLayer], images: tuple[ImagePlan, ...]) -> tuple[ImageLayer, ...]:
    """The layers that ``images`` need, in the order they came in."""
    needed: set[str] = set()
    left = [image.layer for image in images if image.layer is not None]
    while left:
        layer = left.pop()
        if layer not in needed:
            needed.add(layer)
            left += layers[layer].references
    return tuple(layer for layer in layers.values() if layer.id in needed)
