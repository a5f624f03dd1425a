"""``type=local``: the root file system as files in a directory.

As BuildKit does, it writes into what is there: equal names are replaced, others stay. Nothing is followed:
every directory is opened by its parent without following links, so neither the image's links nor those in the
destination lead out of it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic

from ..errors import InputError, UsageError
from ..events import Reporter, TaskFinished, TaskProgress, TaskStarted
from ..oci.image import ImageManifest
from ..oci.layout import copy_bytes
from ..snapshot.entry import Entry
from ..snapshot.view import StackView
from ..store import Store
from .output import Exported, Output
from .trees import entries, platform_directories, refuse_overlaps

__all__ = ["LocalExporter"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_TASK = "export local"
_STEP = 512
_DEVICES = {"character": stat.S_IFCHR, "block": stat.S_IFBLK}


class LocalExporter:
    """Options: ``platform-split`` (a directory for each platform; the default where there are several). Without
    it, what the platforms make goes to one directory, and no two of them may make the same file.
    """

    def __init__(self, output: Output) -> None:
        output.check(("name", "platform-split"))
        if output.dest in ("", "-"):
            raise UsageError("output type=local needs a directory", help="add dest=DIR")
        self._output = output
        output.flag("platform-split", False)

    def export(
        self,
        images: Sequence[ImageManifest],
        names: Sequence[str],  # noqa: ARG002  # a tree has no name
        store: Store,
        report: Reporter,
    ) -> Exported:
        """Write the files."""
        dest = self._output.dest
        split = self._output.flag("platform-split", len(images) > 1 or self._output.index)
        if not split and len(images) > 1:
            refuse_overlaps(images, store)
        start = monotonic()
        report(TaskStarted(_TASK, f"write {dest}"))
        size = 0
        try:
            for directory, image in platform_directories(images, split):
                target = os.path.join(dest, directory)
                os.makedirs(target, exist_ok=True)
                with _opened(target) as root:
                    writer = _TreeWriter(StackView(store, image.diff_ids), root, report, image.epoch)
                    writer.write()
                    size += writer.size
        except OSError as error:
            raise InputError(f"can not write {error.filename or dest}: {error.strerror}") from error
        report(TaskFinished(_TASK, monotonic() - start))
        return Exported(f"root file system in {dest}", size=size)


@contextmanager
def _opened(path: str) -> Iterator[int]:
    # The destination itself may be a link: the user named it.
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@dataclass(slots=True)
class _TreeWriter:
    """Writes one tree below an open directory. Parents come before what is in them, names sorted, so the
    open directories are a stack: those from the root to the current one.
    """

    view: StackView
    root: int
    report: Reporter
    epoch: int | None
    size: int = 0
    owner: bool = field(default_factory=lambda: os.geteuid() == 0)
    _stack: list[tuple[Entry, int]] = field(default_factory=list)

    def write(self) -> None:
        """Write all of it. Raises ``OSError``."""
        try:
            for count, (entry, link) in enumerate(entries(self.view, self.epoch)):
                self._leave(entry.path)
                self._entry(entry, link)
                if count % _STEP == 0:
                    self.report(TaskProgress(_TASK, count, 0, "files"))
        finally:
            self._leave("/")

    def _leave(self, path: str) -> None:
        """Close directories that ``path`` is not in; their time is set when nothing more changes it."""
        while self._stack and not path.startswith(f"{self._stack[-1][0].path}/"):
            entry, descriptor = self._stack.pop()
            try:
                os.utime(descriptor, ns=(entry.mtime_ns, entry.mtime_ns))
            finally:
                os.close(descriptor)

    def _entry(self, entry: Entry, link: str) -> None:
        parent = self._stack[-1][1] if self._stack else self.root
        if entry.kind == "directory":
            self._directory(entry, parent)
            return
        # Complete under another name first: what is there stays until then, and is never written through.
        temporary = f".tmp.{secrets.token_hex(8)}"
        try:
            if link:
                self._link(link, temporary, parent)
            else:
                self._leaf(entry, temporary, parent)
            self._replace(temporary, entry.name, parent)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=parent)
            raise

    def _directory(self, entry: Entry, parent: int) -> None:
        name = entry.name
        try:
            os.mkdir(name, 0o700, dir_fd=parent)
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(name, dir_fd=parent).st_mode):
                os.unlink(name, dir_fd=parent)
                os.mkdir(name, 0o700, dir_fd=parent)
        descriptor = os.open(name, _DIRECTORY, dir_fd=parent)
        self._stack.append((entry, descriptor))
        self._metadata(entry, descriptor)

    def _leaf(self, entry: Entry, name: str, parent: int) -> None:
        if entry.kind == "file":
            self._file(entry, name, parent)
            return
        if entry.kind == "symlink":
            os.symlink(entry.target, name, dir_fd=parent)
        elif entry.kind == "fifo":
            os.mkfifo(name, dir_fd=parent)
            os.chmod(name, entry.mode, dir_fd=parent)
        else:
            device = os.makedev(*entry.device)
            os.mknod(name, _DEVICES[entry.kind] | entry.mode, device, dir_fd=parent)
        if self.owner:
            os.chown(name, entry.uid, entry.gid, dir_fd=parent, follow_symlinks=False)
        os.utime(name, ns=(entry.mtime_ns, entry.mtime_ns), dir_fd=parent, follow_symlinks=False)

    def _file(self, entry: Entry, name: str, parent: int) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with (
            self.view.open(entry.path) as source,
            open(os.open(name, flags, 0o600, dir_fd=parent), "wb") as target,
        ):
            copy_bytes(source, target)
            target.flush()
            self._metadata(entry, target.fileno())
            os.utime(target.fileno(), ns=(entry.mtime_ns, entry.mtime_ns))
        self.size += entry.size

    def _metadata(self, entry: Entry, descriptor: int) -> None:
        """Owner, mode and attributes of an open file or directory. Changing the owner drops set-user bits and
        capabilities, so it comes first.
        """
        if self.owner:
            os.chown(descriptor, entry.uid, entry.gid)
        os.chmod(descriptor, entry.mode)
        for key, value in entry.xattrs:
            # Not every file system and user may have them; the files are what was asked for.
            with suppress(OSError):
                os.setxattr(descriptor, key, value)

    def _link(self, target: str, name: str, parent: int) -> None:
        """A hard link to what was written before at ``target``, reached without following links."""
        directory = os.dup(self.root)
        try:
            *above, last = target.split("/")
            for part in above:
                below = os.open(part, _DIRECTORY, dir_fd=directory)
                os.close(directory)
                directory = below
            os.link(last, name, src_dir_fd=directory, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(directory)

    def _replace(self, temporary: str, name: str, parent: int) -> None:
        try:
            os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
        except IsADirectoryError:
            shutil.rmtree(name, dir_fd=parent)
            os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
