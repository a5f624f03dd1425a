"""Digests: ``algorithm:hex``. Source: OCI image spec, "Descriptors", section "Digests"."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import IntegrityError

__all__ = ["Verifier", "is_digest", "of_bytes", "parse_digest", "short", "verified"]

# The algorithms of the spec that bind content; hex digits must be lower case.
_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
_FORM = re.compile(r"([a-z0-9]+(?:[+._-][a-z0-9]+)*):([0-9a-f]+)", re.ASCII)


def parse_digest(text: str) -> tuple[str, str]:
    """Algorithm and hexadecimal digits of ``text``. Raises ``ValueError`` where it is no digest we know."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"not a digest: {text[:100]!r}")
    algorithm, digits = match.groups()
    if algorithm not in _LENGTHS:
        raise ValueError(f"unsupported digest algorithm: {algorithm}")
    if len(digits) != _LENGTHS[algorithm]:
        raise ValueError(f"a {algorithm} digest has {_LENGTHS[algorithm]} digits, not {len(digits)}")
    return algorithm, digits


def is_digest(text: str) -> bool:
    """Whether :func:`parse_digest` accepts ``text``."""
    try:
        parse_digest(text)
    except ValueError:
        return False
    return True


def of_bytes(data: bytes, like: str = "sha256:") -> str:
    """The digest of ``data``, by the algorithm of the digest ``like``.

    >>> of_bytes(b"")
    'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    """
    algorithm = like.partition(":")[0]
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def short(digest: str) -> str:
    """The first 12 hexadecimal digits, to show to a person."""
    return digest.partition(":")[2][:12]


class Verifier:
    """Counts and hashes bytes as they go by; :meth:`finish` says whether they were the expected ones.

    It raises :class:`IntegrityError` as soon as more bytes than ``size`` (none: not known) have come, so a
    stranger can not fill the disk.
    """

    def __init__(self, digest: str, size: int | None, what: str) -> None:
        self._algorithm, self._digits = parse_digest(digest)
        self._hash: Any = hashlib.new(self._algorithm)
        self._size = size
        self._what = what
        self.count = 0

    def update(self, data: bytes) -> None:
        """Take the next bytes."""
        self.count += len(data)
        if self._size is not None and self.count > self._size:
            raise IntegrityError(f"{self._what} is larger than the {self._size} bytes that it should have")
        self._hash.update(data)

    def finish(self) -> None:
        """Raises :class:`IntegrityError` unless size and digest are as expected."""
        if self._size is not None and self.count != self._size:
            raise IntegrityError(f"{self._what} has {self.count} bytes instead of {self._size}")
        if self._hash.hexdigest() != self._digits:
            raise IntegrityError(
                f"{self._what} does not match its digest: expected {self._algorithm}:{self._digits}, "
                f"got {self._algorithm}:{self._hash.hexdigest()}",
                help="the copy is damaged or was tampered with: get it again",
            )


def verified(chunks: Iterable[bytes], digest: str, size: int | None, what: str) -> Iterator[bytes]:
    """``chunks`` unchanged, checked while they pass; the check of the whole comes after the last one."""
    verifier = Verifier(digest, size, what)
    for chunk in chunks:
        verifier.update(chunk)
        yield chunk
    verifier.finish()
