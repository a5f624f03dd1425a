"""What one layer does: small frozen values.

Every field that can change a layer's content is part of its identity; fields marked ``identity=False`` (how
a thing was spelled, values that must not enter a cache key) are not. Codec and identity: ``canonical.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = [
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


_UNKEYED = {"identity": False}


# --- where files come from ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FromLayer:
    """The tree of another layer: ``index`` into the layer's ``inputs``; none is the empty tree (scratch)."""

    index: int | None


@dataclass(frozen=True, slots=True)
class FromContext:
    """A build context by name: ``""`` is the main one, others are named contexts that are directories."""

    name: str = ""


Origin = FromLayer | FromContext


@dataclass(frozen=True, slots=True)
class ContextPath:
    """A path or Go wildcard pattern in the operation's origin. With ``parents`` it is split at its pivot
    by the executor; it is otherwise as evaluated (variables expanded), not yet cleaned.
    """

    path: str


@dataclass(frozen=True, slots=True)
class InlineFile:
    """A heredoc: a file with mode 0644 (0755 when it is a RUN script) whose content is in the Dockerfile."""

    name: str
    content: str


@dataclass(frozen=True, slots=True)
class HttpFile:
    """A URL, and the digest that its content must have (``sha256:…``) or none."""

    url: str
    checksum: str | None = None


@dataclass(frozen=True, slots=True)
class GitTree:
    """A git remote at a ref, below ``subdir``."""

    remote: str
    ref: str = ""
    subdir: str = ""
    keep_git_dir: bool = False
    submodules: bool = True
    checksum: str | None = None


SourceItem = ContextPath | InlineFile | HttpFile | GitTree


# --- operations --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Base:
    """A base image. ``digest`` identifies its content (manifest digest, or the tree's digest for a bare
    root file system); empty while unresolved, when the reference stands in for it.
    """

    reference: str
    platform: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Mount:
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


@dataclass(frozen=True, slots=True)
class Run:
    """Execute ``argv`` on the parent's tree. ``scripts`` are put, read-only, under ``/dev/pipes``.

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
    proxy: Pairs = field(default=(), compare=False, metadata=_UNKEYED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Add:
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


@dataclass(frozen=True, slots=True)
class MakeDir:
    """``WORKDIR``: the directory and missing parents, mode 0755, owned by ``user``; nothing if there.
    ``created`` is the Unix time that they get, none for now.
    """

    path: str
    user: str = ""
    created: int | None = None


Operation = Base | Run | Copy | Add | MakeDir
