"""Image references as registries need them: the host that serves a name, and what is asked of it."""

from __future__ import annotations

from ...compiler import references
from ..errors import SourceError
from ..oci.digests import parse_digest

__all__ = ["InvalidReferenceError", "Reference", "parse_reference"]

_HUB = "docker.io"
_HUB_HOST = "registry-1.docker.io"
_OFFICIAL = "library/"
_MAX_PATH = 255
# A host may be of any length in the grammar; this keeps matching cheap.
_MAX_LENGTH = 4096


class InvalidReferenceError(SourceError):
    """The text is not an image reference."""


class Reference(references.ImageReference):
    """An image's full name. ``tag`` and ``digest`` are empty where they are not given."""

    __slots__ = ()

    @property
    def familiar(self) -> str:
        """The short form that Docker shows: ``debian:12``."""
        if self.domain != _HUB:
            return str(self)
        rest = self.path.removeprefix(_OFFICIAL)
        return (self.path if "/" in rest else rest) + str(self)[len(self.name) :]

    @property
    def host(self) -> str:
        """The host (and port) that serves it."""
        return _HUB_HOST if self.domain == _HUB else self.domain

    @property
    def version(self) -> str:
        """What names the manifest within the repository: the digest, else the tag."""
        return self.digest or self.tag


def parse_reference(text: str) -> Reference:
    """Read ``text`` as Docker does. No tag is added (:meth:`Reference.tagged`).

    Raises :class:`InvalidReferenceError`.

    >>> parse_reference("debian:12").familiar
    'debian:12'
    >>> parse_reference("localhost:5000/a/b").host
    'localhost:5000'
    """
    if len(text) > _MAX_LENGTH:
        raise InvalidReferenceError(f"invalid image reference {text[:40]!r}…: it is too long")
    try:
        parsed = references.parse_reference(text)
        if len(parsed.path) > _MAX_PATH:
            raise ValueError(f"a repository name has at most {_MAX_PATH} characters")
        if parsed.digest:
            parse_digest(parsed.digest)
    except ValueError as error:
        raise InvalidReferenceError(
            f"invalid image reference {text!r}: {error}", help="write [HOST[:PORT]/]NAME[:TAG][@DIGEST]"
        ) from None
    return Reference(parsed.domain, parsed.path, parsed.tag, parsed.digest)
