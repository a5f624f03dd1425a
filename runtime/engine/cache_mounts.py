"""Directories of ``RUN --mount=type=cache``: kept by id, shared as asked for."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import NamedTuple

from ...compiler.graph.operations import Mount
from ..store import Store
from ..store.folders import hold_cache
from .filecopy.apply import apply_copy
from .filecopy.plan import CopyPlan

__all__ = ["cache_directories", "cache_identity", "identity_of", "lock_cache"]

_STRICTEST = ("", "private", "shared", "locked")
_WAIT = 0.02  # seconds between two looks at a lock


@contextmanager
def cache_directories(
    store: Store,
    wanted: Mapping[Mount, tuple[str, CopyPlan | None]],
    check: Callable[[], None],
    restore: Callable[[str], None] | None = None,
) -> Iterator[dict[Mount, str]]:
    """The directories of a step's cache mounts, held until the block ends. ``wanted`` says for each by which
    name it is known, and what a new one begins with. As with BuildKit, one that is asked for with another owner
    or mode is another: its user could not write into the first. One that begins with a directory has that one's.

    ``sharing=shared``: everyone at once. ``locked``: alone, among all processes. ``private``: alone too, but who
    finds it in use gets a directory of its own instead of waiting. ``check`` is called while it waits, and may
    raise. One that is held is not removed. ``restore`` may bring a directory that is not there, by its name.
    """
    directories: dict[Mount, str] = {}
    held: dict[str, str] = {}
    sharing: dict[str, str] = {}
    for item, known_as in wanted.items():
        key = _identity(item, *known_as)
        sharing[key] = max(sharing.get(key, ""), item.sharing, key=_STRICTEST.index)
    with ExitStack() as stack:
        # In one order for all steps, and each once: steps that share several caches must not wait for each other
        # or for themselves.
        for item in sorted(wanted, key=lambda item: _identity(item, *wanted[item])):
            name, seed = wanted[item]
            key = _identity(item, name, seed)
            if key not in held:
                use = _Use(store, name, item, seed, check, restore)
                held[key] = stack.enter_context(use.held(key, sharing[key]))
            directories[item] = held[key]
        yield directories


def identity_of(item: Mount) -> str | None:
    """The name of the directory of a cache mount; none where that depends on what it begins with."""
    return None if item.origin is not None else _identity(item, item.cache_id or item.target, None)


def _owned(item: Mount, seed: CopyPlan | None) -> tuple[int | None, int, int]:
    return (item.mode, item.uid, item.gid) if seed is None else (None, 0, 0)


def _identity(item: Mount, name: str, seed: CopyPlan | None) -> str:
    return cache_identity(name, *_owned(item, seed))


def cache_identity(name: str, mode: int | None, uid: int, gid: int) -> str:
    """The name of the directory of a cache that is known as ``name``, with that mode and owner."""
    known_by = json.dumps([name, mode, uid, gid])
    return hashlib.sha256(known_by.encode("utf-8", "surrogateescape")).hexdigest()


class _Use(NamedTuple):
    """One use of a cache by a step."""

    store: Store
    name: str
    item: Mount
    seed: CopyPlan | None
    check: Callable[[], None]
    restore: Callable[[str], None] | None

    @contextmanager
    def held(self, identity: str, sharing: str) -> Iterator[str]:
        """The directory or file to mount, held until the block ends."""
        base = os.path.join(self.store.root, "caches", identity)
        number = 0
        while True:
            path = f"{base}.{number}" if number else base
            with ExitStack() as held:
                held.enter_context(hold_cache(path, partial(self._begin, path)))
                lock = lock_cache(path, sharing, self.check)
                if lock < 0:
                    number += 1
                    continue
                held.callback(os.close, lock)
                data = os.path.join(path, "data")
                if self.seed is not None and not _is_directory(self.seed):
                    data = os.path.join(data, self.seed.actions[0].name)
                yield data
                return

    def _begin(self, path: str) -> None:
        if self.restore is not None and not os.path.isdir(path):
            self.restore(os.path.basename(path))
        with self.store.lock(f"making cache {os.path.basename(path)}", self.check):
            _make(self.store, path, self.name, self.item, self.seed)


def lock_cache(path: str, sharing: str, check: Callable[[], None]) -> int:
    """An open file with the lock that ``sharing`` asks for; -1 where it is held and is not waited for."""
    descriptor = os.open(os.path.join(path, "cache.json"), os.O_RDONLY | os.O_CLOEXEC)
    kind = fcntl.LOCK_SH if sharing == "shared" else fcntl.LOCK_EX
    try:
        while True:
            try:
                fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if sharing == "private":
                    os.close(descriptor)
                    return -1
                check()
                time.sleep(_WAIT)
            else:
                return descriptor
    except BaseException:
        os.close(descriptor)
        raise


def _is_directory(seed: CopyPlan) -> bool:
    return seed.actions[0].root.kind == "directory"


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
        json.dump({"id": name, "target": item.target, "owned": _owned(item, seed)}, file)
    os.makedirs(os.path.dirname(base), exist_ok=True)
    os.rename(new, base)
