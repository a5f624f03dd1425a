"""``Entry``: one name of a file system tree, as a value."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["Entry", "Kind"]

Kind = Literal["file", "dir", "link", "char", "block", "fifo", "socket"]


class Entry(NamedTuple):
    """One entry. A named tuple, because trees have many.

    ``path`` is relative to the root, "/"-separated, and empty for the root; bytes of a name that are not
    UTF-8 are lone surrogates (``surrogateescape``). ``mode`` holds the permission bits, set-id and sticky
    included (``0o7777``). ``size`` is that of a regular file's content, ``digest`` its ``sha256:…`` or empty
    where not known yet, ``target`` a symbolic link's, ``device`` the major and minor number. ``hardlink`` is
    the same text for all names of one file that has several, else empty. ``xattrs`` are sorted by name.
    """

    path: str
    kind: Kind
    mode: int
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime_ns: int = 0
    target: str = ""
    device: tuple[int, int] = (0, 0)
    digest: str = ""
    hardlink: str = ""
    xattrs: tuple[tuple[str, bytes], ...] = ()
