"""The whole comparison: make both sides, compare them, look for what is A's own doing, explain the rest."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from threading import Event

from ...errors import InputError, StepError
from ...events import Reporter
from ...snapshot.entry import Entry
from ...snapshot.view import StackView
from ...store import Store
from ..request import BuildRequest
from .again import Again, excuse
from .causes import Pair, cause_of
from .configs import config_changes
from .sides import Side, Tree, make, step_of
from .trees import changes, count_entries, origin
from .verdict import Change, Step, Verdict

__all__ = ["verify", "verify_plans"]

_SMALL = 1 << 16  # bytes of a text that is shown as a diff
_MOST_SHOWN = 1000  # diffs; to make them takes longer than all the rest
_LOOKED_AT = 1 << 23  # bytes of a file that rules look into


def verify_plans(
    request_a: BuildRequest,
    request_b: BuildRequest,
    store: Store,
    progress: Reporter,
    *,
    times: bool = False,
    strict: bool = False,
    prove: bool = True,
    cancel: Event | None = None,
) -> Verdict:
    """Build two requests (each of one image; a plan of ``request.plan`` is taken as it is) and compare the images.

    Raises as ``build`` does, with ``A:`` or ``B:`` before the message, and :class:`InputError` where a request
    makes several images or the two are for different platforms. What differs is in the verdict.
    """
    sides = Side("A", request_a), Side("B", request_b)
    return verify(*sides, store, progress, times=times, strict=strict, prove=prove, cancel=cancel)


def verify(
    a: Side,
    b: Side,
    store: Store,
    progress: Reporter,
    *,
    times: bool = False,
    strict: bool = False,
    twice: bool = False,
    prove: bool = False,
    cancel: Event | None = None,
) -> Verdict:
    """Compare two sides. ``times`` compares time stamps too; with ``strict`` A is not built a second time, and all
    that differs counts; with ``twice`` it is in any case, from its first step on.

    With ``prove`` the steps of B that A has not really run: a rewrite may have been derived from what steps were
    seen to read, and where the cache goes by the same, it proves nothing.

    Raises as :func:`verify_plans`.
    """
    cancel = cancel or Event()
    one = make(a, store, progress, cancel)
    other = make(b, store, progress, cancel, unlike=one.plan if prove else None)
    if one.made.platform != other.made.platform:
        raise InputError(
            f"{a.name} is for {one.made.platform}, {b.name} for {other.made.platform}",
            help="choose one platform for both with --platform",
        )
    found = changes(store, one.made.layers, other.made.layers, times=times)
    notes: list[str] = []
    again = None
    if one.plan is not None and not strict:
        again = Again(one, store, progress, cancel, times=times)
        try:
            found = _excused(found, again, twice=twice)
        except StepError as error:
            notes.append(f"A could not be built a second time: {error.message}; all that differs counts")
    elif found or twice:
        notes.append(_not_twice(other, strict=strict))
    compared = not one.bare and not other.bare
    if not compared:
        notes.append("a tree of files has no config: configs were not compared")
    return Verdict(
        one.made,
        other.made,
        count_entries(store, one.made.layers),
        tuple(map(_Explaining(store, one, other), found)),
        config_changes(one.config, other.config) if compared else (),
        compared,
        tuple(map(step_of, again.ran.values())) if again else (),
        _unstable(store, one, again, found) if again and twice else (),
        strict,
        tuple(notes),
    )


def _excused(found: Sequence[Change], again: Again, *, twice: bool) -> list[Change]:
    """``found``, with what A does differently each time marked as its own doing."""
    if twice:
        again.run_all()
        return excuse(found, again.own)
    marked = list(found)
    for _ in again.rounds(found):
        marked = excuse(found, again.own)
        if all(change.own for change in marked):
            break
    return marked


def _unstable(store: Store, a: Tree, again: Again, found: Sequence[Change]) -> tuple[Change, ...]:
    """What A's two builds differ in, without what differs between A and B as well."""
    seen = {change.path for change in found}
    second = a._replace(made=a.made._replace(layers=again.stack))
    rest = [change for path, change in sorted(again.own.items()) if path not in seen]
    return tuple(map(_Explaining(store, a, second), rest))


def _not_twice(b: Tree, *, strict: bool) -> str:
    if strict:
        return "A was not built a second time: all that differs counts"
    turn = "; B can be: compare the other way round" if b.plan is not None else ""
    return f"A is an image, which can not be built a second time: all that differs counts{turn}"


class _Explaining:
    """Says of a difference which steps wrote it, of what kind it is, and shows it where it is small."""

    def __init__(self, store: Store, a: Tree, b: Tree) -> None:
        self._store = store
        self._sides = a, b
        self._views = StackView(store, a.made.layers), StackView(store, b.made.layers)
        self._shown = 0

    def __call__(self, change: Change) -> Change:
        a, b = self._sides
        before, after = self._views
        pair = Pair(
            change.path,
            change.aspects,
            self._reader(before, change.before),
            self._reader(after, change.after),
        )
        return change._replace(
            step=self._step(a, change.path),
            step_after=self._step(b, change.path),
            cause=cause_of(pair),
            diff=self._diff(pair, change),
        )

    def _diff(self, pair: Pair, change: Change) -> str:
        if self._shown == _MOST_SHOWN:
            return ""
        text = _diff(pair, change)
        self._shown += bool(text)
        return text

    def _step(self, tree: Tree, path: str) -> Step | None:
        number = origin(self._store, tree.made.layers, path)
        return None if number is None else tree.wrote[number]

    def _reader(self, view: StackView, entry: Entry | None) -> Callable[[], bytes]:
        def read() -> bytes:
            if entry is None or entry.kind != "file" or entry.size > _LOOKED_AT:
                return b""
            with view.open(entry.path) as file:
                return file.read()

        return read


def _diff(pair: Pair, change: Change) -> str:
    """A unified diff of two small texts; empty for anything else."""
    if change.before is None or change.after is None or not pair.is_content:
        return ""
    if max(change.before.size, change.after.size) >= _SMALL or pair.texts is None:
        return ""
    before, after = (text.splitlines() for text in pair.texts)
    lines = difflib.unified_diff(before, after, f"A/{change.path}", f"B/{change.path}", lineterm="")
    return "\n".join(lines)
