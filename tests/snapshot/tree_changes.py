"""Three changes of a tree, always with the same result, that use what overlays can do."""

import os
import shutil
from pathlib import Path

__all__ = ["CHANGES"]


def _still(root: str) -> None:
    """Give everything one time, so that a layer is the same whenever it is made."""
    for directory, _, files in os.walk(root):
        for path in (directory, *(os.path.join(directory, name) for name in files)):
            os.utime(path, ns=(10**18, 10**18), follow_symlinks=False)


def _first(root: str) -> None:
    os.makedirs(f"{root}/d/e")
    for name in ("d/f", "d/e/g", "s", "t"):
        Path(root, name).write_text(name)
    os.symlink("../s", f"{root}/d/link")
    os.link(f"{root}/s", f"{root}/d/same")
    _still(root)


def _second(root: str) -> None:
    shutil.rmtree(f"{root}/d")
    os.mkdir(f"{root}/d", 0o750)
    Path(root, "d/n").write_text("n")
    os.setxattr(f"{root}/d/n", "user.note", b"1")
    os.unlink(f"{root}/s")
    _still(root)


def _third(root: str) -> None:
    os.chmod(f"{root}/t", 0o4755)
    os.mkdir(f"{root}/s")
    os.mkfifo(f"{root}/s/p")
    _still(root)


CHANGES = (_first, _second, _third)
