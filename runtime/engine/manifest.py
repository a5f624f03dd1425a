"""What a COPY took, entry by entry, in a form to compare the next one with: so a miss can name the files.

An entry is one text, a *line*: path, kind, mode, owner and content with a NUL after each but the last. Two lists of
20,000 lines are compared as sets, and only lines that differ are taken apart.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..decisions import Change
from .filecopy.plan import CopyPlan

__all__ = ["changes", "dump", "lines", "load"]

_DIGITS = 16  # of a digest: enough to tell two contents apart for a person
_HEADER = "layerc manifest 2\n"
_END = "\0/"  # in no line: neither a path nor another field begins with a slash


class _State(NamedTuple):
    kind: str
    mode: str
    owner: str
    content: str


def lines(plan: CopyPlan) -> list[str]:
    """The entries that ``plan`` copies, by their path in the tree that they come from. What ``--chmod`` or
    ``--chown`` overrides takes no part.
    """
    return list(_lines(plan))


def _lines(plan: CopyPlan) -> Iterator[str]:
    with_mode = plan.mode is None or plan.mode.number is None
    with_owner = not plan.chown
    kept = len("sha256:") + _DIGITS
    for action in plan.actions:
        digest = action.tree.digest
        for path, entry, _ in action.items:
            kind = entry.kind
            owner = f"{entry.uid}:{entry.gid}" if with_owner else ""
            mode = f"{entry.mode:04o}" if with_mode else ""
            if kind == "file":
                content = (entry.digest or digest(entry.path))[:kept]
                yield f"{entry.path}\0file\0{mode}\0{owner}\0{content}"
            elif kind == "directory":
                if path or not action.contents:
                    yield f"{entry.path}\0directory\0{mode}\0{owner}\0"
            elif kind == "symlink":
                yield f"{entry.path}\0symlink\0\0{owner}\0={entry.target}"
            else:
                yield f"{entry.path}\0{kind}\0{mode}\0{owner}\0{entry.device}"


def changes(before: Sequence[str], after: Sequence[str]) -> Iterator[Change]:
    """What differs, in the order of the paths. An added or removed directory stands for all that is in it."""
    kept = set(before).intersection(after)
    olds, news = _parsed(before, kept), _parsed(after, kept)
    gone = ""
    for path in sorted(olds.keys() | news.keys()):
        old, new = olds.get(path), news.get(path)
        if gone and path.startswith(gone):
            continue
        if old is not None and new is not None:
            yield _change(path, old, new)
        elif old is not None:
            gone = f"{path}/" if old.kind == "directory" else ""
            yield Change(path, "removed", old.content)
        elif new is not None:
            gone = f"{path}/" if new.kind == "directory" else ""
            yield Change(path, "added", "", new.content)


def _parsed(found: Sequence[str], kept: set[str]) -> dict[str, _State]:
    states = {}
    for line in found:
        if line not in kept:
            path, kind, mode, owner, content = line.split("\0", 4)
            states[path] = _State(kind, mode, owner, content.removeprefix("="))
    return states


def _change(path: str, old: _State, new: _State) -> Change:
    if old.kind != new.kind:
        return Change(path, "type", old.kind, new.kind)
    if old.content != new.content:
        return Change(path, "link target" if old.kind == "symlink" else "content", old.content, new.content)
    if old.mode != new.mode:
        return Change(path, "mode", old.mode, new.mode)
    return Change(path, "owner", old.owner, new.owner)


def dump(found: Sequence[str]) -> bytes:
    """A compact form."""
    return zlib.compress((_HEADER + _END.join(found)).encode("utf-8", "surrogateescape"), 1)


def load(data: bytes) -> list[str] | None:
    """What :func:`dump` wrote; none for anything else."""
    try:
        text = zlib.decompress(data).decode("utf-8", "surrogateescape")
    except zlib.error:
        return None
    if not text.startswith(_HEADER):
        return None
    text = text.removeprefix(_HEADER)
    return text.split(_END) if text else []
