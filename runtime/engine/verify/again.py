"""What A does differently each time it is built, found by building it a second time.

First only the steps run again that wrote what differs; where that does not explain everything, all that those
steps are laid over and copy from runs again too: a file may be made of another that is gone from the image.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from threading import Event

from ....compiler.graph.layer import ImageLayer
from ....compiler.graph.operations import Add, Base, Copy, MakeDir
from ....compiler.graph.plan import LayerPlan
from ...events import Reporter
from ...snapshot.entry import Entry
from ...store import Store
from ..build import build_again
from .sides import Tree
from .trees import changes, origin
from .verdict import ADDED, REMOVED, Change

__all__ = ["Again", "excuse"]


class Again:
    """Builds of A after the first. ``ran`` are the layers of its plan that ran again so far, ``own`` the entries
    that differed from the first build, by path; ``stack`` is that of the last build.
    """

    def __init__(self, tree: Tree, store: Store, reporter: Reporter, cancel: Event, *, times: bool) -> None:
        assert tree.plan is not None
        self._tree = tree
        self._plan: LayerPlan = tree.plan
        self._store = store
        self._report = reporter
        self._cancel = cancel
        self._times = times
        self.ran: dict[str, ImageLayer] = {}
        self.own: dict[str, Change] = {}
        self.stack = tree.made.layers

    def rounds(self, wanted: Sequence[Change]) -> Iterator[None]:
        """Build again, a wider part each time; the caller stops when it knows enough."""
        writers = {layer.id: layer for layer in self._writers(wanted)}
        narrow = self._changeable(self._with_inputs(writers))
        for layers in (narrow, self._changeable(self._all_below(writers))):
            if not layers.keys() <= self.ran.keys():
                self.run(layers)
                yield

    def run_all(self) -> None:
        """Build again from the first step on."""
        top = self._plan.images[0].layer
        if top is not None:
            self.run(self._changeable(self._all_below([top])))

    def run(self, layers: Mapping[str, ImageLayer]) -> None:
        """Run ``layers`` again and compare what comes out with the first build."""
        if not layers or self._tree.request is None:
            return
        stack = build_again(self._tree.request, self._plan, layers, self._store, self._report, self._cancel)
        self.ran |= layers
        self.stack = stack
        for change in changes(self._store, self._tree.made.layers, stack, times=self._times):
            known = self.own.get(change.path)
            aspects = change.aspects if known is None else (*known.aspects, *change.aspects)
            self.own[change.path] = change._replace(aspects=tuple(dict.fromkeys(aspects)))

    # --- which steps -----------------------------------------------------------------------------------

    def _writers(self, wanted: Sequence[Change]) -> Iterator[ImageLayer]:
        for change in wanted:
            number = origin(self._store, self._tree.made.layers, change.path)
            layer = None if number is None else self._tree.layers[number]
            if layer is not None:
                yield layer

    def _with_inputs(self, writers: Iterable[str]) -> set[str]:
        """Steps, and all that made what they copy from other stages."""
        layers = self._layers
        inputs = [need for layer in writers for need in layers[layer].inputs]
        return {*writers, *self._all_below(inputs)}

    def _all_below(self, tops: Iterable[str]) -> set[str]:
        found: set[str] = set()
        todo = list(tops)
        while todo:
            current = todo.pop()
            if current not in found:
                found.add(current)
                todo += self._layers[current].references
        return found

    @property
    def _layers(self) -> dict[str, ImageLayer]:
        return {layer.id: layer for layer in self._plan.layers}

    def _changeable(self, ids: Iterable[str]) -> dict[str, ImageLayer]:
        """Without the steps that only put files where they are told: those give the same each time."""
        layers = self._layers
        return {
            layer: layers[layer]
            for layer in ids
            if not isinstance(layers[layer].operation, Base | Copy | Add | MakeDir)
        }


def excuse(found: Sequence[Change], own: Mapping[str, Change]) -> list[Change]:
    """``found`` with :attr:`Change.own` set where A alone differs in the same aspects.

    Names that A makes up anew each time are no path of A's second build: an entry that only B has is excused
    by one that only the second build has, in the same directory and alike but for its name and content.
    """
    spare = Counter(_likeness(change.after) for change in own.values() if change.aspects == (ADDED,))
    return [change._replace(own=_is_own(change, own, spare)) for change in found]


def _is_own(change: Change, own: Mapping[str, Change], spare: Counter[object]) -> bool:
    known = own.get(change.path)
    if known is not None and set(change.aspects) <= set(known.aspects):
        return True
    if change.aspects != (ADDED,) or not _is_made_up(change.path, own):
        return False
    like = _likeness(change.after)
    spare[like] -= 1
    return spare[like] >= 0


def _is_made_up(path: str, own: Mapping[str, Change]) -> bool:
    """Whether the second build lacks a name of the first in the same directory."""
    parent = path.rpartition("/")[0]
    return any(
        change.aspects == (REMOVED,) and other.rpartition("/")[0] == parent for other, change in own.items()
    )


def _likeness(entry: Entry | None) -> object:
    assert entry is not None
    return entry.path.rpartition("/")[0], entry.kind, entry.mode, entry.uid, entry.gid
