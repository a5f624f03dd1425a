"""What must be rebuilt when something changes, in which order, and how long that takes at least."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..effects.context import selections
from ..globs import PatternError, rooted
from ..graph.layer import ImageLayer
from ..graph.operations import Add, Base, ContextPath, Copy, FromContext, Operation, Run
from ..graph.resolver import DependencyResolver
from ..optimize.facts import ContextFile
from ..references import ImageReference, familiar_name, parse_reference
from .fleet import Fleet

__all__ = [
    "Affected",
    "Change",
    "Rebuild",
    "affected",
    "base_change",
    "base_references",
    "file_change",
    "image_change",
    "takes",
]


class Change(NamedTuple):
    """What is not as it was: layers by id, and members that are affected even where no layer of theirs is.
    ``why`` tells, for members, what of theirs changed.
    """

    layers: frozenset[str] = frozenset()
    why: Mapping[int, str] = {}

    def __or__(self, other: Change) -> Change:
        why = {
            member: "; ".join(
                dict.fromkeys(found.why[member] for found in (self, other) if member in found.why)
            )
            for member in (*self.why, *other.why)
        }
        return Change(self.layers | other.layers, why)


class Rebuild(NamedTuple):
    """An image to rebuild. ``member`` is its number in the fleet, ``because`` of these members it is affected, and
    of ``why``. ``steps`` have to run again. ``seconds`` is what they take one after the other where they must,
    of those whose time is known (``measured`` of them); ``wave`` counts from 1.
    """

    member: int
    wave: int
    steps: int
    measured: int
    seconds: float
    longest: int
    because: tuple[int, ...]
    why: str


class Affected(NamedTuple):
    """``rebuilds`` are in build order. ``critical`` is the chain of members that takes longest: in seconds where
    ``timed``, else in steps; ``cost`` is what it takes.
    """

    rebuilds: tuple[Rebuild, ...]
    critical: tuple[int, ...]
    cost: float
    timed: bool

    @property
    def waves(self) -> tuple[tuple[Rebuild, ...], ...]:
        """Images that can be rebuilt at once: each wave needs only the waves before it."""
        waves: dict[int, list[Rebuild]] = {}
        for rebuild in self.rebuilds:
            waves.setdefault(rebuild.wave, []).append(rebuild)
        return tuple(tuple(waves[number]) for number in sorted(waves))


def affected(fleet: Fleet, change: Change, seconds: Mapping[str, float] | None = None) -> Affected:
    """What ``change`` makes rebuild. ``seconds`` is what layers once took, by id. Costs no more than the fleet is
    large. A layer of ``change`` that the graph does not have is no change.
    """
    known = seconds or {}
    layers = DependencyResolver(fleet.graph).affected_by(change.layers)
    by_id = {layer.id: layer for layer in fleet.graph} if layers else {}
    found: dict[int, Rebuild] = {}
    for number, member in enumerate(fleet.members):
        because = tuple(other for other in member.needs if other in found)
        own = [layer for layer in member.layers if layer in layers]
        if not (own or because or number in change.why):
            continue
        steps = [layer for layer in own if not isinstance(by_id[layer].operation, Base)]
        wave = 1 + max((found[other].wave for other in because), default=0)
        measured = [layer for layer in steps if layer in known]
        chain, longest = _chains(by_id, steps, known)
        why = change.why.get(number, "")
        found[number] = Rebuild(number, wave, len(steps), len(measured), chain, longest, because, why)
    timed = any(rebuild.measured for rebuild in found.values())
    return Affected(tuple(found.values()), *_critical(found, timed=timed), timed)


def _chains(
    layers: Mapping[str, ImageLayer], steps: list[str], known: Mapping[str, float]
) -> tuple[float, int]:
    """The heaviest chain of ``steps`` in seconds, and the longest one."""
    seconds: dict[str, float] = {}
    counts: dict[str, int] = {}
    for step in steps:
        below = [found for found in layers[step].references if found in counts]
        seconds[step] = known.get(step, 0.0) + max((seconds[found] for found in below), default=0.0)
        counts[step] = 1 + max((counts[found] for found in below), default=0)
    return max(seconds.values(), default=0.0), max(counts.values(), default=0)


def _critical(found: Mapping[int, Rebuild], *, timed: bool) -> tuple[tuple[int, ...], float]:
    total: dict[int, float] = {}
    before: dict[int, int | None] = {}
    end: int | None = None
    for number, rebuild in found.items():
        heaviest = max(rebuild.because, key=total.__getitem__, default=None)
        own = rebuild.seconds if timed else rebuild.longest
        before[number] = heaviest
        total[number] = own + (0.0 if heaviest is None else total[heaviest])
        if end is None or (total[number], rebuild.wave) > (total[end], found[end].wave):
            end = number
    cost = 0.0 if end is None else total[end]
    path = []
    while end is not None:
        path.append(end)
        end = before[end]
    return tuple(reversed(path)), cost


# --- changes -----------------------------------------------------------------------------------------


def base_change(fleet: Fleet, reference: str) -> Change:
    """The image ``reference`` has moved, which comes from elsewhere, or is built by the fleet and was rebuilt.

    What names a digest stays what it was. Raises ``ValueError`` where it is no reference.
    """
    wanted = parse_reference(reference).tagged()
    layers: set[str] = set()
    why: dict[int, str] = {}
    rebuilt = fleet.named(wanted)
    for number, member in enumerate(fleet.members):
        moved = [layer for layer in member.bases if _base(fleet, layer) == wanted]
        layers.update(moved)
        for other in rebuilt:
            layers.update(member.needs.get(other, ()))
        if moved or any(other in member.needs for other in rebuilt):
            why[number] = f"FROM {reference}"
    return Change(frozenset(layers), why)


def _base(fleet: Fleet, layer: str) -> ImageReference | None:
    operation = fleet.graph[layer].operation
    return parse_reference(operation.reference) if isinstance(operation, Base) else None


def base_references(fleet: Fleet) -> frozenset[str]:
    """What the images of the fleet are built from and called, as people write it."""
    bases = (_base(fleet, layer) for member in fleet.members for layer in member.bases)
    names = (name for member in fleet.members for name in member.build.names)
    return frozenset(familiar_name(str(found)) for found in (*bases, *names) if found is not None)


def image_change(fleet: Fleet, members: Iterable[int], why: str) -> Change:
    """These images are to be made anew, with all steps of their own."""
    numbers = list(members)
    layers = (layer for number in numbers for layer in fleet.members[number].layers)
    return Change(frozenset(layers), dict.fromkeys(numbers, why))


def file_change(fleet: Fleet, member: int, path: str) -> Change:
    """File ``path`` of the member's build context, which ``.dockerignore`` lets in, was edited, came or went."""
    layers = [layer for layer in fleet.members[member].layers if takes(fleet.graph[layer].operation, path)]
    titles = dict.fromkeys(fleet.graph[layer].provenance.title for layer in layers)
    return Change(frozenset(layers), {member: f"{path}: {', '.join(titles)}"} if layers else {})


def takes(operation: Operation, path: str) -> bool:
    """Whether ``operation`` takes ``path`` (relative, with slashes) from the main build context.

    >>> from ..graph.operations import Copy
    >>> copy = Copy(FromContext(), (ContextPath("src/*.c"),), "/")
    >>> takes(copy, "src/a.c"), takes(copy, "src/a.h")
    (True, False)
    """
    match operation:
        case Copy() | Add():
            if operation.origin != FromContext():
                return False
            files = (ContextFile(path, "file"),)
            paths = [source.path for source in operation.sources if isinstance(source, ContextPath)]
            return any(_selects(operation, source, files) for source in paths)
        case Run():
            sources = (mount.source for mount in operation.mounts if mount.origin == FromContext())
            return any(_below(rooted(source), path) for source in sources)
        case _:
            return False


def _selects(operation: Copy | Add, source: str, files: tuple[ContextFile, ...]) -> bool:
    try:
        found = selections(operation, source, files)
    except PatternError:
        return True  # the build will say what is wrong
    return any(item.entry in files for selection in found for item in selection.items)


def _below(directory: str, path: str) -> bool:
    return directory in ("", ".") or path == directory or path.startswith(f"{directory}/")
