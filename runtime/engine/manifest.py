"""What a COPY took, entry by entry, in a form to compare the next one with: so a miss can name the files."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import NamedTuple

from ..decisions import Change
from .filecopy.plan import CopyPlan

__all__ = ["State", "changes", "dump", "load", "states"]

_DIGITS = 16  # of a digest: enough to tell two contents apart for a person
_HEADER = b"layerc manifest 1\n"


class State(NamedTuple):
    """What counts of one entry, as texts; what ``--chmod`` or ``--chown`` overrides is empty."""

    kind: str
    mode: str
    owner: str
    content: str


def states(plan: CopyPlan) -> dict[str, State]:
    """The entries that ``plan`` copies, by their path in the tree that they come from."""
    return dict(_states(plan))


def _states(plan: CopyPlan) -> Iterator[tuple[str, State]]:
    with_mode = plan.mode is None or plan.mode.number is None
    with_owner = not plan.chown
    for action in plan.actions:
        digest = action.tree.digest
        for path, entry, _ in action.items:
            if not path and action.contents and entry.kind == "directory":
                continue
            kind = entry.kind
            if kind == "file":
                content = (entry.digest or digest(entry.path))[: 7 + _DIGITS]
            else:
                content = entry.target or ("" if kind == "directory" else str(entry.device))
            mode = f"{entry.mode:04o}" if with_mode and kind != "symlink" else ""
            yield entry.path, State(kind, mode, f"{entry.uid}:{entry.gid}" if with_owner else "", content)


def changes(before: dict[str, State], after: dict[str, State]) -> Iterator[Change]:
    """What differs, in the order of the paths. An added or removed directory stands for all that is in it."""
    gone = ""
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old == new or (gone and path.startswith(gone)):
            continue
        if old is not None and new is not None:
            yield _change(path, old, new)
            continue
        only = old or new
        if only is not None and only.kind == "directory":
            gone = f"{path}/"
        yield Change(path, "removed", only.content, "") if new is None and only else _added(path, new)


def _added(path: str, new: State | None) -> Change:
    return Change(path, "added", "", "" if new is None else new.content)


def _change(path: str, old: State, new: State) -> Change:
    if old.kind != new.kind:
        return Change(path, "type", old.kind, new.kind)
    for name in ("content", "mode", "owner"):
        left, right = getattr(old, name), getattr(new, name)
        if left != right:
            return Change(
                path, "link target" if name == "content" and old.kind == "symlink" else name, left, right
            )
    raise AssertionError("equal states are no change")


def dump(found: dict[str, State]) -> bytes:
    """A compact form."""
    rows = "\0".join("\0".join((path, *state)) for path, state in found.items())
    return zlib.compress(_HEADER + rows.encode("utf-8", "surrogateescape"), 1)


def load(data: bytes) -> dict[str, State] | None:
    """What :func:`dump` wrote; none for anything else."""
    try:
        text = zlib.decompress(data)
    except zlib.error:
        return None
    if not text.startswith(_HEADER):
        return None
    fields = text[len(_HEADER) :].decode("utf-8", "surrogateescape").split("\0")
    if len(fields) % 5:
        return {}
    rows = zip(*[iter(fields)] * 5, strict=True)
    return {path: State(kind, mode, owner, content) for path, kind, mode, owner, content in rows}
