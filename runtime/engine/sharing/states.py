"""What a step saw of a tree, in a form that stands by itself.

A trace of the store names the stack that the step was run on, and is compared with today's by what differs between
the two. Another store may not have that stack. So a shared trace carries, for each path that was looked at, what
was seen there, and is compared by looking at those paths. What counts as a difference is the same:
:func:`..traces.change_of`.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast, get_args

from ...snapshot.compare import Difference
from ...snapshot.entry import Entry, Kind
from ...snapshot.view import StackView
from ...trace.trace import ABSENT, LINKED, LISTED, READ, STATED, Trace
from ..traces import change_of

__all__ = ["Saw", "Seen", "changes", "dump_states", "load_states", "look"]

_HEADER = b"layerc-states 1\n"
_MOST_BYTES = 32 << 20  # of a trace that is unpacked
_MOST_PATHS = 500_000  # in one: each takes memory, however short it is
_MOST_EVENT = 2 * LINKED - 1
_MOST_NUMBER = (1 << 32) - 1
_KINDS = frozenset(get_args(Kind)) - {"whiteout"}
_DIGESTED = READ | STATED


class Seen(NamedTuple):
    """What was seen at one path: ``entry`` (none: nothing was there) holds what ``event`` tells of, no more;
    ``listing`` is a digest of the names and kinds in a directory that was listed; ``names`` one of all names of a
    file that has several.
    """

    event: int
    entry: Entry | None
    listing: str = ""
    names: str = ""


Saw = Mapping[str, Seen]


def look(view: StackView, trace: Trace) -> dict[str, Seen] | None:
    """What ``trace`` saw in ``view``, by path; none if it can not have been this view."""
    saw = {path: _seen(view, path, event) for path, event in trace.events.items()}
    if any((seen.entry is None) != bool(seen.event & ABSENT) for seen in saw.values()):
        return None
    return saw


def changes(saw: Saw, view: StackView) -> Iterator[tuple[str, str]]:
    """Paths at which ``view`` is not what was seen, and what is different there, in a word or two."""
    for path, before in saw.items():
        after = _seen(view, path, before.event)
        if before == after:
            continue
        change = change_of(Difference(path, before.entry, after.entry), before.event)
        if change:
            yield path, change
        elif before.listing != after.listing:
            yield path, "names in a listed directory"
        elif before.names != after.names:
            yield path, "number of hard links"


def _seen(view: StackView, path: str, event: int) -> Seen:
    entry = view.lstat(path)
    if entry is None:
        return Seen(event, None)
    listing, names = "", ""
    if event & LISTED and entry.is_directory:
        listing = _listing(view, path)
    if event & STATED and entry.kind == "file":
        names = _names(view, path)
    plain = Entry(
        "",
        entry.kind,
        entry.mode,
        entry.uid,
        entry.gid,
        target=entry.target,
        device=entry.device,
        digest=entry.digest if event & _DIGESTED else "",
        xattrs=entry.xattrs,
    )
    return Seen(event, plain, listing, names)


def _listing(view: StackView, path: str) -> str:
    # The first row tells the kind: only directories have several.
    return _digest(sorted((name, rows[0][1][0]) for name, rows in view.children(view.found(path)).items()))


def _names(view: StackView, path: str) -> str:
    names = view.names(path)
    return _digest(sorted(names)) if len(names) > 1 else ""


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


# --- bytes -------------------------------------------------------------------------------------------


def dump_states(views: Sequence[Saw]) -> bytes | None:
    """A compact form, equal for equal views, which :func:`load_states` reads; none if it were too large."""
    lines = [_HEADER]
    for saw in views:
        lines.append(b"%d\n" % len(saw))
        rows = (json.dumps(_row(path, saw[path]), separators=(",", ":")) for path in sorted(saw))
        lines += [row.encode() + b"\n" for row in rows]
    text = b"".join(lines)
    if len(text) >= _MOST_BYTES or sum(map(len, views)) > _MOST_PATHS:
        return None
    return zlib.compress(text)


def load_states(data: bytes) -> list[Saw]:
    """The views that :func:`dump_states` wrote; the bytes may be a stranger's. Raises ``ValueError``."""
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(data, _MOST_BYTES)
    except zlib.error as error:
        raise ValueError(f"damaged: {error}") from None
    if not unpacking.eof or unpacking.unused_data or not text.startswith(_HEADER) or not text.endswith(b"\n"):
        raise ValueError("not a whole trace, or too large")
    lines = iter(text.removeprefix(_HEADER).split(b"\n")[:-1])
    views: list[Saw] = []
    left = _MOST_PATHS
    for count in lines:
        if not count.isdigit() or len(count) > 9 or int(count) > left:
            raise ValueError("a view has no length, or too many paths")
        left -= int(count)
        saw = dict(_read_row(next(lines, b"")) for _ in range(int(count)))
        if len(saw) != int(count):
            raise ValueError("a path comes twice")
        views.append(saw)
    return views


def _row(path: str, seen: Seen) -> list[Any]:
    row: list[Any] = [path, seen.event]
    if seen.entry is None:
        return row
    entry = seen.entry
    row += [entry.kind, entry.mode, entry.uid, entry.gid, entry.target, entry.device, entry.digest]
    row += [[[name, value.hex()] for name, value in entry.xattrs], seen.listing, seen.names]
    return row


def _read_row(line: bytes) -> tuple[str, Seen]:
    try:
        path, event, *more = json.loads(line)
    except (ValueError, TypeError, RecursionError):
        raise ValueError("a line is no row") from None
    _check(isinstance(path, str) and _is_number(event, _MOST_EVENT))
    if not more:
        return path, Seen(event, None)
    _check(len(more) == 10)
    kind, mode, uid, gid, target, device, digest, xattrs, listing, names = more
    _check(isinstance(kind, str) and kind in _KINDS and _is_number(mode, 0o7777))
    _check(all(isinstance(text, str) for text in (target, digest, listing, names)))
    _check(all(_is_number(number) for number in (uid, gid)) and isinstance(xattrs, list))
    _check(all(_is_pair(item, str, str) for item in xattrs) and _is_pair(device, int, int))
    pairs = tuple((name, bytes.fromhex(value)) for name, value in xattrs)
    entry = Entry(
        "",
        cast("Kind", kind),
        mode,
        uid,
        gid,
        target=target,
        device=(device[0], device[1]),
        digest=digest,
        xattrs=pairs,
    )
    return path, Seen(event, entry, listing, names)


def _check(is_right: bool) -> None:
    if not is_right:
        raise ValueError("a row has another form")


def _is_number(value: Any, most: int = _MOST_NUMBER) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def _is_pair(value: Any, first: type, second: type) -> bool:
    return (
        isinstance(value, list) and len(value) == 2 and type(value[0]) is first and type(value[1]) is second
    )
