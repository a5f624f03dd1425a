"""Carrying out a :class:`CopyPlan`.

Metadata, as BuildKit has it: parents that are missing are made with mode 0755 (or ``--chmod``) and the owner
of ``--chown``; the directory that contents are copied into keeps its owner and mode; directories inside it
that exist already take those of the source. Times of modification stay, but for parents. A file replaces
what is there, never through a link; a directory and something else do not replace each other.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ....compiler.globs import rooted
from ...errors import SourceError, StepError
from ...sources.tree import Entry, SourceTree
from .destination import Destination
from .files import copy_content
from .modes import Mode
from .ownership import resolve_owner
from .plan import CopyAction, CopyPlan, Item
from .xattrs import set_xattrs

__all__ = ["apply_copy"]

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_Made = TypeVar("_Made")
_NODES = {"character": stat.S_IFCHR, "block": stat.S_IFBLK, "fifo": stat.S_IFIFO}


def apply_copy(
    plan: CopyPlan,
    root: str,
    users: SourceTree | None = None,
    *,
    check: Callable[[], None] | None = None,
    warn: Callable[[str], None] | None = None,
) -> None:
    """Copy into the tree at ``root``: a merged overlay mount or, for ``--link``, an empty directory.

    ``users`` is the tree in which names of ``--chown`` are looked up (not needed without); ``warn`` is told
    of those that are not there. ``check`` is called for each entry and may raise, to cancel. Raises
    :class:`SourceError` where a source changes meanwhile, :class:`StepError` where the destination does not
    allow it.
    """
    owner = None
    if plan.chown:
        if users is None:
            raise ValueError("--chown needs a tree to look names up in")
        owner = resolve_owner(plan.chown, users, warn)
    destination = Destination(root)
    for action in plan.actions:
        _Copier(destination, action, owner, plan.mode, check).run(plan.dest)


class _Copier:
    """One action."""

    def __init__(
        self,
        destination: Destination,
        action: CopyAction,
        owner: tuple[int, int] | None,
        mode: Mode | None,
        check: Callable[[], None] | None,
    ) -> None:
        self._destination = destination
        self._action = action
        self._owner = owner
        self._mode = mode
        self._check = check
        self._parent_mode = 0o755 if mode is None or mode.number is None else mode.number & 0o777
        self._self = (os.geteuid(), os.getegid())
        self._groups: dict[str, str] = {}
        self._linked: dict[str, str] = {}

    def run(self, dest: str) -> None:
        """Copy to ``dest``, an absolute path in which a slash at the end has its meaning."""
        where = self._destination
        action = self._action
        if action.unpack:
            from .unpack import unpack_archive  # few builds need it, and tar is slow to import

            with action.tree.open(action.root.path) as archive:
                shown = f"/{action.root.path}"
                if unpack_archive(archive, where, dest, self._owner, shown, self._check):
                    return
        into = rooted(dest)
        is_directory_name = dest.endswith(("/", "/."))
        self._make_directories(where.follow(into if is_directory_name else into.rpartition("/")[0]))
        target = where.follow(into)
        existing = where.lstat(target)
        directory = action.root.kind == "directory"
        contents = directory and action.contents
        if existing is not None and not contents and (directory or stat.S_ISDIR(existing.st_mode)):
            target = rooted(f"{target}/{action.name}")
        new_contents = contents and existing is None
        self._make_directories(target if new_contents else target.rpartition("/")[0])
        self._groups = action.link_groups()
        if directory:
            self._copy_directory(target)
        else:
            parent, _, name = target.rpartition("/")
            with _opened(where.host(parent)) as descriptor:
                self._copy_entry(descriptor, name, action.items[0], target)

    def _make_directories(self, path: str) -> None:
        self._destination.make_directories(path, self._parent_mode, self._owner)

    # --- directories ---------------------------------------------------------------------------------

    def _copy_directory(self, target: str) -> None:
        """Copy the root directory and all below it. Open directories form a stack: the one at its top is
        where the next entry goes.
        """
        host = self._destination.host(target)
        new = self._enter_root(target, host)
        top = os.open(host, _DIRECTORY)
        prefix = f"{target}/" if target else ""
        stack: list[tuple[str, int, Item, bool]] = [("", top, self._action.items[0], new)]
        try:
            for item in self._action.items[1:]:
                directory, _, name = item.path.rpartition("/")
                while stack[-1][0] != directory:
                    self._leave(*stack.pop()[1:])
                if self._check is not None:
                    self._check()
                descriptor = stack[-1][1]
                shown = prefix + item.path
                if item.entry.kind == "directory":
                    made = self._make_directory(descriptor, name, item, shown)
                    inner = os.open(name, _DIRECTORY, dir_fd=descriptor)
                    stack.append((item.path, inner, item, made or not item.passage))
                else:
                    self._copy_entry(descriptor, name, item, shown)
            while stack:
                self._leave(*stack.pop()[1:])
        finally:
            for _, descriptor, _, _ in stack:
                os.close(descriptor)

    def _enter_root(self, target: str, host: str) -> bool:
        """Make the top directory if it is not there; whether it was made and takes the source's metadata."""
        status = self._destination.lstat(target)
        if status is None:
            os.mkdir(host, 0o700)
            return True
        if not stat.S_ISDIR(status.st_mode):
            raise StepError(f"can not copy a directory over /{target}, which is none", status=1)
        return False

    def _make_directory(self, parent: int, name: str, item: Item, shown: str) -> bool:
        """Make a directory below the top one; whether it was not there."""
        try:
            os.mkdir(name, 0o700, dir_fd=parent)
        except FileExistsError:
            status = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if not stat.S_ISDIR(status.st_mode):
                what = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "not a directory"
                raise StepError(
                    f"can not copy a directory over /{shown}, which is {what}",
                    status=1,
                    help="copy its content to where the link leads, in an instruction of its own",
                ) from None
            if item.passage:
                os.chmod(name, item.entry.mode, dir_fd=parent)
            return False
        return True

    def _leave(self, descriptor: int, item: Item, takes_metadata: bool) -> None:
        """All below a directory is done: give it its metadata and close it."""
        try:
            if takes_metadata:
                self._set_metadata(descriptor, item.entry, os.fstat(descriptor))
            elif not item.passage:
                os.utime(descriptor, ns=(item.entry.mtime_ns, item.entry.mtime_ns))
        finally:
            os.close(descriptor)

    # --- everything else -----------------------------------------------------------------------------

    def _copy_entry(self, parent: int, name: str, item: Item, shown: str) -> None:
        leader = self._groups.get(item.path, "")
        known = self._linked.get(leader) if leader else None
        entry = item.entry
        if known is not None:
            _replacing(
                lambda: os.link(known, name, dst_dir_fd=parent, follow_symlinks=False), parent, name, shown
            )
            return
        if leader:
            self._linked[leader] = self._destination.host(shown)
        if entry.kind == "file":
            self._copy_file(parent, name, entry, shown)
        elif entry.kind == "symlink":
            _replacing(lambda: os.symlink(entry.target, name, dir_fd=parent), parent, name, shown)
            path = f"/proc/self/fd/{parent}/{name}"
            owner = self._owner or (entry.uid, entry.gid)
            os.lchown(path, *owner)
            set_xattrs(path, entry.xattrs)
            os.utime(name, ns=(entry.mtime_ns, entry.mtime_ns), dir_fd=parent, follow_symlinks=False)
        else:
            self._make_node(parent, name, entry, shown)

    def _copy_file(self, parent: int, name: str, entry: Entry, shown: str) -> None:
        with self._action.tree.open(entry.path) as source:
            target = _replacing(lambda: os.open(name, _NEW_FILE, 0o600, dir_fd=parent), parent, name, shown)
            try:
                size, unchanged = copy_content(source, target)
                if not unchanged or size != entry.size:
                    raise SourceError(
                        f"/{entry.path} was changed while it was being copied", help="start the build again"
                    )
                self._set_metadata(target, entry, os.fstat(target))
            finally:
                os.close(target)

    def _make_node(self, parent: int, name: str, entry: Entry, shown: str) -> None:
        kind = _NODES[entry.kind]
        if kind == stat.S_IFCHR and entry.device == (0, 0):
            raise StepError(f"can not copy /{entry.path}: a device 0:0 means a deleted file here", status=1)
        device = os.makedev(*entry.device)
        try:
            _replacing(lambda: os.mknod(name, 0o600 | kind, device, dir_fd=parent), parent, name, shown)
        except PermissionError as error:
            raise StepError(
                f"can not make the device /{shown}: {error.strerror}", status=1, help="build as root"
            ) from error
        path = f"/proc/self/fd/{parent}/{name}"
        os.lchown(path, *(self._owner or (entry.uid, entry.gid)))
        os.chmod(path, self._mode_of(entry))
        set_xattrs(path, entry.xattrs)
        os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns), follow_symlinks=False)

    # --- metadata ------------------------------------------------------------------------------------

    def _mode_of(self, entry: Entry) -> int:
        if self._mode is None:
            return entry.mode
        return self._mode.apply(entry.mode, entry.kind == "directory")

    def _set_metadata(self, descriptor: int, entry: Entry, now: os.stat_result) -> None:
        owner = self._owner or (entry.uid, entry.gid)
        if owner != (now.st_uid, now.st_gid):
            try:
                os.fchown(descriptor, *owner)
            except OSError as error:
                raise StepError(
                    f"can not give /{entry.path} to {owner[0]}:{owner[1]}: {error.strerror}",
                    status=1,
                    help="build as root, or with a range of subordinate ids (layerc doctor)",
                ) from error
        os.fchmod(descriptor, self._mode_of(entry))
        if entry.xattrs:
            set_xattrs(descriptor, entry.xattrs)
        os.utime(descriptor, ns=(entry.mtime_ns, entry.mtime_ns))


@contextmanager
def _opened(path: str) -> Iterator[int]:
    descriptor = os.open(path, _DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _replacing(create: Callable[[], _Made], parent: int, name: str, shown: str) -> _Made:
    """What ``create`` makes under ``name``, after removing a non-directory that is in its place."""
    try:
        return create()
    except FileExistsError:
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            raise StepError(
                f"can not replace the directory /{shown} by a file",
                status=1,
                help="remove the directory first, or give the file another name",
            ) from None
        os.unlink(name, dir_fd=parent)
        return create()
