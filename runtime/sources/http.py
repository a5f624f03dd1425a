"""ADD of URLs: one file, kept in the store by its digest and asked for again with its ETag.

As BuildKit has it: the name is the last part of the URL's path, the mode 0600, the time of modification
what ``Last-Modified`` says, else 1970.
"""

from __future__ import annotations

import hashlib
import http
import json
import os
import posixpath
import threading
import time
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import BinaryIO
from urllib.parse import unquote, urlsplit, urlunsplit

from ...compiler.graph.operations import HttpFile
from ..errors import SourceError, UsageError
from ..events import Reporter, TaskFinished, TaskProgress, TaskStarted
from ..oci.digests import Verifier, parse_digest
from ..registry.transport import Request, Response, Settings, Transport
from ..snapshot.entry import Entry
from ..store.store import Store
from .tree import TreeBase

__all__ = ["HttpSource", "HttpTree", "file_name"]

UNNAMED = "__unnamed__"
_CHUNK = 1 << 18
_ATTEMPTS = 3
_KIND = "http"


@dataclass(frozen=True, slots=True)
class _Known:
    """What was downloaded from a URL before."""

    digest: str
    size: int
    mtime_ns: int
    etag: str


class HttpTree(TreeBase):
    """A tree with one downloaded file at its top."""

    def __init__(self, store: Store, name: str, digest: str, size: int, mtime_ns: int) -> None:
        self._store = store
        self._file = Entry(name, "file", 0o600, size=size, mtime_ns=mtime_ns, digest=digest)

    def lstat(self, path: str) -> Entry | None:
        """The entry at ``path``, or none."""
        if not path:
            return Entry("", "directory", 0o755, mtime_ns=self._file.mtime_ns)
        return self._file if path == self._file.path else None

    @property
    def time_ns(self) -> int:
        """When the file was modified, as its server says; 0 where it says nothing."""
        return self._file.mtime_ns

    def listdir(self, path: str) -> list[str]:
        """The file's name."""
        if path:
            raise NotADirectoryError(path) if path == self._file.path else FileNotFoundError(path)
        return [self._file.path]

    def digest(self, path: str) -> str:
        """Digest of the content of the file at ``path``."""
        self._check(path)
        return self._file.digest

    def open(self, path: str) -> BinaryIO:
        """The file at ``path``, for reading."""
        self._check(path)
        return self._store.blobs.open(self._file.digest)

    def _check(self, path: str) -> None:
        if path != self._file.path:
            raise FileNotFoundError(path)


