"""Image references: ``[host[:port]/]path[:tag][@digest]``, read as Docker reads them.

The grammar and the rules of "familiar" names (``debian`` is ``docker.io/library/debian``) are those of the
distribution/reference package, which every Docker tool uses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Self

from ..errors import SourceError
from ..oci.digests import parse_digest

__all__ = ["InvalidReferenceError", "Reference", "parse_reference"]

_HUB = "docker.io"
_HUB_LEGACY = "index.docker.io"
_HUB_HOST = "registry-1.docker.io"
_OFFICIAL = "library/"
_MAX_PATH = 255
# A host may be of any length in the grammar; this keeps matching cheap.
_MAX_LENGTH = 4096

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_TAG = r"[\w][\w.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(
    rf"(?P<domain>{_HOST})/(?P<path>{_COMPONENT}(?:/{_COMPONENT})*)(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_DIGEST}))?",
    re.ASCII,
)


class InvalidReferenceError(SourceError):
    """The text is not an image reference."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An image's full name. ``tag`` and ``digest`` are empty where they are not given."""

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"

    @property
    def name(self) -> str:
        """The name without tag and digest: ``docker.io/library/debian``."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar(self) -> str:
        """The short form that Docker shows: ``debian:12``."""
        if self.domain != _HUB:
            return str(self)
        rest = self.path.removeprefix(_OFFICIAL)
        path = self.path if "/" in rest else rest
        return path + str(self)[len(self.name) :]

    @property
    def host(self) -> str:
        """The host (and port) that serves it."""
        return _HUB_HOST if self.domain == _HUB else self.domain

    @property
    def version(self) -> str:
        """What names the manifest within the repository: the digest, else the tag."""
        return self.digest or self.tag

    def with_default_tag(self) -> Self:
        """With the tag ``latest`` where there is neither tag nor digest."""
        return self if self.tag or self.digest else replace(self, tag="latest")


def parse_reference(text: str) -> Reference:
    """Read ``text``. No tag is added (:meth:`Reference.with_default_tag`).

    Raises :class:`InvalidReferenceError`.

    >>> str(parse_reference("debian:12"))
    'docker.io/library/debian:12'
    >>> parse_reference("localhost:5000/a/b").host
    'localhost:5000'
    """
    if re.fullmatch(r"[a-f0-9]{64}", text):
        raise _invalid(text, "64 hexadecimal digits can not be a name")
    if len(text) > _MAX_LENGTH:
        raise _invalid(f"{text[:40]}…", "it is too long")
    domain, rest = _split_domain(text)
    path = rest.partition(":")[0].partition("@")[0]
    if path.lower() != path:
        raise _invalid(text, f"the repository name {path!r} must be in lower case")
    match = _REFERENCE.fullmatch(f"{domain}/{rest}")
    if match is None:
        raise _invalid(text, "write [HOST[:PORT]/]NAME[:TAG][@DIGEST]" if text else "it is empty")
    if len(match["path"]) > _MAX_PATH:
        raise _invalid(f"{text[:40]}…", f"a repository name has at most {_MAX_PATH} characters")
    if match["digest"]:
        try:
            parse_digest(match["digest"])
        except ValueError as error:
            raise _invalid(text, str(error)) from None
    return Reference(match["domain"], match["path"], match["tag"] or "", match["digest"] or "")


def _invalid(text: str, why: str) -> InvalidReferenceError:
    return InvalidReferenceError(f"invalid image reference {text!r}: {why}")


def _split_domain(text: str) -> tuple[str, str]:
    """The host and the rest. The first part is a host only if it looks like one."""
    first, slash, rest = text.partition("/")
    if not slash:
        return _HUB, _OFFICIAL + text
    if first == "localhost" or any(sign in first for sign in ".:") or first.lower() != first:
        domain = _HUB if first == _HUB_LEGACY else first
    else:
        domain, rest = _HUB, text
    if domain == _HUB and "/" not in rest:
        rest = _OFFICIAL + rest
    return domain, rest
