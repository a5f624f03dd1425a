"""What a COPY makes of the tree below it, worked out from entries alone: nothing is mounted, read or written.

The rules are those of :mod:`.apply`, which carries a copy out on a mounted tree. What needs the kernel's help
(archives, devices, extended attributes and what directories hand down) is left to it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import BinaryIO, NoReturn

from ....compiler.globs import rooted
from ...errors import StepError
from ...snapshot.assemble import Node
from ...snapshot.entry import Entry
from ...snapshot.tar import WHITEOUT
from ...snapshot.view import StackView
from ...sources.tree import SourceTree
from ...store import Store
from ...trace.trace import ABSENT, LINKED, LOOKED_UP, READ, STATED
from .ownership import resolve_owner
from .plan import CopyAction, CopyPlan, Item

__all__ = ["Composition", "NotComposableError", "ObservedView", "compose_copy"]

_MAX_LINKS = 255
_LONGEST = 2000  # characters of a path
_SET_GROUP = 0o2000
_ORDINARY = frozenset(("file", "directory", "symlink"))


class NotComposableError(Exception):
    """The copy needs a mounted tree."""


class ObservedView(StackView):
    """A stack that notes what it is asked for with ``lstat`` and ``open``.

    ``events`` are as in :class:`...trace.trace.Trace`.
    """

    def __init__(self, store: Store, stack: Sequence[str]) -> None:
        super().__init__(store, stack)
        self.events: dict[str, int] = {}

    def note(self, path: str, event: int) -> None:
        """Add to the events at ``path``."""
        self.events[path] = self.events.get(path, 0) | event

    def lstat(self, path: str) -> Entry | None:
        """See :class:`SourceTree`."""
        entry = super().lstat(path)
        self.note(path, ABSENT if entry is None else LOOKED_UP)
        return entry

    def open(self, path: str) -> BinaryIO:
        """See :class:`SourceTree`."""
        self.note(path, LOOKED_UP | STATED | READ)
        return super().open(path)


class Composition:
    """A tree over ``parent``. ``root`` holds what is new."""

    def __init__(self, parent: ObservedView) -> None:
        self._parent = parent
        self._now = time.time_ns()
        self.root = self._known("", parent.lstat("") or Entry("", "directory", 0o755))

    # --- looking -------------------------------------------------------------------------------------

    def _known(self, path: str, before: Entry) -> Node:
        """A node for what the parent has at ``path``."""
        entry = before._replace(opaque=False, implied=False)
        if before.kind != "directory":
            return Node(entry, before)
        if before.xattrs or before.mode & _SET_GROUP:
            raise NotComposableError(path)  # either is handed down to what is made in it
        return Node(entry, before, names={}, merges=True)

    def child(self, directory: Node, name: str) -> Node | None:
        """What is at ``name`` in a directory."""
        assert directory.names is not None
        node = directory.names.get(name)
        if node is not None or not directory.merges:
            return node
        path = f"{directory.entry.path}/{name}" if directory.entry.path else name
        before = self._parent.lstat(path)
        if before is None:
            return None
        node = self._known(path, before)
        if node.names is not None:
            directory.names[name] = node
        return node

    def find(self, path: str) -> Node | None:
        """What is at ``path``, whose links have been followed."""
        node: Node | None = self.root
        for name in path.split("/") if path else ():
            if node is None or node.names is None:
                return None
            node = self.child(node, name)
        return node

    def follow(self, path: str) -> str:
        """``path`` with all links followed inside the root. What does not exist is kept as it is."""
        resolved = ""
        todo = [part for part in reversed(path.split("/")) if part not in {"", "."}]
        links = 0
        while todo:
            part = todo.pop()
            if part == "..":
                resolved = resolved.rpartition("/")[0]
                continue
            here = f"{resolved}/{part}" if resolved else part
            node = self.find(here)
            if node is None and resolved:
                above = self.find(resolved)
                if above is not None and above.names is None:
                    self._blocked(resolved)
            if node is None or node.entry.kind != "symlink":
                resolved = here
                continue
            links += 1
            if links > _MAX_LINKS:
                raise StepError(f"/{rooted(path)}: its links lead in a circle", status=1)
            if node.entry.target.startswith("/"):
                resolved = ""
            todo += [step for step in reversed(node.entry.target.split("/")) if step not in {"", "."}]
        return resolved

    # --- making --------------------------------------------------------------------------------------

    def make_directories(
        self, path: str, mode: int, owner: tuple[int, int] | None, created: int | None = None
    ) -> Node:
        """Directory ``path``, whose links have been followed, made if need be with what is missing above it.
        ``created`` is the Unix time that new ones get.
        """
        now = self._now if created is None else created * 10**9
        node = self.root
        done = ""
        for name in path.split("/") if path else ():
            done = f"{done}/{name}" if done else name
            below = self.child(node, name)
            if below is None:
                uid, gid = owner or (0, 0)
                below = self.add_directory(node, name, Entry(done, "directory", mode, uid, gid, 0, now))
                if created is not None and not node.merges:
                    node.entry = node.entry._replace(mtime_ns=now)
            elif below.names is None:
                self._blocked(done)
            node = below
        return node

    def add_directory(self, parent: Node, name: str, entry: Entry) -> Node:
        """A directory where nothing is."""
        _check(entry.path, name)
        node = Node(entry, names={})
        assert parent.names is not None
        parent.names[name] = node
        parent.entry = parent.entry._replace(mtime_ns=self._now)
        return node

    def put(self, parent: Node, name: str, node: Node) -> None:
        """Put ``node``, which is no directory, in the place of what is there."""
        _check(node.entry.path, name)
        there = self.child(parent, name)
        if there is not None:
            if there.names is not None:
                raise StepError(
                    f"can not replace the directory /{node.entry.path} by a file",
                    status=1,
                    help="remove the directory first, or give the file another name",
                )
            node.before = there.before
            if there.before is not None:
                self._parent.note(node.entry.path, LOOKED_UP | STATED | READ)
                node.anew = self._breaks_link(node, there.before)
        assert parent.names is not None
        parent.names[name] = node
        if parent.entry.mtime_ns != self._now:
            parent.entry = parent.entry._replace(mtime_ns=self._now)

    def _breaks_link(self, node: Node, before: Entry) -> bool:
        """Whether an equal file takes the place of one of several names, so that it is not one of them any more."""
        if before.kind != "file" or before._replace(link="") != node.entry:
            return False
        with self._parent.open(before.path) as file:
            alone = os.fstat(file.fileno()).st_nlink == 1
        if not alone:
            self._parent.note(before.path, LINKED)
        return not alone

    def _blocked(self, path: str) -> NoReturn:
        raise StepError(f"/{path} exists and is not a directory", status=1)


def _check(path: str, name: str) -> None:
    if len(path) > _LONGEST or name.startswith(WHITEOUT):
        raise NotComposableError(path)


def compose_copy(
    plan: CopyPlan,
    parent: ObservedView,
    users: SourceTree | None = None,
    *,
    check: Callable[[], None],
    warn: Callable[[str], None] | None = None,
) -> Composition:
    """The tree that the copy makes. Arguments and errors are those of :func:`.apply.apply_copy`, and
    :class:`NotComposableError` where only that can do it.
    """
    for action in plan.actions:
        if action.unpack or any(entry.kind not in _ORDINARY or entry.xattrs for _, entry, _ in action.items):
            raise NotComposableError(plan.dest)
    owner = None
    if plan.chown:
        if users is None:
            raise ValueError("--chown needs a tree to look names up in")
        owner = resolve_owner(plan.chown, users, warn)
    composition = Composition(parent)
    for action in plan.actions:
        check()
        _Composer(composition, plan, action, owner).run()
    return composition


class _Composer:
    """One action."""

    def __init__(
        self, tree: Composition, plan: CopyPlan, action: CopyAction, owner: tuple[int, int] | None
    ) -> None:
        self._tree = tree
        self._dest = plan.dest
        self._action = action
        self._owner = owner
        self._mode = mode = plan.mode
        self._parent_mode = 0o755 if mode is None or mode.number is None else mode.number & 0o777
        self._groups = action.link_groups()
        self._linked: dict[str, Node] = {}

    def run(self) -> None:
        """Copy."""
        tree, action, dest = self._tree, self._action, self._dest
        into = rooted(dest)
        is_directory_name = dest.endswith(("/", "/."))
        self._make_directories(tree.follow(into if is_directory_name else into.rpartition("/")[0]))
        target = tree.follow(into)
        existing = tree.find(target)
        directory = action.root.kind == "directory"
        contents = directory and action.contents
        if existing is not None and not contents and (directory or existing.names is not None):
            target = rooted(f"{target}/{action.name}")
        new_contents = contents and existing is None
        parent = self._make_directories(target if new_contents else target.rpartition("/")[0])
        if directory:
            self._copy_directory(target)
        else:
            self._copy_entry(parent, target.rpartition("/")[2], action.items[0], target)

    def _make_directories(self, path: str) -> Node:
        return self._tree.make_directories(path, self._parent_mode, self._owner)

    def _copy_directory(self, target: str) -> None:
        tree = self._tree
        root = tree.find(target)
        new = root is None
        if root is None:
            parent = tree.find(target.rpartition("/")[0])
            assert parent is not None  # it was made
            root = tree.add_directory(parent, target.rpartition("/")[2], Entry(target, "directory", 0o700))
        elif root.names is None:
            raise StepError(f"can not copy a directory over /{target}, which is none", status=1)
        prefix = f"{target}/" if target else ""
        stack: list[tuple[str, Node, Item, bool]] = [("", root, self._action.items[0], new)]
        for item in self._action.items[1:]:
            directory, _, name = item.path.rpartition("/")
            while stack[-1][0] != directory:
                self._leave(*stack.pop()[1:])
            node = stack[-1][1]
            shown = prefix + item.path
            if item.entry.kind == "directory":
                made, inner = self._enter(node, name, item, shown)
                stack.append((item.path, inner, item, made or not item.passage))
            else:
                self._copy_entry(node, name, item, shown)
        while stack:
            self._leave(*stack.pop()[1:])

    def _enter(self, parent: Node, name: str, item: Item, shown: str) -> tuple[bool, Node]:
        """A directory below the top one; whether it was not there."""
        there = self._tree.child(parent, name)
        if there is None:
            return True, self._tree.add_directory(parent, name, Entry(shown, "directory", 0o700))
        if there.names is None:
            what = "a symbolic link" if there.entry.kind == "symlink" else "not a directory"
            raise StepError(
                f"can not copy a directory over /{shown}, which is {what}",
                status=1,
                help="copy its content to where the link leads, in an instruction of its own",
            )
        if item.passage:
            there.entry = there.entry._replace(mode=item.entry.mode)
        return False, there

    def _leave(self, node: Node, item: Item, takes_metadata: bool) -> None:
        source = item.entry
        if takes_metadata:
            uid, gid = self._owner or (source.uid, source.gid)
            mode = self._mode_of(source)
            node.entry = Entry(node.entry.path, "directory", mode, uid, gid, 0, source.mtime_ns)
        elif not item.passage:
            node.entry = node.entry._replace(mtime_ns=source.mtime_ns)

    def _copy_entry(self, parent: Node, name: str, item: Item, path: str) -> None:
        leader = self._groups.get(item.path, "") if self._groups else ""
        known = self._linked.get(leader) if leader else None
        entry = item.entry
        tree = self._action.tree
        if known is not None:
            node = Node(known.entry._replace(path=path), source=known.source, file=known.file)
        else:
            uid, gid = self._owner or (entry.uid, entry.gid)
            if entry.kind == "file":
                digest = entry.digest or tree.digest(entry.path)
                mode = self._mode_of(entry)
                made = Entry(path, "file", mode, uid, gid, entry.size, entry.mtime_ns, "", (0, 0), digest)
                node = Node(made, source=(tree, entry.path))
            else:
                node = Node(Entry(path, "symlink", 0o777, uid, gid, 0, entry.mtime_ns, entry.target))
            if leader:
                self._linked[leader] = node
                node.file = node
        self._tree.put(parent, name, node)

    def _mode_of(self, entry: Entry) -> int:
        return entry.mode if self._mode is None else self._mode.apply(entry.mode, entry.kind == "directory")
