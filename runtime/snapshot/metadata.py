"""Metadata of files on disk: read as entries, and set."""

from __future__ import annotations

import errno
import os
import stat

from .entry import Entry, Kind

__all__ = ["is_kept", "read_entry", "read_xattrs", "set_metadata"]

_KINDS: dict[int, Kind] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "character",
    stat.S_IFBLK: "block",
    stat.S_IFIFO: "fifo",
}
_KEPT = ("user.", "security.capability", "system.posix_acl_access", "system.posix_acl_default")
_OVERLAY = "user.overlay."
_NONE = (errno.ENODATA, errno.ENOTSUP)
# In a user namespace some owners and attributes can not be set; the entry index still says what they are.
_NOT_ALLOWED = (errno.EPERM, errno.EINVAL, errno.ENOTSUP, errno.EACCES)


def is_kept(attribute: str) -> bool:
    """Whether an extended attribute belongs to a layer.

    Labels of the host's security modules do not, nor what overlay file systems write for themselves.
    """
    return attribute.startswith(_KEPT) and not attribute.startswith(_OVERLAY)


def read_entry(path: str, name: str, status: os.stat_result) -> Entry | None:
    """The entry ``name`` for the file at ``path``, without a content digest; none for a socket."""
    mode = status.st_mode
    kind = _KINDS.get(stat.S_IFMT(mode))
    if kind is None:
        return None
    return Entry(
        name,
        kind,
        stat.S_IMODE(mode),
        status.st_uid,
        status.st_gid,
        status.st_size if kind == "file" else 0,
        status.st_mtime_ns,
        os.readlink(path) if kind == "symlink" else "",
        (os.major(status.st_rdev), os.minor(status.st_rdev)) if kind in ("character", "block") else (0, 0),
        xattrs=read_xattrs(path),
    )


def read_xattrs(path: str) -> tuple[tuple[str, bytes], ...]:
    """The attributes of a file that belong to a layer, sorted. Raises ``OSError``."""
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError as error:
        if error.errno in _NONE:
            return ()
        raise
    if not names:
        return ()
    return tuple(
        (name, os.getxattr(path, name, follow_symlinks=False)) for name in sorted(names) if is_kept(name)
    )


def set_metadata(path: str, entry: Entry) -> None:
    """Give the file at ``path`` owner, attributes, mode and time of ``entry``; links are not followed.

    What a user namespace does not allow is left out. Raises ``OSError``.
    """
    try:
        os.lchown(path, entry.uid, entry.gid)
    except OSError as error:
        if error.errno not in _NOT_ALLOWED:
            raise
    for name, value in entry.xattrs:
        try:
            os.setxattr(path, name, value, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NOT_ALLOWED:
                raise
    if entry.kind != "symlink":
        os.chmod(path, entry.mode)  # after the owner: a change of owner clears the set-id bits
    os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns), follow_symlinks=False)
