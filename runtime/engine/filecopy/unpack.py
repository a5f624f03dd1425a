"""ADD of an archive: a tar file, plain or compressed, is unpacked into the destination.

As in BuildKit the destination directory is the root of the archive's world: absolute links begin there, and
names and links that lead out of it are refused. An entry replaces what is in its place, except that
directories are merged.
"""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import BinaryIO, cast

from ....compiler.globs import clean, rooted
from ...errors import StepError
from .archive import DamagedArchiveError, open_archive
from .destination import Destination
from .xattrs import set_xattrs

__all__ = ["unpack_archive"]

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1 << 20
_MAX_NS = (1 << 63) - 1
_MOST_HOLES = 16 << 30
_XATTR = "SCHILY.xattr."

Owner = tuple[int, int] | None


def unpack_archive(
    source: BinaryIO,
    where: Destination,
    dest: str,
    owner: Owner,
    shown: str,
    check: Callable[[], None] | None = None,
) -> bool:
    """Unpack ``source`` into ``dest`` (made if missing) if it is an archive; whether it is one.

    ``owner`` is given to all entries instead of their own. ``shown`` names the archive in messages: raises
    :class:`StepError` where it is damaged or can not be unpacked. ``check`` is called for each entry.
    """
    archive = open_archive(source)
    if archive is None:
        return False
    with archive:
        directory = where.follow(rooted(dest))
        where.make_directories(directory, 0o755, owner)
        unpacker = _Unpacker(Destination(where.host(directory), strict=True), owner, shown)
        try:
            for member in archive:
                if check is not None:
                    check()
                unpacker.add(archive, member)
            unpacker.finish()
        except (tarfile.TarError, DamagedArchiveError) as error:
            raise StepError(f"the archive {shown} is damaged: {error}", status=1) from error
    return True


