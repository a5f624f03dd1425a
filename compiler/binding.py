"""Names to stages and images: what each FROM, ``COPY --from`` and mount refers to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..grammar.errors import CompileError
from .checks import Checks
from .gotext import quote
from .instructions.command import Command
from .options import CompileOptions, NamedContext
from .platforms import Platform, parse_platform
from .program import Program, StageText
from .references import familiar_name
from .site import Site
from .stage import Stage
from .suggest import suggestion
from .words import Expansion, WordError, Words

__all__ = ["SCRATCH", "Names", "Node", "bind", "find_context", "find_target", "reachable"]

SCRATCH = "scratch"


class Node:
    """A stage of the file, or an image that a command mentions (``site`` is then that command's).

    ``name`` is as given, ``title`` as shown. ``platform`` is that of FROM. ``base`` is the stage that it
    goes on from; without one, ``base_name`` is an image. ``context`` replaces the whole stage,
    ``image_context`` the image.
    ``sources`` are the nodes that its commands read, by command and name. ``begin`` is its state before the
    first command (where no stage is below), ``result`` the one behind the last.
    """

    def __init__(
        self,
        site: Site,
        base_name: str,
        name: str = "",
        title: str = "",
        *,
        mentioned: bool = False,
        platform: Platform | None = None,
        base: Node | None = None,
        context: NamedContext | None = None,
        commands: Iterable[Command] = (),
        steps: int = 0,
    ) -> None:
        self.site = site
        self.base_name = base_name
        self.name = name
        self.title = title
        self.mentioned = mentioned
        self.platform = platform
        self.base = base
        self.context = context
        self.image_context: NamedContext | None = None
        self.commands = list(commands)
        self.sources: dict[tuple[Site, str], Node] = {}
        self.steps = steps
        self.triggers_read = False
        self.begin: Stage | None = None
        self.result: Stage | None = None


class Names:
    """All nodes in the order of their appearance, mentioned images behind the stages."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._by_name: dict[str, Node] = {}

    def add(self, node: Node) -> None:
        """Add ``node``, and find the stage above that it is based on. FROM compares names as written."""
        self.nodes.append(node)
        if node.context is None:
            node.base = self._by_name.get(node.base_name)
        if node.name:
            self._by_name[node.name] = node

    def find(self, name: str) -> Node | None:
        """The last stage of that name, in any letter case."""
        return self._by_name.get(name.lower())

    def mention(self, command: Command, name: str, *, numbers: bool) -> Node:
        """What a command means by ``name``: a stage by name or (COPY only) number, else an image."""
        if numbers and (digits := name.removeprefix("+")).isascii() and digits.isdigit():
            if int(digits) >= len(self.nodes):
                raise command.site.error(
                    f"invalid stage index {name}",
                    help=f"the file has stages 0 to {len(self.nodes) - 1}",
                    at=name,
                    flag="from",
                )
            return self.nodes[int(digits)]
        found = self.find(name)
        if found is None:
            found = Node(command.site, name, mentioned=True)
            self.add(found)
        return found

    def connect(self, node: Node, commands: Iterable[Command]) -> bool:
        """Find what ``commands`` of ``node`` read. Tells whether they read anything."""
        any_read = False
        for command in commands:
            for name in command.mentions():
                numbers = command.site.instruction.keyword == "COPY"
                node.sources[command.site, name] = self.mention(command, name, numbers=numbers)
                any_read = True
        return any_read


def find_context(contexts: Mapping[str, NamedContext], name: str, platform: Platform) -> NamedContext | None:
    """The named context that stands in for an image or stage, one for the platform first.

    Raises ``ValueError`` where ``name`` is no reference.
    """
    if not contexts or name.lower() in (SCRATCH, "context"):
        return None
    key = familiar_name(name)
    known = {_context_key(given): context for given, context in contexts.items()}
    return known.get(f"{key}::{platform.normalized()}") or known.get(key)


def _context_key(given: str) -> str:
    name, separator, platform = given.partition("::")
    try:
        return familiar_name(name) + separator + platform
    except ValueError:
        return given


def bind(
    program: Program,
    options: CompileOptions,
    arguments: Mapping[str, str],
    words: Words,
    target: Platform,
    build: Platform,
    checks: Checks,
) -> Names:
    """Evaluate each FROM and connect commands to what they read. Raises ``CompileError``."""
    names = Names()
    declared = {*arguments, *(name for arg in program.arguments for name, _ in arg.declared)}
    for number, text in enumerate(program.stages):
        node = _stage_node(text, number, words, arguments, declared, build, checks)
        if node.name:
            try:
                node.context = find_context(options.contexts, node.name, node.platform or target)
            except ValueError as error:
                raise node.site.error(
                    f"{node.name} can not be looked up among the named contexts: {error}",
                    help="rename the stage",
                ) from error
        names.add(node)
        if node.context is None:
            own_base = node.base is None and node.base_name != SCRATCH
            node.steps = own_base + sum(command.is_step for command in node.commands)
    for node in tuple(names.nodes):
        names.connect(node, node.commands)
    _refuse_cycles(names.nodes)
    if len(names.nodes) == 1:
        names.nodes[0].title = ""
    return names


def _stage_node(
    text: StageText,
    number: int,
    words: Words,
    arguments: Mapping[str, str],
    declared: set[str],
    build: Platform,
    checks: Checks,
) -> Node:
    from_ = text.from_
    site = from_.site
    found = _expand(site, words, from_.base, arguments)
    checks.undeclared(site, found.unmatched, declared)
    if not found.text:
        raise site.error(
            f"base name ({from_.base}) should not be blank",
            help=_missing(found, declared) or _valueless(found),
            at=from_.base,
        )
    return Node(
        site,
        found.text,
        name=from_.name,
        title=from_.name or f"stage-{number}",
        platform=_platform(site, words, from_.platform, arguments, declared, build, checks),
        commands=list(text.commands),
    )


def _expand(site: Site, words: Words, text: str, arguments: Mapping[str, str]) -> Expansion:
    try:
        return words.expand(text, arguments)
    except WordError as error:
        raise site.word_error(error) from error


def _missing(found: Expansion, known: Iterable[str]) -> str | None:
    known = set(known)
    unknown = sorted(found.unmatched - known)
    return next((help for name in unknown if (help := suggestion(name, known))), None)  # noqa: A001


def _valueless(found: Expansion) -> str:
    name = min(found.unmatched | found.matched, default="NAME")
    return f"give {name} a value: --build-arg {name}=…, or ARG {name}=… before the first FROM"


def _platform(
    site: Site,
    words: Words,
    text: str,
    arguments: Mapping[str, str],
    declared: set[str],
    build: Platform,
    checks: Checks,
) -> Platform | None:
    """``FROM --platform``."""
    if not text:
        return None
    found = _expand(site, words, text, arguments)
    checks.undeclared(site, found.unmatched, declared)
    if not found.text:
        help = _missing(found, declared) or _valueless(found)  # noqa: A001
        raise site.error(f"empty platform value from expression {text}", help=help, flag="platform")
    if found.matched == {"TARGETPLATFORM"} and found.text == arguments["TARGETPLATFORM"]:
        checks.warn(site, "RedundantTargetPlatform", text=text)
    try:
        platform = parse_platform(found.text, build)
    except ValueError as error:
        help = _missing(found, declared) or "write it as os/architecture, for example linux/arm64"  # noqa: A001
        raise site.error(f"failed to parse platform {text}: {error}", help=help, flag="platform") from error
    name = "".join(site.instruction.args[2:]).lower()
    constant = not found.matched and not found.unmatched
    if constant and platform.os not in name and platform.architecture not in name:
        checks.warn(site, "FromPlatformFlagConstDisallowed", platform=quote(found.text))
    return platform


def _refuse_cycles(nodes: list[Node]) -> None:
    """Commands that copy from each other's stages, or from their own."""
    done: set[Node] = set()
    for start in nodes:
        path: dict[Node, Iterator[tuple[tuple[Site, str], Node]]] = {}
        if start not in done:
            path[start] = iter(start.sources.items())
        while path:
            node = next(reversed(path))
            step = next(path[node], None)
            if step is None:
                done.add(node)
                del path[node]
                continue
            (site, name), source = step
            if source in path:
                raise site.error(
                    f"circular dependency detected on stage: {source.title}",
                    help="a stage can not read files of itself, nor of one that needs it",
                    at=name,
                )
            if source not in done:
                path[source] = iter(source.sources.items())


def reachable(target: Node) -> set[Node]:
    """``target`` and all that it needs."""
    found: set[Node] = set()
    left = [target]
    while left:
        node = left.pop()
        if node not in found:
            found.add(node)
            left += [*node.sources.values(), *([node.base] if node.base else [])]
    return found


def find_target(names: Names, stages: int, target: str | None) -> Node:
    """The stage to build: by name, else by number, else the last. Raises ``CompileError``."""
    if target is None or not target:
        return names.nodes[stages - 1]
    found = names.find(target)
    if found is None and target.isascii() and target.isdigit() and int(target) < stages:
        found = names.nodes[int(target)]
    if found is None:
        known = [node.name or str(number) for number, node in enumerate(names.nodes[:stages])]
        help = suggestion(target, known) or f"its stages are {', '.join(known)}"  # noqa: A001
        raise CompileError(f'target stage "{target}" could not be found', help=help)
    return found
