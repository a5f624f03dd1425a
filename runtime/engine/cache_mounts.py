"""Directories of ``RUN --mount=type=cache``: kept by id, shared as asked for."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from ...compiler.graph.operations import Mount
from ..store import Store
from ..store.folders import hold_cache
from .filecopy.apply import apply_copy
from .filecopy.plan import CopyPlan

__all__ = ["cache_directories"]


@contextmanager
def cache_directories(
    store: Store, wanted: Mapping[Mount, tuple[str, CopyPlan | None]], check: Callable[[], None]
) -> Iterator[dict[Mount, str]]:
    """The directories of a step's cache mounts, held until the block ends. ``wanted`` says for each by which
    name it is known, and what a new one begins with. As with BuildKit, one that is asked for with another owner
    or mode is another: its user could not write into the first. One that begins with a directory has that one's.

    ``sharing=shared``: everyone at once. ``locked``: one after the other, among all processes. ``private``: a
    second user at the same time gets a directory of its own. ``check`` is called while it waits, and may raise.
    """
    directories: dict[Mount, str] = {}
    held: dict[tuple[str, str], str] = {}
    with ExitStack() as stack:
        # In one order for all steps, and each once: steps that share several caches must not wait for each other
        # or for themselves.
        for item in sorted(wanted, key=lambda item: _identity(item, *wanted[item])):
            name, seed = wanted[item]
            key = (_identity(item, name, seed), item.sharing)
            if key not in held:
                held[key] = stack.enter_context(_directory(store, name, item, seed, check))
            directories[item] = held[key]
        yield directories


def _identity(item: Mount, name: str, seed: CopyPlan | None) -> str:
    owned = (item.mode, item.uid, item.gid) if seed is None else (None, 0, 0)
    known_by = json.dumps([name, *owned])
    return hashlib.sha256(known_by.encode("utf-8", "surrogateescape")).hexdigest()


@contextmanager
def _directory(
    store: Store, name: str, item: Mount, seed: CopyPlan | None, check: Callable[[], None]
) -> Iterator[str]:
    identity = _identity(item, name, seed)
    base = os.path.join(store.root, "caches", identity)
    with ExitStack() as held:
        if item.sharing == "locked":
            held.enter_context(store.lock(f"cache {identity}", check))
        if item.sharing == "private":
            base = _private(store, base, identity, held)

        def make() -> None:
            with store.lock(f"making cache {identity}", check):
                _make(store, base, name, item, seed)

        held.enter_context(hold_cache(base, make))
        data = os.path.join(base, "data")
        yield data if seed is None or _is_directory(seed) else os.path.join(data, seed.actions[0].name)


def _is_directory(seed: CopyPlan) -> bool:
    return seed.actions[0].root.kind == "directory"


class _BusyError(Exception):
    """Someone else has the lock."""


def _refuse_to_wait() -> None:
    raise _BusyError


def _private(store: Store, base: str, identity: str, held: ExitStack) -> str:
    number = 0
    while True:
        try:
            held.enter_context(store.lock(f"private cache {identity} {number}", _refuse_to_wait))
        except _BusyError:
            number += 1
        else:
            return base if number == 0 else f"{base}.{number}"


def _make(store: Store, base: str, name: str, item: Mount, seed: CopyPlan | None) -> None:
    """Make the directory under a temporary name, so that it is there as a whole or not at all."""
    if os.path.isdir(base):
        return
    new = store.temporary("cache")
    data = os.path.join(new, "data")
    os.makedirs(data)
    if seed is None:
        os.chown(data, item.uid, item.gid)
        os.chmod(data, 0o755 if item.mode is None else item.mode & 0o777)  # no sticky bit: so BuildKit
    else:
        apply_copy(seed, data)
        if _is_directory(seed):
            shown = seed.actions[0].root
            os.chown(data, shown.uid, shown.gid)
            os.chmod(data, shown.mode)
    with open(os.path.join(new, "cache.json"), "w", encoding="utf-8") as file:
        json.dump({"id": name, "target": item.target}, file)
    os.makedirs(os.path.dirname(base), exist_ok=True)
    os.rename(new, base)
