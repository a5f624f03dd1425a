"""One repository of a registry. Source: OCI distribution spec, "Pull"."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping

from ..errors import IntegrityError, SourceError
from ..oci import media_types
from ..oci.descriptor import Descriptor
from ..oci.digests import is_digest, of_bytes
from ..oci.documents import MAX_DOCUMENT, load_json, read_document
from ..store import Store
from .auth import Authorizer
from .credentials import Keychain
from .references import Reference
from .transport import Request, Response, Settings, Transport

__all__ = ["NotFoundError", "Repository"]

_ACCEPT = ", ".join(media_types.MANIFESTS + media_types.INDEXES)
_CHUNK = 1 << 18
# How often in a row a download may break without a single new byte.
_BREAKS = 5
_WAIT = 0.5


class NotFoundError(SourceError):
    """The registry answered, and has no such thing."""


class Repository:
    """What a reference names on its registry; no other registry is ever asked. Safe for several threads.

    ``actions`` is what access is asked for: ``pull``, or ``pull,push``.
    """

    def __init__(
        self,
        reference: Reference,
        settings: Settings | None = None,
        environ: Mapping[str, str] | None = None,
        *,
        actions: str = "pull",
    ) -> None:
        environ = os.environ if environ is None else environ
        self._settings = settings or Settings.from_environment(environ)
        self._reference = reference
        self._transport = Transport(self._settings, environ)
        self._authorizer = Authorizer(
            self._transport,
            self._settings,
            Keychain(environ),
            reference.host,
            f"repository:{reference.path}:{actions}",
        )

    def send(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Response:
        """Send a request to ``/v2/<repository>/<path>``, with access if it is asked for. Any status."""
        url = f"https://{self._reference.host}/v2/{self._reference.path}/{path}"
        sent = self._authorizer.header()
        response = self._send(method, url, headers, body, sent)
        if response.status == 401:
            challenge = response.headers.get("WWW-Authenticate", "")
            response.close()
            answer = self._authorizer.answer(challenge, sent)
            if answer is None:
                raise self._denied(401)
            response = self._send(method, url, headers, body, answer)
        return response

    def _send(
        self, method: str, url: str, headers: Mapping[str, str] | None, body: bytes | None, access: str | None
    ) -> Response:
        extra = {"Authorization": access} if access else {}
        return self._transport.send(Request(method, url, {**(headers or {}), **extra}, body))

    def head(self, version: str) -> Descriptor | None:
        """What the tag or digest ``version`` names, without fetching it; none where the registry does not
        say enough. Raises :class:`NotFoundError`, :class:`SourceError`.
        """
        with self.send("HEAD", f"manifests/{version}", {"Accept": _ACCEPT}) as response:
            if response.status in (401, 403):
                raise self._denied(response.status)
            if response.status == 404:
                raise self._missing(version)
            digest = response.headers.get("Docker-Content-Digest", "")
            size = response.headers.get("Content-Length", "")
            media_type = _media_type(response)
        known = media_type in media_types.MANIFESTS + media_types.INDEXES
        if response.status != 200 or not is_digest(digest) or not size.isdigit() or not known:
            return None
        return Descriptor(media_type, digest, int(size))

    def manifest(self, version: str) -> tuple[Descriptor, bytes]:
        """The document that the tag or digest ``version`` names, verified, and its descriptor.

        Raises :class:`NotFoundError`, :class:`IntegrityError`, :class:`SourceError`.
        """
        what = f"the manifest of {self._named(version)}"
        with self.send("GET", f"manifests/{version}", {"Accept": _ACCEPT}) as response:
            if response.status == 404:
                raise self._missing(version)
            data = self._body(response, what, MAX_DOCUMENT)
            told = response.headers.get("Docker-Content-Digest", "")
            media_type = _media_type(response)
        expected = version if is_digest(version) else told
        if is_digest(expected) and of_bytes(data, expected) != expected:
            raise IntegrityError(
                f"{what} does not match its digest: expected {expected}, got {of_bytes(data, expected)}",
                help=f"{self._reference.host}, or a proxy on the way, serves something else",
            )
        if media_type not in media_types.MANIFESTS + media_types.INDEXES:
            media_type = ""
        document = read_document(data, what, media_type)
        digest = expected if is_digest(expected) else of_bytes(data)
        return Descriptor(document.media_type, digest, len(data)), data

    def blob(self, descriptor: Descriptor, start: int = 0) -> Iterator[bytes]:
        """The bytes of a blob from ``start`` on, **not** verified. A broken connection is taken up where it
        broke. Raises :class:`SourceError`, :class:`IntegrityError` where there is more than there should be.
        """
        position, breaks = start, 0
        while position < descriptor.size:
            before = position
            try:
                with self._open(descriptor, position) as response:
                    for chunk in _chunks(response, _skipped(response, position)):
                        position += len(chunk)
                        if position > descriptor.size:
                            raise IntegrityError(f"blob {descriptor.digest} is larger than it should be")
                        yield chunk
            except ConnectionError as error:
                breaks = 1 if position > before else breaks + 1
                if breaks >= _BREAKS:
                    raise SourceError(f"downloading {descriptor.digest} broke off: {error}") from error
                self._settings.wait(_WAIT * breaks)
            else:
                if position < descriptor.size:
                    raise IntegrityError(
                        f"blob {descriptor.digest} has {position} bytes instead of {descriptor.size}"
                    )

    def fetch(self, store: Store, descriptor: Descriptor, advance: Callable[[int], None]) -> None:
        """Bring a blob into the store, unless it is there. ``advance`` hears how many bytes have come.

        Of several that want it at once, in this or other processes, one does it.
        """
        if store.blobs.has(descriptor.digest):
            return
        with store.lock(f"blob {descriptor.digest}"):
            if store.blobs.has(descriptor.digest):
                return
            with store.blobs.writer(descriptor.digest, descriptor.size) as writer:
                for chunk in self.blob(descriptor):
                    writer.write(chunk)
                    advance(len(chunk))
                writer.commit()

    def _open(self, descriptor: Descriptor, start: int) -> Response:
        headers = {"Range": f"bytes={start}-{descriptor.size - 1}"} if start else {}
        response = self.send("GET", f"blobs/{descriptor.digest}", headers)
        if response.status in (200, 206):
            return response
        with response:
            if response.status == 404:
                raise NotFoundError(
                    f"{self._reference.host} lost blob {descriptor.digest} of {self._reference}"
                )
            self._body(response, f"blob {descriptor.digest}", MAX_DOCUMENT)
        raise SourceError(f"{self._reference.host} answers HTTP {response.status} to a request for a blob")

    def _body(self, response: Response, what: str, limit: int) -> bytes:
        """The body of an answer that went well. Raises :class:`SourceError` for any other."""
        if response.status in (401, 403):
            raise self._denied(response.status)
        try:
            data = response.read_all(limit, what)
        except ConnectionError as error:
            raise SourceError(f"{what} could not be read: {error}") from error
        if response.status != 200:
            raise SourceError(
                f"{self._reference.host} answers HTTP {response.status} for {what}{_told(data)}"
            )
        return data

    def _denied(self, status: int) -> SourceError:
        return SourceError(
            f"{self._reference.host} denies access to {self._reference.familiar} (HTTP {status}): "
            "it does not exist, or it needs a login",
            help=self._authorizer.help(),
        )

    def _missing(self, version: str) -> NotFoundError:
        return NotFoundError(f"{self._reference.host} has no {self._named(version)}")

    def _named(self, version: str) -> str:
        return f"{self._reference.path}{'@' if is_digest(version) else ':'}{version}"


def _media_type(response: Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip()


def _skipped(response: Response, position: int) -> int:
    """How many bytes come that we have: all, where the registry does not know ranges."""
    if response.status == 200:
        return position
    told = response.headers.get("Content-Range", "")
    if not told.startswith(f"bytes {position}-"):
        raise SourceError(f"the registry sends another range than was asked for: {told[:60]!r}")
    return 0


def _chunks(response: Response, skip: int) -> Iterator[bytes]:
    while chunk := response.read(_CHUNK):
        if skip >= len(chunk):
            skip -= len(chunk)
        else:
            yield chunk[skip:]
            skip = 0


def _told(data: bytes) -> str:
    """The registry's own words, if it has some."""
    try:
        errors = load_json(data, "the answer").get("errors")
        first = errors[0] if isinstance(errors, list) and errors else {}
        message = first.get("message") if isinstance(first, dict) else None
    except SourceError:
        message = None
    return f": {str(message)[:200]}" if message else ""
