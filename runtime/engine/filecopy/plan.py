"""``CopyPlan``: what a COPY or ADD reads, and what it does with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from ....compiler.graph.operations import Add, Copy, Operation
from ...sources.tree import Entry, SourceTree
from .modes import Mode
from .ownership import needs_users

__all__ = ["CopyAction", "CopyPlan", "Item", "ignores_parent", "is_linked"]


class Item(NamedTuple):
    """One entry to copy. ``path`` is relative to the action's root and empty for the root itself.

    ``passage``: a directory that is there only because something below it was selected.
    """

    path: str
    entry: Entry
    passage: bool = False


class CopyAction(NamedTuple):
    """One source: a file, or a directory with what was selected in it. ``items[0]`` is the root.

    ``name`` is what it is called if the destination is a directory. With ``contents`` a directory's content
    goes into the destination, else the directory itself. With ``unpack`` a file that is an archive is
    unpacked.
    """

    tree: SourceTree
    name: str
    items: tuple[Item, ...]
    contents: bool = False
    unpack: bool = False

    @property
    def root(self) -> Entry:
        """The entry that the source names, links followed."""
        return self.items[0].entry

    def link_groups(self) -> dict[str, str]:
        """For names of one file that are copied as hard links: the first of the items' paths.

        A tree says which names were one file when it was made, by the name of any of them; a name may have
        been replaced since, so names that look or read different are not held to be one file.
        """
        named = {entry.link for _, entry, _ in self.items if entry.link}
        if not named:
            return {}
        digest = self.tree.digest
        first: dict[tuple[str, Entry], str] = {}
        groups: dict[str, str] = {}
        for path, entry, _ in self.items:
            if entry.kind != "file" or not (entry.link or entry.path in named):
                continue
            same = entry._replace(path="", link="", digest=entry.digest or digest(entry.path))
            known = first.setdefault((entry.link or entry.path, same), path)
            if known != path:
                groups[path] = groups[known] = known
        return groups


class _CopyPlan(NamedTuple):
    actions: tuple[CopyAction, ...]
    dest: str
    chown: str = ""
    mode: Mode | None = None
    unmatched: tuple[str, ...] = ()


class CopyPlan(_CopyPlan):
    """All of one operation. ``unmatched`` are wildcard patterns that nothing matches, which is allowed.

    ``mode`` is what ``--chmod`` asks for; ``chown`` is as written.
    """

    @property
    def entry_count(self) -> int:
        """How many entries are copied (an archive counts as one)."""
        return sum(len(action.items) for action in self.actions)

    @cached_property
    def size(self) -> int:
        """Bytes of content of all files."""
        return sum(item.entry.size for action in self.actions for item in action.items)

    def key(self) -> str:
        """Digest (hexadecimal) of all that the result takes from the sources: relative names, kinds, modes,
        owners, extended attributes, contents, links; no times. What ``--chmod`` or ``--chown`` overrides
        takes no part.
        """
        return self._key

    @cached_property
    def _key(self) -> str:
        hasher = hashlib.sha256(b"layerc copy 1\0")
        for action in self.actions:
            head = [
                action.name,
                str(int(action.contents)),
                str(int(action.unpack)),
                str(len(action.items)),
                "",
            ]
            hasher.update("\0".join(head).encode("utf-8", "surrogateescape"))
            hasher.update("".join(self._lines(action)).encode("utf-8", "surrogateescape"))
        return hasher.hexdigest()

    def _lines(self, action: CopyAction) -> Iterator[str]:
        """A text for each item: fields that hold no NUL, a NUL after each, always the same number."""
        groups = action.link_groups()
        with_mode = self.mode is None or self.mode.number is None
        with_owner = not self.chown
        digest = action.tree.digest
        for path, entry, passage in action.items:
            kind = entry.kind
            if kind == "directory" and action.contents and not path:
                yield "\0directory\0\0\0\0\0\0\0"  # the destination is made, this one only gives its content
                continue
            read = entry.digest or digest(entry.path) if kind == "file" else ""
            content = read or entry.target or str(entry.device)
            mode = str(entry.mode) if with_mode and kind != "symlink" else ""
            owner = f"{entry.uid}:{entry.gid}" if with_owner else ""
            xattrs = ",".join(f"{name.encode().hex()}={value.hex()}" for name, value in entry.xattrs)
            group = groups.get(path, "") if groups else ""
            yield f"{path}\0{kind}\0{mode}\0{owner}\0{content}\0{xattrs}\0{int(passage)}\0{group}\0"


def ignores_parent(operation: Operation) -> bool:
    """Whether the result does not depend on the layer below: ``COPY --link``, unless it names an owner, who is
    looked up in the image that is copied into.
    """
    return isinstance(operation, Copy | Add) and is_linked(operation) and not needs_users(operation.chown)


def is_linked(operation: Copy | Add) -> bool:
    """Whether the operation is carried out on an empty tree and laid over the parent as it is.

    ``--chmod`` takes the effect of ``--link`` away, as it does in BuildKit.
    """
    return operation.link and not operation.chmod
