"""What one layer does: small frozen values.

Every field that can change a layer's content is part of its identity; :data:`UNKEYED` fields (values that must
not enter a cache key) are not. Codec and identity: ``canonical.py``; what different spellings have in common:
``meaning.py``.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "UNKEYED",
    "Add",
    "Base",
    "ContextPath",
    "Copy",
    "FromContext",
    "FromLayer",
    "GitTree",
    "HttpFile",
    "InlineFile",
    "MakeDir",
    "Mount",
    "Operation",
    "Origin",
    "Run",
    "SourceItem",
]

Pairs = tuple[tuple[str, str], ...]


# --- where files come from ---------------------------------------------------------------------------


class FromLayer(NamedTuple):
    """The tree of another layer: ``index`` into the layer's ``inputs``; none is the empty tree (scratch)."""

    index: int | None  # type: ignore[assignment]  # the field hides the method of tuples


class FromContext(NamedTuple):
    """A build context by name: ``""`` is the main one, others are named contexts that are directories."""

    name: str = ""


Origin = FromLayer | FromContext


class ContextPath(NamedTuple):
    """A path or Go wildcard pattern in the operation's origin. With ``parents`` it is split at its pivot
    by the executor; it is otherwise as evaluated (variables expanded), not yet cleaned.
    """

    path: str


class InlineFile(NamedTuple):
    """A heredoc: a file with mode 0644 (0755 when it is a RUN script) whose content is in the Dockerfile."""

    name: str
    content: str


class HttpFile(NamedTuple):
    """A URL, and the digest that its content must have (``sha256:…``) or none."""

    url: str
    checksum: str | None = None


class GitTree(NamedTuple):
    """A git remote at a ref, below ``subdir``."""

    remote: str
    ref: str = ""
    subdir: str = ""
    keep_git_dir: bool = False
    submodules: bool = True
    checksum: str | None = None


SourceItem = ContextPath | InlineFile | HttpFile | GitTree


# --- operations --------------------------------------------------------------------------------------


class Base(NamedTuple):
    """A base image. ``digest`` identifies its content (manifest digest, or the tree's digest for a bare
    root file system); empty while unresolved, when the reference stands in for it.
    """

    reference: str
    platform: str
    digest: str = ""


class Mount(NamedTuple):
    """``RUN --mount``. ``kind``: bind, cache, tmpfs, secret or ssh. ``origin`` and ``source`` are for bind
    and cache; ``mode`` is none where not given; ``size`` in bytes, 0 = no limit. ``env`` names the variable
    that holds a secret instead of (or besides) the file.
    """

    kind: str
    target: str = ""
    origin: Origin | None = None
    source: str = ""
    read_only: bool = True
    cache_id: str = ""
    sharing: str = "shared"
    required: bool = False
    mode: int | None = None
    uid: int = 0
    gid: int = 0
    size: int = 0
    env: str = ""


class Run(NamedTuple):
    """Execute ``argv`` on the parent's tree. ``scripts`` are put, read-only, under ``/dev/pipes``.

    ``named_only`` are the variables of ``env`` of which the user says that only a command that names them reads
    them, and that this one does not name: their values are no part of its identity.
    ``proxy`` are the predefined proxy arguments: set for the step, never part of its identity.
    """

    argv: tuple[str, ...]
    env: Pairs = ()
    cwd: str = "/"
    user: str = ""
    mounts: tuple[Mount, ...] = ()
    scripts: tuple[InlineFile, ...] = ()
    network: str = "default"
    security: str = "sandbox"
    devices: tuple[str, ...] = ()
    extra_hosts: Pairs = ()
    shm_size: int = 0
    ulimits: tuple[str, ...] = ()
    hostname: str = ""
    named_only: tuple[str, ...] = ()
    proxy: Pairs = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and self[:-1] == other[:-1]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self[:-1])


class Copy(NamedTuple):
    """``COPY``. ``dest`` is absolute and keeps its trailing slash. ``chown`` and ``chmod`` are as evaluated:
    names are looked up in the parent's tree when it is executed.
    """

    origin: Origin
    sources: tuple[SourceItem, ...]
    dest: str
    chown: str = ""
    chmod: str = ""
    exclude: tuple[str, ...] = ()
    parents: bool = False
    link: bool = False


class Add(NamedTuple):
    """``ADD``. As :class:`Copy`; ``unpack`` none means: archives of the context yes, those of URLs no."""

    origin: Origin
    sources: tuple[SourceItem, ...]
    dest: str
    chown: str = ""
    chmod: str = ""
    exclude: tuple[str, ...] = ()
    parents: bool = False
    link: bool = False
    unpack: bool | None = None


class MakeDir(NamedTuple):
    """``WORKDIR``: the directory and missing parents, mode 0755, owned by ``user``; nothing if there.
    ``created`` is the Unix time that they get, none for now.
    """

    path: str
    user: str = ""
    created: int | None = None


Operation = Base | Run | Copy | Add | MakeDir

#: Fields that take no part in identities.
UNKEYED: dict[type[Operation], str] = {Run: "proxy"}
