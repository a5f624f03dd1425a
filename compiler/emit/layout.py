"""Where the parts of a picture stand: stages side by side, each box below all that it needs.

Rows are the same for all lanes, so there is room between two rows all the way across, and between two lanes from
top to bottom. Arrows to other lanes run there and nowhere else: they never cross a box. Each has a track of its own
where several run side by side. All lengths are in pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .picture import Arrow, Box, Lane, Picture

__all__ = ["BOX_WIDTH", "Column", "Layout", "Placed", "Route", "lay_out"]

BOX_WIDTH = 328
PADDING = 14  # between a box and the edge of its lane
HEADER = 40  # of a lane, for its title
GAP = 30  # between two rows
MARGIN = 24  # around everything
GUTTER = 30  # between two lanes, and more for each arrow in it
TRACK = 8
LINK = 90  # between two lanes whose boxes are compared


class Placed(NamedTuple):
    """A box and its upper left corner."""

    box: Box
    x: float
    y: float
    height: float
    is_image: bool = False


class Column(NamedTuple):
    """A lane and its rectangle."""

    lane: Lane
    x: float
    y: float
    width: float
    height: float


class Route(NamedTuple):
    """An arrow and the corners that it turns at."""

    arrow: Arrow
    points: tuple[tuple[float, float], ...]


class Layout(NamedTuple):
    """All parts in a picture of ``width`` and ``height``."""

    columns: tuple[Column, ...]
    boxes: tuple[Placed, ...]
    routes: tuple[Route, ...]
    width: float
    height: float


class _Cell(NamedTuple):
    lane: int
    row: int


class _Way(NamedTuple):
    """An arrow to another lane or past a box: from ``side`` (-1 left, 1 right) of its tail down gutter ``leave``,
    above the head's row to gutter ``reach``, and in at side ``enter``.
    """

    arrow: Arrow
    tail: _Cell
    head: _Cell
    side: int
    enter: int
    leave: int
    reach: int


def lay_out(picture: Picture, height: float) -> Layout:
    """Place all boxes, each ``height`` high."""
    return _Layouter(picture, height).run()


class _Layouter:
    def __init__(self, picture: Picture, height: float) -> None:
        self._picture = picture
        self._height = height
        self._pitch = height + GAP
        self._cells = _cells(picture)
        self._linked = {
            self._cells[arrow.tail].lane for arrow in picture.arrows if arrow.kind in ("same", "moved")
        }

    def run(self) -> Layout:
        picture, cells = self._picture, self._cells
        taken = {cell: name for name, cell in cells.items()}
        straight, ways, links = [], [], []
        for arrow in picture.arrows:
            tail, head = cells[arrow.tail], cells[arrow.head]
            between = ((tail.lane, row) for row in range(tail.row + 1, head.row))
            if arrow.kind in ("same", "moved"):
                links.append(arrow)
            elif tail.lane == head.lane and not any(_Cell(*place) in taken for place in between):
                straight.append(arrow)
            else:
                ways.append(_way(arrow, tail, head))
        tracks, widths = self._gutters(ways)
        xs = self._columns(widths)
        gutters = [MARGIN, *(x + _WIDTH for x in xs)]
        # Arrows into a row share the room above it.
        spans: dict[int, list[tuple[float, float, _Way]]] = {}
        for way in ways:
            if way.leave != way.reach:
                ends = sorted(
                    (gutters[way.leave] + tracks[way, way.leave], gutters[way.reach] + tracks[way, way.reach])
                )
                spans.setdefault(way.head.row, []).append((ends[0], ends[1], way))
        channels = {row: _tracks(spans[row]) for row in spans}
        ports = self._ports(ways)
        routes = [Route(arrow, self._straight(arrow, xs)) for arrow in straight]
        for way in ways:
            first, last = (
                gutters[way.leave] + tracks[way, way.leave],
                gutters[way.reach] + tracks[way, way.reach],
            )
            channel = 0.0
            if way.leave != way.reach:
                used = channels[way.head.row]
                step = min(5.0, (GAP - 12) / max(max(used.values()), 1))
                channel = self._top(way.head.row) - GAP + 7 + step * used[way]
            routes.append(Route(way.arrow, self._points(way, xs, ports, first, last, channel)))
        routes += [Route(arrow, self._link(arrow, xs)) for arrow in links]
        boxes = [
            Placed(
                box,
                xs[cells[box.name].lane] + PADDING,
                self._top(cells[box.name].row),
                self._height,
                is_image,
            )
            for box, is_image in (
                *((box, False) for box in picture.boxes),
                *((box, True) for box in picture.images),
            )
        ]
        rows = 1 + max((cell.row for cell in cells.values()), default=-1)
        columns = []
        for number, lane in enumerate(picture.lanes):
            last_row = max((cells[box.name].row for box in lane.boxes), default=0)
            columns.append(
                Column(
                    lane, xs[number], MARGIN, _WIDTH, self._top(last_row) + self._height + PADDING - MARGIN
                )
            )
        right = (xs[-1] + _WIDTH if xs else MARGIN) + (widths[-1] if ways else 0)
        return Layout(tuple(columns), tuple(boxes), tuple(routes), right + MARGIN, self._top(rows))

    def _top(self, row: int) -> float:
        return MARGIN + HEADER + row * self._pitch

    def _gutters(self, ways: Sequence[_Way]) -> tuple[dict[tuple[_Way, int], float], list[float]]:
        """Where in its gutters each arrow runs, and how wide they are: one before, between and after all lanes."""
        spans: dict[int, list[tuple[float, float, _Way]]] = {}
        for way in ways:
            for gutter in {way.leave, way.reach}:
                begins = way.tail.row if gutter == way.leave else way.head.row - 0.5
                ends = way.head.row if gutter == way.reach else way.head.row - 0.5
                spans.setdefault(gutter, []).append((begins, ends, way))
        lanes = len(self._picture.lanes) or 1
        widths = [0.0, *(float(LINK if lane in self._linked else GUTTER) for lane in range(lanes - 1)), 0.0]
        places: dict[tuple[_Way, int], float] = {}
        for gutter, items in spans.items():
            used = _tracks(items)
            count = 1 + max(used.values())
            widths[gutter] = max(widths[gutter], GUTTER + TRACK * (count - 1))
            start = (widths[gutter] - TRACK * (count - 1)) / 2
            places |= {(way, gutter): start + TRACK * track for way, track in used.items()}
        return places, widths

    def _columns(self, widths: Sequence[float]) -> list[float]:
        xs: list[float] = []
        x = MARGIN + widths[0]
        for width in widths[1:]:
            xs.append(x)
            x += _WIDTH + width
        return xs

    def _ports(self, ways: Iterable[_Way]) -> dict[tuple[_Way, bool], float]:
        """How far below the top of its box each arrow begins (true) or ends."""
        sides: dict[tuple[_Cell, int], list[tuple[bool, _Way]]] = {}
        for way in ways:
            sides.setdefault((way.tail, way.side), []).append((True, way))
            sides.setdefault((way.head, way.enter), []).append((False, way))
        found: dict[tuple[_Way, bool], float] = {}
        for items in sides.values():
            # What comes in from above is above what goes out downwards.
            items.sort(key=lambda item: item[0])
            for number, (begins, way) in enumerate(items, 1):
                found[way, begins] = self._height * number / (len(items) + 1)
        return found

    def _straight(self, arrow: Arrow, xs: Sequence[float]) -> tuple[tuple[float, float], ...]:
        tail, head = self._cells[arrow.tail], self._cells[arrow.head]
        x = xs[tail.lane] + PADDING + BOX_WIDTH / 2
        return (x, self._top(tail.row) + self._height), (x, self._top(head.row))

    def _points(
        self,
        way: _Way,
        xs: Sequence[float],
        ports: Mapping[tuple[_Way, bool], float],
        first: float,
        last: float,
        channel: float,
    ) -> tuple[tuple[float, float], ...]:
        start = xs[way.tail.lane] + PADDING + (BOX_WIDTH if way.side > 0 else 0)
        end = xs[way.head.lane] + PADDING + (BOX_WIDTH if way.enter > 0 else 0)
        top = self._top(way.tail.row) + ports[way, True]
        bottom = self._top(way.head.row) + ports[way, False]
        if way.leave == way.reach:
            return (start, top), (first, top), (first, bottom), (end, bottom)
        return (start, top), (first, top), (first, channel), (last, channel), (last, bottom), (end, bottom)

    def _link(self, arrow: Arrow, xs: Sequence[float]) -> tuple[tuple[float, float], ...]:
        tail, head = self._cells[arrow.tail], self._cells[arrow.head]
        return (
            (xs[tail.lane] + PADDING + BOX_WIDTH, self._top(tail.row) + self._height / 2),
            (xs[head.lane] + PADDING, self._top(head.row) + self._height / 2),
        )


_WIDTH = BOX_WIDTH + 2 * PADDING


def _cells(picture: Picture) -> dict[str, _Cell]:
    """The lane and row of each box: below all that it needs and all that came before in its lane."""
    needs: dict[str, list[str]] = {}
    for arrow in picture.arrows:
        if arrow.kind not in ("same", "moved"):
            needs.setdefault(arrow.head, []).append(arrow.tail)
    lanes = {box.name: number for number, lane in enumerate(picture.lanes) for box in lane.boxes}
    cells: dict[str, _Cell] = {}
    free = [0] * max(len(picture.lanes), 1)
    pending = [iter(lane.boxes) for lane in picture.lanes]
    waiting = [next(boxes, None) for boxes in pending]
    # Boxes of one lane stay in their order; lanes take turns until each waits for another.
    moved = True
    while moved:
        moved = False
        for number, boxes in enumerate(pending):
            while (box := waiting[number]) is not None and all(
                name in cells for name in needs.get(box.name, ())
            ):
                below = [cells[name].row + 1 for name in needs.get(box.name, ())]
                row = max(free[number], *below, 0)
                cells[box.name] = _Cell(number, row)
                free[number] = row + 1
                waiting[number] = next(boxes, None)
                moved = True
    for image in picture.images:
        lane = next((lanes[name] for name in needs.get(image.name, ())), 0)
        row = max(free[lane], *(cells[name].row + 1 for name in needs.get(image.name, ())), 0)
        cells[image.name] = _Cell(lane, row)
        free[lane] = row + 1
    return cells


def _way(arrow: Arrow, tail: _Cell, head: _Cell) -> _Way:
    if tail.lane == head.lane:  # past boxes of its own lane, on the left
        return _Way(arrow, tail, head, -1, -1, tail.lane, tail.lane)
    if tail.lane < head.lane:
        return _Way(arrow, tail, head, 1, -1, tail.lane + 1, head.lane)
    return _Way(arrow, tail, head, -1, 1, tail.lane, head.lane + 1)


def _tracks(spans: Iterable[tuple[float, float, _Way]]) -> dict[_Way, int]:
    """Numbers from zero up, so that spans with equal ones do not touch."""
    ends: list[float] = []
    found: dict[_Way, int] = {}
    for begin, end, way in sorted(spans, key=lambda span: span[:2]):
        number = next((number for number, last in enumerate(ends) if last < begin), len(ends))
        ends[number : number + 1] = [end]
        found[way] = number
    return found
