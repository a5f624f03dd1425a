"""Two plans side by side: what a rewrite moved, added and took away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..graph.layer import ImageLayer
from ..graph.operations import Run
from ..graph.plan import LayerPlan
from .annotation import NO_ANNOTATIONS, Annotation, Annotations, seconds_text
from .picture import Arrow, Lane, Picture, draw

__all__ = ["draw_difference"]

_PLAIN = Annotation()


class _Pair(NamedTuple):
    before: ImageLayer
    after: ImageLayer
    is_moved: bool


def draw_difference(
    before: LayerPlan,
    after: LayerPlan,
    known_before: Annotations = NO_ANNOTATIONS,
    known_after: Annotations = NO_ANNOTATIONS,
) -> Picture:
    """Each stage of ``before`` beside that of ``after`` (by their names); steps that both have are joined. They are
    told by their text. A step is *moved* if it changed places with another: as few as possible are.

    What is known of steps before is told of the same steps after, too.
    """
    pairs = _pairs(before, after)
    told_before, told_after = dict(known_before), dict(known_after)
    for pair in pairs:
        there = known_before.get(pair.before.id, _PLAIN)
        if pair.is_moved:
            told_before[pair.before.id] = there._replace(state="moved")
        else:
            told_before[pair.before.id] = there._replace(state="")
        told_after[pair.after.id] = _joined(known_after.get(pair.after.id, _PLAIN), there, pair.is_moved)
    kept_before, kept_after = {pair.before.id for pair in pairs}, {pair.after.id for pair in pairs}
    for plan, told, kept, state in (
        (before, told_before, kept_before, "removed"),
        (after, told_after, kept_after, "new"),
    ):
        for layer in plan.layers:
            if layer.id not in kept:
                told[layer.id] = told.get(layer.id, _PLAIN)._replace(state=state)
    left = draw(before, told_before, "a").in_file_order()
    right = draw(after, told_after, "b").in_file_order()
    return _side_by_side(before, after, left, right, pairs)


def _joined(own: Annotation, there: Annotation, is_moved: bool) -> Annotation:
    return Annotation(
        "moved" if is_moved else "",
        there.seconds if own.seconds is None else own.seconds,
        there.size if own.size is None else own.size,
        own.note or there.note,
    )


def _pairs(before: LayerPlan, after: LayerPlan) -> list[_Pair]:
    found: list[_Pair] = []
    stages = dict.fromkeys(layer.provenance.stage for layer in before.layers)
    for stage in stages:
        olds = [layer for layer in before.layers if layer.provenance.stage == stage]
        news = [layer for layer in after.layers if layer.provenance.stage == stage]
        places: dict[str, list[int]] = {}
        for number, layer in enumerate(olds):
            places.setdefault(_text(layer), []).append(number)
        matched = [(places[_text(layer)].pop(0), layer) for layer in news if places.get(_text(layer))]
        stays = _staying(matched)
        found += [_Pair(olds[number], layer, number not in stays) for number, layer in matched]
    return found


def _text(layer: ImageLayer) -> str:
    return " ".join(layer.provenance.title.split()) or layer.id


def _staying(matched: Sequence[tuple[int, ImageLayer]]) -> frozenset[int]:
    """The numbers that stay in their order: as many as there can be, and among equals those with most RUN steps,
    since it is the others that are moved around them.
    """
    best: list[tuple[int, int, int | None]] = []  # for each that ends a row: steps, RUN steps, the one before
    for place, (number, layer) in enumerate(matched):
        before = [(*best[other][:2], other) for other in range(place) if matched[other][0] < number]
        count, runs, last = max(before, default=(0, 0, None))
        best.append((count + 1, runs + isinstance(layer.operation, Run), last))
    found: set[int] = set()
    place_or_none = max(range(len(best)), key=lambda place: best[place][:2], default=None)
    while place_or_none is not None:
        found.add(matched[place_or_none][0])
        place_or_none = best[place_or_none][2]
    return frozenset(found)


def _side_by_side(
    before: LayerPlan, after: LayerPlan, left: Picture, right: Picture, pairs: Sequence[_Pair]
) -> Picture:
    rights = {lane.title: lane for lane in right.lanes}
    lanes: list[Lane] = []
    for lane in left.lanes:
        lanes.append(lane._replace(title=_titled(lane.title, "before")))
        if lane.title in rights:
            lanes.append(rights[lane.title]._replace(title=_titled(lane.title, "after")))
    stages = {lane.title for lane in left.lanes}
    lanes += [
        lane._replace(title=_titled(lane.title, "after")) for lane in right.lanes if lane.title not in stages
    ]
    olds = {layer.id: f"alayer{number}" for number, layer in enumerate(before.layers)}
    news = {layer.id: f"blayer{number}" for number, layer in enumerate(after.layers)}
    links = [
        Arrow(olds[pair.before.id], news[pair.after.id], "moved" if pair.is_moved else "same")
        for pair in pairs
    ]
    images, arrows = (*left.images, *right.images), (*links, *left.arrows, *right.arrows)
    return Picture(tuple(lanes), images, arrows, right.critical, _summary(left, right, pairs))


def _titled(title: str, when: str) -> str:
    return f"{title} \u00b7 {when}" if title else when


def _summary(left: Picture, right: Picture, pairs: Sequence[_Pair]) -> str:
    moved = sum(pair.is_moved for pair in pairs)
    count = len(left.boxes)
    parts = [f"{count} {'step' if count == 1 else 'steps'} before, {len(right.boxes)} after"]
    counts = (
        (moved, "moved"),
        (len(right.boxes) - len(pairs), "new"),
        (len(left.boxes) - len(pairs), "removed"),
    )
    parts += [f"{count} {name}" for count, name in counts if count]
    if left.critical is not None and right.critical is not None and left.critical != right.critical:
        parts.append(
            f"critical path {seconds_text(left.critical)} before, {seconds_text(right.critical)} after"
        )
    return " \u00b7 ".join(parts)