class HttpSource:
    """Downloads files into a store; each URL at most once a build. Safe to use from several threads.

    ``authorization`` gives the ``Authorization`` header for a host, or none. ``check`` is called while bytes
    arrive and may raise, to cancel.
    """

    def __init__(
        self,
        store: Store,
        *,
        transport: Transport | None = None,
        authorization: Callable[[str], str | None] = lambda _: None,
        report: Reporter = lambda _: None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._transport = transport or Transport(Settings(), os.environ)
        self._authorization = authorization
        self._report = report
        self._check = check
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._fetched: dict[str, _Known] = {}

    def fetch(self, source: HttpFile, name: str = "") -> HttpTree:
        """The file at a URL, called ``name`` (default: as the URL says). Without a need for it the network is
        not asked: with a checksum, what is in the store already will do. Raises :class:`SourceError`,
        :class:`IntegrityError`.
        """
        url = source.url
        try:
            urlsplit(url)
        except ValueError as error:
            raise SourceError(f"the URL of a download is malformed: {error}") from error
        if source.checksum is not None:
            try:
                parse_digest(source.checksum)
            except ValueError as error:
                raise UsageError(
                    f"--checksum={source.checksum}: {error}", help="sha256:<64 digits>"
                ) from error
        with self._guard:
            lock = self._locks.setdefault(url, threading.Lock())
        with lock:
            known = self._fetched.get(url) or self._kept(url, source.checksum)
            if known is None:
                known = self._fetched[url] = self._fetch(url)
        self._verify(known, source)
        return HttpTree(self._store, name or file_name(url), known.digest, known.size, known.mtime_ns)

    def _kept(self, url: str, checksum: str | None) -> _Known | None:
        """What the store has, if it is what is asked for. It is not what the URL gives today."""
        known = None if checksum is None else self._load(url)
        return known if known is not None and known.digest == checksum else None

    def _fetch(self, url: str) -> _Known:
        known = self._load(url)
        task = f"{_KIND} {_record_key(url)}"
        started = time.monotonic()
        self._report(TaskStarted(task, f"download {shown(url)}"))
        for attempt in range(_ATTEMPTS):
            try:
                known = self._download(url, known, task)
                break
            except ConnectionError as error:
                if attempt == _ATTEMPTS - 1:
                    raise SourceError(f"the download of {shown(url)} broke off: {error}") from error
        assert known is not None  # the loop has set it, or raised
        self._save(url, known)
        self._report(TaskFinished(task, time.monotonic() - started, known.digest))
        return known

    def _download(self, url: str, known: _Known | None, task: str) -> _Known:
        with self._transport.send(self._request(url, known)) as response:
            etag = response.headers.get("ETag", "").removeprefix("W/")
            if known is not None and (response.status == 304 or (etag and etag == known.etag)):
                return known
            if not 200 <= response.status < 300:
                raise SourceError(
                    f"can not download {shown(url)}: the server answers {_status(response.status)}",
                    help=_advice(url, response.status),
                )
            modified = _mtime_ns(response.headers.get("Last-Modified", ""))
            total = response.headers.get("Content-Length", "")
            done = 0
            with self._store.blobs.writer() as writer:
                for chunk in _body(response):
                    self._check()
                    writer.write(chunk)
                    done += len(chunk)
                    self._report(TaskProgress(task, done, int(total) if total.isdecimal() else 0))
                digest = writer.commit()
            return _Known(digest, done, modified, etag)

    def _request(self, url: str, known: _Known | None) -> Request:
        parts = urlsplit(url)
        headers = {"Accept-Encoding": "identity"}
        if known is not None and known.etag:
            headers["If-None-Match"] = known.etag
        authorization = self._authorization(parts.hostname or "")
        if authorization is None and parts.username is not None:
            from urllib3 import make_headers

            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            authorization = make_headers(basic_auth=pair)["authorization"]
        if authorization is not None:
            headers["Authorization"] = authorization
        plain = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
        return Request("GET", plain, headers)

    def _verify(self, known: _Known, source: HttpFile) -> None:
        """Raises :class:`IntegrityError` where the content is not what ``--checksum`` says."""
        if source.checksum is None or source.checksum == known.digest:
            return
        verifier = Verifier(source.checksum, None, shown(source.url))
        with self._store.blobs.open(known.digest) as file:
            while chunk := file.read(_CHUNK):
                verifier.update(chunk)
        verifier.finish()

    # --- what is known of URLs -----------------------------------------------------------------------

    def _load(self, url: str) -> _Known | None:
        value = self._store.record(_KIND, _record_key(url))
        if value is None:
            return None
        known = _Known(**json.loads(value))
        return known if self._store.blobs.has(known.digest) else None

    def _save(self, url: str, known: _Known) -> None:
        fields = {"digest": known.digest, "size": known.size, "mtime_ns": known.mtime_ns, "etag": known.etag}
        self._store.add_record(_KIND, _record_key(url), json.dumps(fields).encode())


def file_name(url: str) -> str:
    """What a downloaded file is called.

    >>> file_name("https://example.com/a/b%20c.tgz?x=1"), file_name("https://example.com/")
    ('b c.tgz', '__unnamed__')
    """
    name = posixpath.basename(unquote(urlsplit(url).path).rstrip("/")).strip()
    if not name:
        return UNNAMED
    if name in {".", ".."} or any(unicodedata.category(char) == "Cc" for char in name):
        return "download"
    return name


def _advice(url: str, status: int) -> str | None:
    if status in {401, 403}:
        host = urlsplit(url).hostname
        return f"if it is private: layerc build --secret id=HTTP_AUTH_TOKEN_{host},env=VARIABLE"
    return "check the URL" if status in {404, 410} else None


def _record_key(url: str) -> str:
    """What the store knows a URL by. Credentials take no part, and a query, which may be a signature, can not be
    read back. Whoever asks, asks the server before what is kept is used, with the credentials of today.
    """
    parts = urlsplit(url)
    plain = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
    return hashlib.sha256(plain.encode("utf-8", "surrogateescape")).hexdigest()


def shown(url: str) -> str:
    """``url`` for a message: without credentials, and without a query, which may hold a signature."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _body(response: Response) -> Iterator[bytes]:
    """The content, decompressed if the server compressed it for the way. Raises ``ConnectionError``."""
    packed = response.headers.get("Content-Encoding", "").lower() in {"gzip", "x-gzip"}
    unpacker = zlib.decompressobj(31) if packed else None
    while chunk := response.read(_CHUNK):
        try:
            yield chunk if unpacker is None else unpacker.decompress(chunk)
        except zlib.error as error:
            raise ConnectionError(f"its compression is damaged: {error}") from error
    if unpacker is not None and not unpacker.eof:
        raise ConnectionError("its compressed content ends too early")


def _mtime_ns(text: str) -> int:
    try:
        return int(parsedate_to_datetime(text).timestamp()) * 1_000_000_000
    except (ValueError, TypeError, OverflowError):
        return 0


def _status(status: int) -> str:
    try:
        return f"{status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
