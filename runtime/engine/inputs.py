"""What steps read besides the layer below them: build contexts, downloads, and other layers."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence

from ...compiler.graph.operations import (
    Add,
    ContextPath,
    Copy,
    FromContext,
    FromLayer,
    GitTree,
    HttpFile,
    Mount,
    Operation,
    Origin,
    Run,
    SourceItem,
)
from ..errors import SourceError
from ..snapshot.view import StackView
from ..sources.tree import SourceTree
from ..store.store import Store
from .contexts import Contexts
from .fetch import Fetcher
from .filecopy.plan import CopyPlan
from .filecopy.resolve import resolve_copy
from .scheduler import LayerResult

__all__ = ["Inputs", "mount_copy"]


class Inputs:
    """Reads contexts, downloads and layers, and remembers what was selected. Threads may share it."""

    def __init__(self, store: Store, contexts: Contexts, fetcher: Fetcher) -> None:
        self._store = store
        self._contexts = contexts
        self._fetcher = fetcher
        self._lock = threading.Lock()
        self._plans: dict[Copy | Add, CopyPlan] = {}
        self._recalled: dict[str, str] = {}

    # --- keys -----------------------------------------------------------------------------------------

    def outside(self, operation: Operation, *, read: bool = False) -> tuple[str, ...]:
        """Digests of what the operation takes from outside the graph; known before anything is built.

        A context that stands as it was in an earlier build is not read for that, unless ``read``, which is for
        those who are about to use it. Raises :class:`SourceError` if it was changed in between.
        """
        match operation:
            case Copy() | Add():
                if _downloads(operation):
                    return (self.copy_plan(operation, ()).key(),)
                if isinstance(operation.origin, FromContext):
                    return (self._selected(operation, operation.origin.name, read=read),)
            case Run():
                return tuple(
                    self._selected(mount, mount.origin.name, read=read)
                    for mount in operation.mounts
                    if isinstance(mount.origin, FromContext)
                )
            case _:
                pass
        return ()

    def _selected(self, item: Copy | Add | Mount, context: str, *, read: bool) -> str:
        question = repr(item)
        if not read:
            known = self._contexts.recall(context, question)
            if known is not None:
                with self._lock:
                    self._recalled[question] = known
                return known
        copy = mount_copy(item, self.context(context)) if isinstance(item, Mount) else item
        key = self.copy_plan(copy, ()).key()
        with self._lock:
            recalled = self._recalled.get(question, key)
        if recalled != key:
            title = _title(FromContext(context))
            raise SourceError(f"{title} was changed while it was being used", help="start the build again")
        self._contexts.remember(context, question, key)
        return key

    def inside(self, operation: Operation, inputs: Sequence[LayerResult]) -> tuple[str, ...]:
        """Digests of what the operation takes from other layers: of the entries that it uses, not more."""
        match operation:
            case Copy(origin=FromLayer()) | Add(origin=FromLayer()):
                stacks = [item.stack for item in inputs]
                return (self.copy_plan(operation, stacks).key(),)
            case Run():
                return tuple(
                    self._mount_key(mount, inputs)
                    for mount in operation.mounts
                    if isinstance(mount.origin, FromLayer)
                )
            case _:
                return ()

    def _mount_key(self, mount: Mount, inputs: Sequence[LayerResult]) -> str:
        assert isinstance(mount.origin, FromLayer)
        index = mount.origin.index
        if index is None:
            return ""
        if mount.source.strip("/") == "":
            return inputs[index].content
        view = StackView(self._store, inputs[index].stack)
        copy = mount_copy(mount, view)
        plan = resolve_copy(copy, view, title="the mounted stage")
        root = plan.actions[0].root
        if root.kind != "directory":
            return plan.key()
        # Unlike a COPY of its content, a mount shows the directory itself.
        shown = (root.mode, root.uid, root.gid, *root.xattrs)
        return hashlib.sha256(f"{plan.key()} {shown}".encode()).hexdigest()

    def describe(self, operation: Operation) -> str:
        """What :meth:`outside` speaks of, in words."""
        match operation:
            case Copy() | Add():
                names = [_name(source) for source in operation.sources]
                return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
            case _:
                return "a mounted file of the build context"

    # --- trees ----------------------------------------------------------------------------------------

    def copy_plan(self, operation: Copy | Add, inputs: Sequence[Sequence[str]]) -> CopyPlan:
        """What the operation copies. ``inputs`` are the stacks of the layer's inputs."""
        cacheable = isinstance(operation.origin, FromContext)
        with self._lock:
            known = self._plans.get(operation) if cacheable else None
        if known is not None:
            return known
        fetched: dict[SourceItem, SourceTree] = {
            source: self._fetcher.fetch(source)
            for source in operation.sources
            if isinstance(source, HttpFile | GitTree)
        }
        plan = resolve_copy(
            operation,
            self.tree(operation.origin, inputs) if _uses_tree(operation) else None,
            title=_title(operation.origin),
            fetched=fetched,
        )
        if cacheable:
            with self._lock:
                self._plans[operation] = plan
        return plan

    def tree(self, origin: Origin, inputs: Sequence[Sequence[str]]) -> SourceTree | None:
        """The tree that files are taken from; none is the empty one."""
        if isinstance(origin, FromContext):
            return self.context(origin.name)
        return None if origin.index is None else StackView(self._store, inputs[origin.index])

    def context(self, name: str) -> SourceTree:
        """The build context ``name``. Raises :class:`SourceError` where there is none."""
        return self._contexts.tree(name)


def mount_copy(mount: Mount, tree: SourceTree) -> Copy:
    """The COPY to an empty tree that gives what ``mount`` shows: a directory's content at the root, or one
    file there.
    """
    real = tree.resolve(mount.source)
    entry = None if real is None else tree.lstat(real)
    if real is None or entry is None:
        raise SourceError(
            f"--mount: there is no {mount.source!r} to mount",
            help="the source is a path in the build context, or in the stage or image that from= names",
        )
    literal = "".join(f"\\{letter}" if letter in "*?[\\" else letter for letter in real)
    return Copy(origin=mount.origin or FromContext(), sources=(ContextPath(f"/{literal}"),), dest="/")


def _title(origin: Origin) -> str:
    if isinstance(origin, FromLayer):
        return "the stage or image that --from names"
    return f"the build context {origin.name!r}" if origin.name else "the build context"


def _uses_tree(operation: Copy | Add) -> bool:
    return any(isinstance(source, ContextPath) for source in operation.sources)


def _downloads(operation: Copy | Add) -> bool:
    return any(isinstance(source, HttpFile | GitTree) for source in operation.sources)


def _name(source: SourceItem) -> str:
    match source:
        case ContextPath(path):
            return path
        case HttpFile(url):
            return url
        case GitTree(remote):
            return remote
        case inline:
            return f"<<{inline.name}"