class _Unpacker:
    """Unpacks entries below ``where``."""

    def __init__(self, where: Destination, owner: Owner, shown: str) -> None:
        self._where = where
        self._owner = owner
        self._shown = shown
        self._parents: dict[str, str] = {}
        self._times: dict[str, int] = {}
        self._holes = 0

    def add(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        """Unpack one entry."""
        path = self._inside(member, member.name)
        if not path:
            return  # the destination itself, which keeps its metadata
        directory, _, name = path.rpartition("/")
        host = f"{self._parent(directory)}/{name}"
        if not self._clear(host, member):
            os.mkdir(host, 0o700) if member.isdir() else self._create(host, archive, member)
        self._finish(host, member)

    def _inside(self, member: tarfile.TarInfo, name: str) -> str:
        """``name`` cleaned and without a leading slash."""
        path = clean(name.lstrip("/"))
        if path == ".." or path.startswith("../"):
            what = member.name if name is member.name else f"{member.name}, a link to {name}"
            raise StepError(f"the archive {self._shown} holds {what}, which leads out of it", status=1)
        return "" if path == "." else path

    def finish(self) -> None:
        """Set the times of directories, now that nothing is put into them any more."""
        for host, mtime_ns in self._times.items():
            if os.path.isdir(host) and not os.path.islink(host):
                os.utime(host, ns=(mtime_ns, mtime_ns))

    def _parent(self, directory: str) -> str:
        """The machine's path of a directory of the archive, made if missing."""
        host = self._parents.get(directory)
        if host is None:
            resolved = self._where.follow(directory)
            self._where.make_directories(resolved, 0o755, None)
            host = self._parents[directory] = self._where.host(resolved)
        return host

    def _clear(self, host: str, member: tarfile.TarInfo) -> bool:
        """Remove what is in the way; true if ``host`` is a directory that is merged with ``member``."""
        try:
            status = os.lstat(host)
        except FileNotFoundError:
            return False
        if not stat.S_ISDIR(status.st_mode):
            os.unlink(host)
            if stat.S_ISLNK(status.st_mode):
                self._parents.clear()
            return False
        if member.isdir():
            return True
        shutil.rmtree(host)
        self._parents.clear()
        return False

    def _create(self, host: str, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        if member.isreg():
            self._write(host, archive, member)
        elif member.issym():
            os.symlink(member.linkname, host)
            self._parents.clear()
        elif member.islnk():
            self._link(host, member)
        elif member.isdev():
            self._make_node(host, member)
        else:
            raise StepError(
                f"the archive {self._shown} holds {member.name}, of the unknown type {member.type!r}",
                status=1,
            )

    def _check_holes(self, member: tarfile.TarInfo) -> None:
        """A few bytes must not be able to claim a full disk."""
        pieces = cast("list[tuple[int, int]]", member.sparse or [])
        self._holes += max(0, member.size - sum(length for _, length in pieces))
        if self._holes > _MOST_HOLES:
            raise StepError(
                f"the archive {self._shown} holds sparse files with holes of more than {_MOST_HOLES >> 30} GiB",
                status=1,
            )

    def _write(self, host: str, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        if member.issparse():
            self._check_holes(member)
        source = archive.extractfile(member)
        assert source is not None  # it is a regular file
        descriptor = os.open(host, _NEW_FILE, 0o600)
        with source, open(descriptor, "wb", buffering=0) as target:
            left = member.size
            while left and (data := source.read(min(left, _CHUNK))):
                view = memoryview(data)
                while view:
                    view = view[target.write(view) :]
                left -= len(data)
        if left:
            raise DamagedArchiveError(f"{member.name} is cut off")

    def _link(self, host: str, member: tarfile.TarInfo) -> None:
        directory, _, name = self._inside(member, member.linkname).rpartition("/")
        known = f"{self._where.host(self._where.follow(directory))}/{name}"
        try:
            os.link(known, host, follow_symlinks=False)
        except OSError as error:
            raise StepError(
                f"the archive {self._shown}: can not link {member.name} to {member.linkname}: "
                f"{error.strerror}",
                status=1,
            ) from error

    def _make_node(self, host: str, member: tarfile.TarInfo) -> None:
        kind = stat.S_IFCHR if member.ischr() else stat.S_IFBLK if member.isblk() else stat.S_IFIFO
        if member.ischr() and not member.devmajor and not member.devminor:
            raise StepError(
                f"the archive {self._shown} holds {member.name}, a device 0:0; "
                "in a layer that would mean a deleted file",
                status=1,
            )
        device = 0 if member.isfifo() else os.makedev(member.devmajor, member.devminor)
        try:
            os.mknod(host, 0o600 | kind, device)
        except PermissionError as error:
            raise StepError(
                f"the archive {self._shown}: can not make the device {member.name}: {error.strerror}",
                status=1,
                help="build as root",
            ) from error

    def _finish(self, host: str, member: tarfile.TarInfo) -> None:
        """Metadata. A hard link's are set on the file that it shares, as long as that is no symbolic link."""
        owner = self._owner or (member.uid, member.gid)
        try:
            os.lchown(host, *owner)
        except PermissionError as error:
            raise StepError(
                f"the archive {self._shown}: can not give {member.name} to {owner[0]}:{owner[1]}",
                status=1,
                help="build as root, or with a range of subordinate ids (layerc doctor)",
            ) from error
        if member.pax_headers:
            set_xattrs(host, _xattrs(member))
        is_link = member.issym() or (member.islnk() and os.path.islink(host))
        if not is_link:
            os.chmod(host, member.mode & 0o7777)
        mtime_ns = _mtime_ns(member)
        if member.isdir():
            self._times[host] = mtime_ns
        else:
            os.utime(host, ns=(mtime_ns, mtime_ns), follow_symlinks=False)


def _xattrs(member: tarfile.TarInfo) -> list[tuple[str, bytes]]:
    return [
        (name[len(_XATTR) :], value.encode("utf-8", "surrogateescape"))
        for name, value in member.pax_headers.items()
        if name.startswith(_XATTR)
    ]


def _mtime_ns(member: tarfile.TarInfo) -> int:
    """The time of modification to the nanosecond (``tarfile`` rounds it); 0 where out of range."""
    exact = member.pax_headers.get("mtime")
    try:
        number = int(Decimal(exact) * 1_000_000_000) if exact else int(member.mtime) * 1_000_000_000
    except (InvalidOperation, ValueError, OverflowError):
        return 0
    return number if 0 <= number <= _MAX_NS else 0
