"""COPY without a mount: its layer is composed from entries, and shares the files that the last one has too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...compiler.graph.operations import Add, Copy, MakeDir
from ..snapshot.assemble import Node, assemble
from ..sources.context import ContextTree
from ..store import Store
from ..trace.trace import Trace
from .filecopy.compose import Composition, NotComposableError, ObservedView, compose_copy
from .filecopy.files import copy_content
from .filecopy.ownership import resolve_owner
from .filecopy.plan import CopyPlan
from .keys import operation_key
from .observer import View

__all__ = ["composed_copy", "composed_directory"]

_RECORD = "copied"
_LEAST = 64  # entries for which an earlier layer is looked for

Warn = Callable[[str], None]


def composed_copy(
    store: Store,
    copy: Copy | Add,
    plan: CopyPlan,
    below: Sequence[str],
    users: Sequence[str] | None,
    check: Callable[[], None],
    warn: Warn | None,
) -> tuple[str, View] | None:
    """The diff ID of what ``copy`` makes on the stack ``below``, and what it looked at there; none where the copy
    needs a mounted tree. ``users`` is the stack in which names of owners are looked up, none without.
    """
    warnings: list[str] = []
    view = ObservedView(store, below)
    names = None
    if users is not None:
        names = view if tuple(users) == view.stack else ObservedView(store, users)
    try:
        composition = compose_copy(plan, view, names, check=check, warn=warnings.append)
    except NotComposableError:
        return None
    if warn is not None:
        for warning in warnings:
            warn(warning)
    if plan.entry_count < _LEAST:
        return _assembled(store, view, composition.root, None, check)
    key = _place(copy, plan)
    earlier = store.record(_RECORD, key)
    made = _assembled(store, view, composition.root, earlier, check)
    store.add_record(_RECORD, key, made[0].encode())
    return made


def composed_directory(
    store: Store, make: MakeDir, below: Sequence[str], check: Callable[[], None], warn: Warn
) -> tuple[str, View] | None:
    """As :func:`composed_copy` for a WORKDIR."""
    warnings: list[str] = []
    view = ObservedView(store, below)
    try:
        owner = resolve_owner(make.user, view, warnings.append) if make.user else None
        composition = Composition(view)
        composition.make_directories(composition.follow(make.path), 0o755, owner, make.created)
    except NotComposableError:
        return None
    for warning in warnings:
        warn(warning)
    return _assembled(store, view, composition.root, None, check)


def _assembled(
    store: Store, view: ObservedView, root: Node, earlier: bytes | None, check: Callable[[], None]
) -> tuple[str, View]:
    known = None if earlier is None else store.layer(earlier.decode())
    with store.draft() as draft:
        layer = assemble(store, draft, root, known, check, copy_content)
    return layer.diff_id, View(view.stack, Trace(view.events))


def _place(copy: Copy | Add, plan: CopyPlan) -> str:
    """What is probably the same copy from build to build: if it is not, only time is lost."""
    contexts = (action.tree.path for action in plan.actions if isinstance(action.tree, ContextTree))
    return f"{operation_key(copy)} {next(contexts, '')}"
