"""Base images: which source stands behind a name, and its two verbs, :func:`resolve` and :func:`materialise`.

A name is looked up where ``docker build`` does: a named context that stands in for it, else the registry that
the reference names. A context's value is one of

========================================  =====================================================
``oci-layout://DIR[:TAG][@DIGEST]``       an OCI layout
``docker-image://REFERENCE``              a registry's image
``oci-archive://FILE[:TAG]``              an OCI layout in a tar, compressed or not
``docker-archive://FILE[:TAG]``           what ``docker save`` wrote
a directory                               a root file system
a file                                    any of the archives, or the tar of a root file system
========================================  =====================================================
"""

from __future__ import annotations

import os
from threading import Event

from ...compiler.options import BaseImage, ImageRequest
from ..errors import SourceError
from ..events import Notice, Reporter
from ..store import Store
from .image import BlobLayers, ResolvedImage, bare_base

__all__ = ["ResolvedImage", "context_kind", "materialise", "resolve"]

_SCHEMES = ("oci-layout", "docker-image", "oci-archive", "docker-archive")


def context_kind(value: str) -> str:
    """The ``kind`` of a :class:`NamedContext` with this value: image, git, http or local.

    >>> context_kind("docker-image://debian"), context_kind("https://example.com/a.git")
    ('image', 'git')
    """
    scheme = value.partition(":")[0]
    if scheme in _SCHEMES:
        return "image"
    if scheme in ("git", "ssh") or value.startswith(("git@", "github.com/")):
        return "git"
    if scheme in ("http", "https") and value.partition(":")[2].startswith("//"):
        return "git" if value.partition("#")[0].endswith(".git") else "http"
    return "image" if _is_file(value) else "local"


def _is_file(value: str) -> bool:
    head, colon, tag = value.rpartition(":")
    return os.path.isfile(value) or (bool(colon) and "/" not in tag and os.path.isfile(head))


def resolve(request: ImageRequest, store: Store, report: Reporter, *, pull: bool = False) -> ResolvedImage:
    """Find out what ``request`` names. No layer is fetched or unpacked.

    Raises :class:`SourceError` where there is no such image, with what was looked for and where;
    :class:`IntegrityError` where its documents are not what their digests say.
    """
    context = request.context
    if context is None:
        return _from_registry(request, request.reference, store, report, pull=pull)
    scheme, _, rest = context.value.partition(":")
    rest = rest.removeprefix("//")
    if scheme == "docker-image":
        if rest == "scratch":
            return _scratch(request)
        return _from_registry(request, rest, store, report, pull=pull)
    if scheme == "oci-layout":
        from .image_layout import resolve_layout

        return resolve_layout(request, rest)
    if scheme in ("oci-archive", "docker-archive"):
        from .image_archive import resolve_archive

        return resolve_archive(request, rest, scheme.partition("-")[0], store)
    if context.kind in ("git", "http"):
        raise SourceError(
            f"the named context {context.name} ({context.value}) can not be used as a base image",
            help="download it, and name the file or directory instead",
        )
    return _from_path(request, context.value, store, report)


def materialise(
    resolved: ResolvedImage, store: Store, report: Reporter, cancel: Event | None = None
) -> tuple[str, ...]:
    """Bring the image's layers into the store, those that it lacks; their diff IDs, bottom first.

    Each layer is fetched and unpacked at most once among all that share the store. Raises
    :class:`SourceError`, :class:`IntegrityError`, and :class:`Cancelled` when ``cancel`` is set.
    """
    return resolved.layers.bring(store, report, resolved.request.reference, cancel or Event())


def _from_registry(
    request: ImageRequest, text: str, store: Store, report: Reporter, *, pull: bool
) -> ResolvedImage:
    from .image_registry import resolve_registry

    try:
        return resolve_registry(request, text, store, report, pull=pull)
    except SourceError as error:
        name = request.context.name if request.context else request.reference
        instead = f"to use an image that you have, add --build-context {name}=oci-layout://DIR"
        raise type(error)(
            f"no base image {text}: {error.message}", help="; ".join(filter(None, (error.help, instead)))
        ) from error


def _from_path(request: ImageRequest, value: str, store: Store, report: Reporter) -> ResolvedImage:
    if not os.path.isdir(value):
        from .image_archive import resolve_archive

        return resolve_archive(request, value, "", store)
    from .image_rootfs import resolve_directory

    if os.path.isfile(os.path.join(value, "oci-layout")):
        report(
            Notice(
                f"{value} is used as a root file system, though it looks like an OCI layout; "
                f"write oci-layout://{value} if you mean the image in it"
            )
        )
    return resolve_directory(request, value, store)


class _Nothing:
    """Provides no blobs: there are none."""

    def fetch(self, *_: object) -> None:
        """Never called."""


def _scratch(request: ImageRequest) -> ResolvedImage:
    base = bare_base(request, "")
    nothing = BlobLayers((), (), _Nothing())
    return ResolvedImage(request, BaseImage("scratch", base.config), nothing, "nothing")
