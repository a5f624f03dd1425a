"""``LayerBuilder``: executes one layer definition on its parent's snapshot and commits the result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from threading import Event
from typing import NamedTuple, Protocol

from ...compiler.graph.layer import ImageLayer
from ...compiler.graph.operations import Add, Base, Copy, MakeDir, Operation, Run
from ...grammar.errors import LayercError
from ..errors import InputError
from ..events import Notice, Reporter, StepOutput
from ..snapshot.commit import commit
from ..snapshot.view import StackView
from ..store import Draft, Store
from .copies import composed_copy, composed_directory
from .filecopy.apply import apply_copy
from .filecopy.destination import Destination
from .filecopy.ownership import OWNER_FILES, needs_users, resolve_owner
from .filecopy.plan import is_linked
from .inputs import Inputs
from .mounts import RunMounts
from .observer import BrokenViewError, Observer, Trees, View
from .scheduler import CancelledStepError
from .steps import StepRunner

__all__ = ["BaseImages", "Executed", "LayerBuilder"]

Stack = tuple[str, ...]


class BaseImages(Protocol):
    """Puts a base image's layers into the store."""

    def materialise(self, base: Base) -> Stack:
        """Diff IDs of the image's layers, all of which are in the store now."""


class Executed(NamedTuple):
    """Diff IDs of the layers that a step gave, and what it asked of its trees; where that is not known,
    ``untraced`` says why, if there is a reason.
    """

    layers: Stack
    views: tuple[View, ...] | None = None
    untraced: str = ""


