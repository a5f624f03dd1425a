"""What survives a power loss, without a flush for each step.

Rows of the index say in which boot of the machine they were written and whether their files were flushed
since. One flush at the end of a build covers all of them. After a power loss, rows of another boot that were
never flushed are dropped: their files may be empty or torn.
"""

from __future__ import annotations

import os

__all__ = ["boot_id", "flush"]


def boot_id() -> str:
    """Name of this boot of the machine."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def flush(directory: str) -> None:
    """Write everything of the file system of ``directory`` to its disk. Raises ``OSError``."""
    import ctypes  # most builds have nothing to flush

    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), directory)
    finally:
        os.close(descriptor)
