"""Extended attributes of entries that are copied or unpacked."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable

__all__ = ["set_xattrs"]

# Where a layer's own directory is written to, these would be orders to the overlay file system.
_OVERLAY = ("trusted.overlay.", "user.overlay.")
_TOLERATED = {errno.ENOTSUP, errno.EPERM, errno.EACCES, errno.EINVAL, errno.ENOSPC, errno.E2BIG}


def set_xattrs(target: int | str, xattrs: Iterable[tuple[str, bytes]]) -> None:
    """Set them on an open file or a path (no link is followed), as far as the file system takes them."""
    for name, value in xattrs:
        if name.startswith(_OVERLAY):
            continue
        try:
            if isinstance(target, int):
                os.setxattr(target, name, value)
            else:
                os.setxattr(target, name, value, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _TOLERATED:
                raise
