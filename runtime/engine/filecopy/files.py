"""Copying the bytes of one file, the fastest way that the file systems on both sides allow."""

from __future__ import annotations

import errno
import fcntl
import os
from io import UnsupportedOperation
from typing import BinaryIO

__all__ = ["copy_content"]

_SMALL = 1 << 17
_CHUNK = 1 << 20
_FICLONE = 0x40049409
# What the kernel says where it can not clone or copy between these two files.
_UNSUPPORTED = {
    errno.EXDEV,
    errno.EOPNOTSUPP,
    errno.EINVAL,
    errno.ENOSYS,
    errno.EPERM,
    errno.EIO,
    errno.ENOTTY,
}


def copy_content(source: BinaryIO, target: int) -> tuple[int, bool]:
    """Copy all of ``source`` into the empty file open as ``target``, holes as holes where it is a real file.

    How many bytes it has, and whether it stayed the same file meanwhile (by size and times).
    """
    try:
        descriptor = source.fileno()
    except (UnsupportedOperation, AttributeError):
        return _copy_stream(source, target), True
    before = os.fstat(descriptor)
    if before.st_size <= _SMALL:
        size = _copy_small(descriptor, target)
    else:
        _copy_large(descriptor, target, before)
        size = before.st_size
    after = os.fstat(descriptor)
    return size, (before.st_size, before.st_mtime_ns, before.st_ctime_ns) == (
        after.st_size,
        after.st_mtime_ns,
        after.st_ctime_ns,
    )


def _copy_small(source: int, target: int) -> int:
    size = 0
    while data := os.read(source, _SMALL + 1):
        size += len(data)
        _write(target, data)
        if len(data) <= _SMALL:
            break
    return size


def _copy_stream(source: BinaryIO, target: int) -> int:
    size = 0
    while data := source.read(_CHUNK):
        size += len(data)
        _write(target, data)
    return size


def _write(target: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]


def _copy_large(source: int, target: int, status: os.stat_result) -> None:
    try:
        fcntl.ioctl(target, _FICLONE, source)
        return
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
    size = status.st_size
    if status.st_blocks * 512 >= size:
        _copy_range(source, target, 0, size)
        return
    os.truncate(target, size)
    end = 0
    while end < size:
        try:
            start = os.lseek(source, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:  # ENXIO: nothing but a hole from here to the end
                raise
            return
        end = os.lseek(source, start, os.SEEK_HOLE)
        _copy_range(source, target, start, min(end, size) - start)


def _copy_range(source: int, target: int, start: int, count: int) -> None:
    try:
        while count:
            copied = os.copy_file_range(source, target, count, start, start)
            if not copied:
                return  # it became shorter; the caller sees that it was changed
            start += copied
            count -= copied
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
    os.lseek(target, start, os.SEEK_SET)
    while count:
        copied = os.sendfile(target, source, start, min(count, 1 << 30))
        if not copied:
            return
        start += copied
        count -= copied
