"""Image references: their normal form, as the distribution project's ``reference`` package defines it."""

from __future__ import annotations

import re
from typing import NamedTuple, Self

__all__ = ["ImageReference", "familiar_name", "parse_reference"]

_DEFAULT_DOMAIN = "docker.io"
_LEGACY_DOMAIN = "index.docker.io"
_OFFICIAL = "library/"

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?P<domain>{_DOMAIN})/(?P<path>{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?",
    re.ASCII,
)
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")


class ImageReference(NamedTuple):
    """``domain/path[:tag][@digest]``."""

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        return self.name + (self.tag and f":{self.tag}") + (self.digest and f"@{self.digest}")

    @property
    def name(self) -> str:
        """The repository: domain and path."""
        return f"{self.domain}/{self.path}"

    def tagged(self) -> Self:
        """With ``latest`` where neither tag nor digest is given."""
        return self if self.tag or self.digest else self._replace(tag="latest")


def parse_reference(text: str) -> ImageReference:
    """Read a reference as users write it. Raises ``ValueError`` that says what is wrong.

    >>> str(parse_reference("debian").tagged())
    'docker.io/library/debian:latest'
    >>> str(parse_reference("localhost:5000/team/app:1"))
    'localhost:5000/team/app:1'
    """
    if _IDENTIFIER.fullmatch(text):
        raise ValueError(f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings")
    domain, rest = _split_domain(text)
    repository = rest.partition(":")[0]
    if repository.lower() != repository:
        raise ValueError(f"invalid reference format: repository name ({repository}) must be lowercase")
    match = _REFERENCE.fullmatch(f"{domain}/{rest}")
    if match is None:
        raise ValueError("invalid reference format")
    return ImageReference(match["domain"], match["path"], match["tag"] or "", match["digest"] or "")


def _split_domain(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    if not slash:
        return _DEFAULT_DOMAIN, _OFFICIAL + text
    is_domain = first == "localhost" or "." in first or ":" in first or first.lower() != first
    domain, rest = (first, rest) if is_domain else (_DEFAULT_DOMAIN, text)
    if domain in (_DEFAULT_DOMAIN, _LEGACY_DOMAIN):
        domain = _DEFAULT_DOMAIN
        rest = rest if "/" in rest else _OFFICIAL + rest
    return domain, rest


def familiar_name(text: str) -> str:
    """The short form under which a named context is looked up: ``docker.io/library/x:latest`` is ``x``.

    Raises ``ValueError``.
    """
    reference = parse_reference(text)
    path = reference.path
    if reference.domain == _DEFAULT_DOMAIN:
        short = path.removeprefix(_OFFICIAL)
        path = path if "/" in short else short
    else:
        path = reference.name
    whole = path + (reference.tag and f":{reference.tag}") + (reference.digest and f"@{reference.digest}")
    return whole.removesuffix(":latest")
