"""Squash for export: which layers of a stack are shipped as one. The build cache stays granular.

The model: who pulls an image has its last version, so a new one costs him the layers that have changed. A layer
of several steps changes when any of them does, and is pulled whole; but what a later step overwrites or deletes is
in it only once. With ``rate(i)`` the chance that step i makes another layer in the next version, and ``held`` the
price of a byte that is stored and pulled for the first time, in bytes pulled again:

    cost(group) = bytes(group) * (1 - product(1 - rate(i)) + held) + overhead
    bytes(group) = sum of the layers' bytes - what layers of the group hide of others of the group

The steps count as independent: this project's cache runs a step again for what it reads, not for its place.
(Under a cache that runs all later steps again, hand in what comes to that: rates that never fall.)

The best grouping is found exactly: cutting a sequence into parts whose costs add up is the segmentation problem of
R. Bellman, "On the approximation of curves by line segments using dynamic programming", CACM 4(6), 1961 (without a
limit: B. Jackson et al., "An algorithm for optimal partitioning of data on an interval", IEEE Signal Processing
Letters 12(2), 2005). The best grouping of the first j layers into k groups is the best of the first i into k - 1,
for some i, and one group more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from operator import add
from typing import NamedTuple

from ..graph.layer import ImageLayer
from ..graph.operations import Add, ContextPath, Copy, FromContext, Run

__all__ = ["Budget", "Grouping", "StackLayer", "change_rates", "grouping_cost", "optimize_layer_stack"]

_NEVER = float("inf")


class StackLayer(NamedTuple):
    """One layer of a stack. ``size`` is that of its uncompressed archive, ``compressed`` of what is pulled (none:
    the same), both in bytes. ``rate`` (0 to 1) is the chance that the next version of the image has another layer
    here. ``kept``: it belongs to a base that other images share, and must stay as it is.

    ``hides`` are pairs: the number of a layer further down, and how many uncompressed bytes of it this one
    overwrites or deletes, without those that a layer between them hides already.
    """

    size: int
    rate: float = 0.0
    kept: bool = False
    hides: tuple[tuple[int, int], ...] = ()
    compressed: int | None = None

    @property
    def pulled(self) -> int:
        """Bytes on the wire."""
        return self.size if self.compressed is None else self.compressed


class Budget(NamedTuple):
    """At most ``layers`` layers, kept ones counted (none: any number). ``held`` and ``overhead`` (bytes that a
    layer costs by its mere existence: a request, an entry of the manifest, a mount) as in the model above.
    """

    layers: int | None = None
    held: float = 0.1
    overhead: int = 16_384


DEFAULT_BUDGET = Budget()


class Grouping(NamedTuple):
    """``groups`` are the numbers of layers that become one, bottom first; all together they are the stack.
    ``cost`` is in expected bytes.
    """

    groups: tuple[range, ...]
    cost: float


def optimize_layer_stack(layers: Sequence[StackLayer], budget: Budget = DEFAULT_BUDGET) -> Grouping:
    """The cheapest grouping of ``layers`` (bottom first); of equally cheap ones, one with the fewest groups.

    Time is O(n² · N) at worst and O(n²) where the budget does not bind. Raises ``ValueError`` where the kept layers
    leave no grouping that small.

    >>> steps = [StackLayer(100_000_000, 0.01), StackLayer(80_000_000, 0.01, hides=((0, 90_000_000),))]
    >>> optimize_layer_stack([*steps, StackLayer(1_000_000, 0.9)]).groups
    (range(0, 2), range(2, 3))
    """
    least = _least(layers)
    if budget.layers is not None and budget.layers < least:
        raise ValueError(
            f"{len(layers)} layers can not be fewer than {least}, of which there may be {budget.layers}"
        )
    costs = _costs(layers, budget)
    groups = _unbounded(costs)
    if budget.layers is not None and len(groups) > budget.layers:
        groups = _bounded(costs, budget.layers)
    return Grouping(groups, sum(costs[group.stop][group.start] for group in groups))


def grouping_cost(
    layers: Sequence[StackLayer], groups: Sequence[range], budget: Budget = DEFAULT_BUDGET
) -> float:
    """The cost of ``groups`` by the model, computed from its definition."""
    cost = 0.0
    for group in groups:
        size, stays = 0.0, 1.0
        for number in group:
            layer = layers[number]
            size += layer.pulled
            stays *= 1 - layer.rate
            size -= sum(_wire(layers[low], hidden) for low, hidden in layer.hides if low in group)
        cost += size * (1 - stays + budget.held) + budget.overhead
    return cost


def _wire(layer: StackLayer, uncompressed: int) -> float:
    """What some bytes of a layer come to on the wire."""
    return uncompressed * layer.pulled / layer.size if layer.size else 0.0


def _least(layers: Sequence[StackLayer]) -> int:
    """How many groups there are at least: each kept layer, and each run of others."""
    return sum(layer.kept or number == 0 or layers[number - 1].kept for number, layer in enumerate(layers))


def _costs(layers: Sequence[StackLayer], budget: Budget) -> list[list[float]]:
    """``costs[j][i]``: of one group of the layers from i up to, but without, j. Infinite where that may not be."""
    costs: list[list[float]] = [[]]
    sizes: list[float] = []
    stays: list[float] = []
    first = 0
    for end, top in enumerate(layers, 1):
        hidden = [0.0] * end
        for low, some in top.hides:
            hidden[low] += _wire(layers[low], some)
        saved = list(accumulate(reversed(hidden)))[::-1]  # of all layers from i on
        sizes = [size + top.pulled - less for size, less in zip((*sizes, 0.0), saved, strict=True)]
        stays = [stay * (1 - top.rate) for stay in (*stays, 1.0)]
        if top.kept or (end > 1 and layers[end - 2].kept):
            first = end - 1
        costs.append(
            [
                _NEVER if start < first else size * (1 - stay + budget.held) + budget.overhead
                for start, (size, stay) in enumerate(zip(sizes, stays, strict=True))
            ]
        )
    return costs


def _unbounded(costs: Sequence[Sequence[float]]) -> tuple[range, ...]:
    """The best groups, however many; the fewest among equals."""
    best: list[tuple[float, int]] = [(0.0, 0)]
    starts: list[int] = [0]
    for row in costs[1:]:
        found = min(
            (below + cost, groups + 1, start)
            for start, ((below, groups), cost) in enumerate(zip(best, row, strict=True))
        )
        best.append(found[:2])
        starts.append(found[2])
    return _walk_back(len(costs) - 1, lambda end, _: starts[end])


def _bounded(costs: Sequence[Sequence[float]], most: int) -> tuple[range, ...]:
    """The best groups of which there are at most ``most``."""
    # tables[k][j]: the cost of the first j layers in k groups.
    tables: list[list[float]] = [[0.0] + [_NEVER] * (len(costs) - 1)]
    for _ in range(most):
        below = tables[-1]
        tables.append([_NEVER, *(min(map(add, below, row)) for row in costs[1:])])
    count = min(range(1, most + 1), key=lambda groups: tables[groups][-1])

    def start(end: int, groups: int) -> int:
        sums = list(map(add, tables[count - groups - 1], costs[end]))
        return sums.index(min(sums))

    return _walk_back(len(costs) - 1, start)


def _walk_back(end: int, start: Callable[[int, int], int]) -> tuple[range, ...]:
    """Groups from the top down: ``start`` tells where the one begins that ends there, over which there are some."""
    groups: list[range] = []
    while end:
        groups.append(range(start(end, len(groups)), end))
        end = groups[-1].start
    return tuple(reversed(groups))


# --- how often layers change, where nothing better is known --------------------------------------------------

_RARE, _NAMED, _WHOLE, _FETCHED = 0.02, 0.15, 0.5, 0.05


def change_rates(layers: Sequence[ImageLayer]) -> tuple[float, ...]:
    """A guess for each of the layers of one image above its base (bottom first), from its text alone, so that the
    same text always gives the same layers: a copy of the whole build context changes with half of the versions, of
    named files with every seventh, of another stage likewise, of a URL or git tree with every twentieth; a command
    rarely by itself, and as often as what was copied below it, which it may well read.

    >>> from ..graph.operations import MakeDir
    >>> change_rates([ImageLayer(Run(("make",))), ImageLayer(MakeDir("/a"))])
    (0.02, 0.0)
    """
    rates: list[float] = []
    stays = 1.0
    for layer in layers:
        match layer.operation:
            case Copy() | Add():
                rate = _copied(layer.operation)
                stays *= 1 - rate
            case Run():
                rate = 1 - (1 - _RARE) * stays
            case _:
                rate = 0.0
        rates.append(round(rate, 6))
    return tuple(rates)


def _copied(operation: Copy | Add) -> float:
    rate = 0.0
    for source in operation.sources:
        if not isinstance(source, ContextPath):
            found = _FETCHED
        elif isinstance(operation.origin, FromContext) and source.path.strip("./") in ("", "*"):
            found = _WHOLE
        else:
            found = _NAMED
        rate = max(rate, found)
    return rate