class LayerBuilder:
    """Gives the layers that an operation adds to its parent's stack (one, but for base images)."""

    def __init__(
        self,
        store: Store,
        inputs: Inputs,
        images: BaseImages,
        runner: StepRunner,
        mounts: RunMounts,
        reporter: Reporter,
        cancel: Event,
        *,
        observes: bool,
    ) -> None:
        self._store = store
        self._observes = observes
        self._inputs = inputs
        self._images = images
        self._runner = runner
        self._mounts = mounts
        self._report = reporter
        self._cancel = cancel

    @property
    def observes(self) -> bool:
        """Whether it is seen what steps take from their trees."""
        return self._observes

    def report_to(self, reporter: Reporter) -> None:
        """Tell ``reporter`` what steps print, from now on."""
        self._report = reporter

    def execute(self, layer: ImageLayer, parent: Stack, inputs: Sequence[Stack]) -> Executed:
        """Make the layer. Raises what the user has to know (a :class:`LayercError`), or
        :class:`CancelledStepError`; whatever it raises, the store is as before.
        """
        observer = Observer(self._store, observes=self._observes and _sees_trees(layer.operation))
        try:
            return self._execute(layer, parent, inputs, observer)
        except CancelledStepError:
            raise
        except (LayercError, OSError, BrokenViewError):
            # A step that fails because its files could not be read has not failed.
            if not observer.broken:
                raise
        complaint = observer.complaint
        self._warner(layer)(f"the step runs again, unobserved: {complaint}")
        executed = self._execute(layer, parent, inputs, Observer(self._store, observes=False))
        return executed._replace(untraced=complaint)

    def _execute(
        self, layer: ImageLayer, parent: Stack, inputs: Sequence[Stack], observer: Observer
    ) -> Executed:
        match layer.operation:
            case Base() as base:
                return Executed(self._images.materialise(base))
            case Run() as run:
                return self._run(run, layer.id, parent, inputs, observer)
            case Copy() | Add() as copy:
                return self._copy(copy, parent, inputs, observer, self._warner(layer))
            case MakeDir() as make:
                return self._make_directory(make, parent, observer, self._warner(layer))

    def trees(self, layer: ImageLayer, parent: Stack, inputs: Sequence[Stack]) -> Trees | None:
        """The trees that the layer's step would see, by which a trace of it is found; none if it sees none."""
        operation = layer.operation
        if not _sees_trees(operation) or isinstance(operation, Base):
            return None
        if isinstance(operation, Copy | Add):
            return Trees((parent,), (self._inputs.copy_plan(operation, inputs).key(),))
        if isinstance(operation, MakeDir):
            return Trees((parent,), ())
        mounted = self._mounts.trees(operation, inputs, self._context_stack)
        return Trees((parent, *mounted.stacks), mounted.sources)

    def _run(
        self, run: Run, layer_id: str, parent: Stack, inputs: Sequence[Stack], observer: Observer
    ) -> Executed:
        def report(stream: int, data: bytes) -> None:
            self._report(StepOutput(layer_id, stream, data))

        with self._store.draft() as draft, ExitStack() as held:
            root = held.enter_context(observer.mount(parent, draft))
            prepared = self._mounts.prepared(run, inputs, self._context_stack, self._check, observer)
            mounts = held.enter_context(prepared)
            self._runner.run(run, root, mounts, report, self._cancel)
            self._check()
            held.close()
            return self._commit(draft, parent, observer)

    def _context_stack(self, copy: Copy) -> Stack:
        """A stack with what ``copy`` puts on an empty tree, for mounts of a build context."""
        plan = self._inputs.copy_plan(copy, ())
        key = f"mounted {plan.key()}"
        with self._store.lock(key, self._check):
            known = self._store.record("mounted", key)
            if known is not None and self._store.layer(known.decode()) is not None:
                return (known.decode(),)
            stack = self._copy(copy, (), (), Observer(self._store, observes=False)).layers
            self._store.add_record("mounted", key, stack[0].encode())
            return stack

    def _warner(self, layer: ImageLayer) -> Callable[[str], None]:
        """Tells the user something about an instruction, which stops nothing."""
        where = f"{layer.provenance.file}:{layer.provenance.line}"
        return lambda message: self._report(Notice(message, where))

    def _copy(
        self,
        copy: Copy | Add,
        parent: Stack,
        inputs: Sequence[Stack],
        observer: Observer,
        warn: Callable[[str], None] | None = None,
    ) -> Executed:
        plan = self._inputs.copy_plan(copy, inputs)
        if warn is not None:
            for pattern in plan.unmatched:
                warn(f"{pattern} matches nothing, so nothing is copied for it")
        below: Stack = () if is_linked(copy) else parent
        users = self._users(copy.chown, parent)
        named = None if users is None else users.stack
        composed = composed_copy(self._store, copy, plan, below, named, self._check, warn)
        if composed is not None:
            return Executed((composed[0],), (composed[1],))
        with self._store.draft() as draft:
            with observer.mount(below, draft) as root:
                apply_copy(plan, root, users, check=self._check, warn=warn)
            if needs_users(copy.chown or ""):
                observer.add_reads(*OWNER_FILES)
            return self._commit(draft, below, observer)

    def _make_directory(
        self, make: MakeDir, parent: Stack, observer: Observer, warn: Callable[[str], None]
    ) -> Executed:
        users = self._users(make.user, parent)
        composed = composed_directory(self._store, make, parent, self._check, warn)
        if composed is not None:
            return Executed((composed[0],), (composed[1],))
        owner = resolve_owner(make.user, users, warn) if users is not None else None
        with self._store.draft() as draft:
            with observer.mount(parent, draft) as root:
                destination = Destination(root)
                path = destination.follow(make.path)
                destination.make_directories(path, 0o755, owner, make.created)
            if needs_users(make.user or ""):
                observer.add_reads(*OWNER_FILES)
            return self._commit(draft, parent, observer)

    def _users(self, owner: str, parent: Stack) -> StackView | None:
        """Where the names of an owner are looked up, none without an owner."""
        if not owner:
            return None
        if not parent and needs_users(owner):
            raise InputError(
                f"the owner {owner!r} can not be looked up: there is no file at all, so no /etc/passwd",
                help="give numbers, such as 1000:1000",
            )
        return StackView(self._store, parent)

    def _commit(self, draft: Draft, below: Stack, observer: Observer) -> Executed:
        observer.check()
        restored: list[str] = []
        layer = commit(self._store, draft, StackView(self._store, below), restored=restored)
        # A file that was written as it was below is not in the layer: that it was so is part of the result.
        observer.add_written(restored)
        return Executed((layer.diff_id,), observer.views(), observer.complaint)

    def _check(self) -> None:
        if self._cancel.is_set():
            raise CancelledStepError


def _sees_trees(operation: Operation) -> bool:
    """Whether what a step gives may depend on the layers below it."""
    return not isinstance(operation, Base) and not (
        isinstance(operation, Copy | Add) and is_linked(operation)
    )
