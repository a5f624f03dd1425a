"""A store, trees to compare, layers made by changing a mounted tree."""

import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from layerc.runtime.snapshot.commit import commit
from layerc.runtime.snapshot.export import write_layer
from layerc.runtime.snapshot.metadata import is_kept
from layerc.runtime.snapshot.mount import mount
from layerc.runtime.snapshot.view import StackView
from layerc.runtime.store import Store, StoredLayer, remove_tree


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(str(tmp_path / "store")) as opened:
        yield opened
    remove_tree(str(tmp_path / "store"))  # some are deeper than what pytest can remove


class Node(NamedTuple):
    """All that counts of a name in a tree, read from disk without any part of layerc's."""

    kind: int
    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int
    device: int
    content: str
    xattrs: tuple[tuple[str, bytes], ...]
    first: str  # of a hard-linked group, the first name


def read_tree(root: str) -> dict[str, Node]:
    """Every entry below ``root``, and the root itself, by path. Times of directories are left out."""
    found: dict[str, Node] = {}
    inodes: dict[tuple[int, int], str] = {}
    pending = [""]
    while pending:
        path = pending.pop()
        real = f"{root}/{path}" if path else root
        status = os.lstat(real)
        content = ""
        if stat.S_ISLNK(status.st_mode):
            content = os.readlink(real)
        elif stat.S_ISREG(status.st_mode):
            with open(real, "rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
        is_directory = stat.S_ISDIR(status.st_mode)
        first = path
        if not is_directory and status.st_nlink > 1:
            first = inodes.setdefault((status.st_dev, status.st_ino), path)
        names = os.listxattr(real, follow_symlinks=False)
        xattrs = [(n, os.getxattr(real, n, follow_symlinks=False)) for n in sorted(names) if is_kept(n)]
        found[path] = Node(
            stat.S_IFMT(status.st_mode),
            stat.S_IMODE(status.st_mode),
            status.st_uid,
            status.st_gid,
            status.st_size if stat.S_ISREG(status.st_mode) else 0,
            0 if is_directory else status.st_mtime_ns,
            status.st_rdev,
            content,
            tuple(xattrs),
            first,
        )
        if is_directory:
            prefix = f"{path}/" if path else ""
            pending += [prefix + name for name in sorted(os.listdir(real), key=os.fsencode, reverse=True)]
    return found


def change_layer(store: Store, stack: Sequence[str], change: Callable[[str], object]) -> StoredLayer:
    """Mount ``stack``, change the tree, commit."""
    with store.draft() as draft:
        with mount(store, stack, draft) as root:
            change(root)
        return commit(store, draft, StackView(store, stack))


def archive_of(store: Store, diff_id: str) -> bytes:
    pieces: list[bytes] = []
    write_layer(store, diff_id, pieces.append)
    return b"".join(pieces)


def member(
    name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"", **values: object
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = len(data)
    for key, value in values.items():
        setattr(info, key, value)
    return info, data


def make_tar(members: Iterable[tuple[tarfile.TarInfo, bytes]], form: int = tarfile.PAX_FORMAT) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=form) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data) if data else None)
    return target.getvalue()
