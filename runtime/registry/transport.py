"""HTTP to one registry: TLS, retries, redirects and proxies. Knows nothing of images."""

from __future__ import annotations

import glob
import ipaddress
import os
import ssl
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urljoin, urlsplit

from ..errors import SourceError

if TYPE_CHECKING:
    import urllib3

__all__ = ["Request", "Response", "Settings", "Transport", "is_loopback", "origin"]

_ATTEMPTS = 5
_FIRST_WAIT = 0.25
_LONGEST_WAIT = 30.0
_REDIRECTS = 10
_RETRIED = frozenset((408, 429, 500, 502, 503, 504))
_REDIRECT = frozenset((301, 302, 303, 307, 308))
_SAFE = frozenset(("GET", "HEAD"))


@dataclass(frozen=True, slots=True)
class Settings:
    """How registries are reached. ``insecure`` are hosts (with port) whose certificate is not verified and
    that may speak plain HTTP; loopback addresses always may. ``certificates`` is a directory of directories,
    one a host, with ``*.crt`` (authorities) and ``*.cert`` with ``*.key`` (ours), as Docker has it.
    """

    insecure: frozenset[str] = frozenset()
    certificates: str = "/etc/docker/certs.d"
    connect_seconds: float = 15.0
    read_seconds: float = 60.0
    user_agent: str = "layerc"
    wait: Callable[[float], None] = time.sleep

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """``LAYERC_INSECURE_REGISTRIES`` is a list of hosts, separated by commas."""
        names = environ.get("LAYERC_INSECURE_REGISTRIES", "").split(",")
        return cls(insecure=frozenset(name.strip() for name in names if name.strip()))

    def trusts(self, host: str) -> bool:
        """Whether ``host`` may do without TLS."""
        return host in self.insecure or is_loopback(host)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``body`` is bytes, so that it can be sent again."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None


class Response:
    """An answer whose body is read piece by piece. Use as a context manager."""

    def __init__(self, inner: urllib3.BaseHTTPResponse, url: str) -> None:
        self._inner = inner
        self.url = url
        self.status = inner.status
        self.headers: Mapping[str, str] = inner.headers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; empty at the end. Raises ``OSError`` where the connection breaks."""
        import urllib3

        try:
            return self._inner.read(size, decode_content=False)
        except urllib3.exceptions.HTTPError as error:
            raise ConnectionError(str(error)) from error

    def read_all(self, limit: int, what: str) -> bytes:
        """The whole body. Raises :class:`SourceError` where it has more than ``limit`` bytes."""
        data = bytearray()
        while chunk := self.read(1 << 16):
            data += chunk
            if len(data) > limit:
                raise SourceError(f"{what} is too large; at most {limit} bytes are accepted")
        return bytes(data)

    def close(self) -> None:
        """Give the connection back where its answer was read, else cut it."""
        if self._inner.closed:
            self._inner.release_conn()
        else:
            self._inner.close()


class Transport:
    """Sends requests. One for a build; safe to use from several threads."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._proxies = _proxies(environ)
        self._no_proxy = {"no": environ.get("no_proxy") or environ.get("NO_PROXY") or ""}
        self._pools: dict[tuple[str, str], urllib3.PoolManager] = {}
        self._schemes: dict[str, str] = {}

    def send(self, request: Request) -> Response:
        """The answer, whatever its status; redirects are followed, and failures that may pass are tried
        again. An ``Authorization`` header never follows a redirect to another host, port or scheme.

        Raises :class:`SourceError` where there is no answer.
        """
        headers = {"User-Agent": self._settings.user_agent, **request.headers}
        current = Request(request.method, request.url, headers, request.body)
        for _ in range(_REDIRECTS):
            response = self._retry(current)
            target = response.headers.get("Location")
            if response.status not in _REDIRECT or target is None or request.method not in _SAFE:
                return response
            response.close()
            current = self._redirected(current, response.url, target)
        raise SourceError(f"{_shown(request.url)} redirects more than {_REDIRECTS} times")

    def _redirected(self, request: Request, answered: str, location: str) -> Request:
        url = urljoin(answered, location)
        old, new = urlsplit(answered), urlsplit(url)
        if new.scheme not in ("https", "http") or not new.hostname:
            raise SourceError(f"{_shown(request.url)} redirects to {_shown(url)}, which is no web address")
        if new.scheme == "http" and old.scheme == "https" and not self._settings.trusts(new.netloc):
            raise SourceError(
                f"{_shown(request.url)} redirects from HTTPS to unencrypted {_shown(url)}",
                help="add the host to LAYERC_INSECURE_REGISTRIES if you mean to trust it",
            )
        headers = dict(request.headers)
        if origin(url) != origin(answered):
            headers = {key: value for key, value in headers.items() if key.lower() != "authorization"}
        return Request(request.method, url, headers, request.body)

    def _retry(self, request: Request) -> Response:
        wait = _FIRST_WAIT
        for attempt in range(1, _ATTEMPTS + 1):
            last = attempt == _ATTEMPTS
            try:
                response = self._once(request)
            except _BrokenError as error:
                if last:
                    raise SourceError(f"no answer from {_shown(request.url)}: {error}", help=_HELP) from error
            else:
                if last or response.status not in _RETRIED:
                    return response
                wait = max(wait, _retry_after(response.headers))
                response.close()
            self._settings.wait(min(wait, _LONGEST_WAIT))
            wait *= 2
        raise AssertionError("the last attempt returns or raises")

    def _once(self, request: Request) -> Response:
        """One try. For a host that may do without TLS, both ways are tried once, and the one that it
        understands is kept: plain HTTP first on loopback addresses, HTTPS first elsewhere, as BuildKit does.
        """
        host = urlsplit(request.url).netloc
        if not self._settings.trusts(host):
            return self._exchange(request)
        if known := self._schemes.get(host):
            return self._exchange(_with_scheme(request, known))
        first, second = ("http", "https") if is_loopback(host) else ("https", "http")
        try:
            response = self._exchange(_with_scheme(request, first))
        except (_UnsafeError, _BrokenError):
            response = self._exchange(_with_scheme(request, second))
        else:
            if response.status == 400 and first == "http":  # how Go's servers answer HTTP on a TLS port
                response.close()
                response = self._exchange(_with_scheme(request, second))
        self._schemes[host] = urlsplit(response.url).scheme
        return response

    def _exchange(self, request: Request) -> Response:
        import urllib3

        try:
            answer = self._pool(request.url).urlopen(
                request.method,
                request.url,
                headers=request.headers,
                body=request.body,
                preload_content=False,
                decode_content=False,
                redirect=False,
                retries=False,
            )
        except urllib3.exceptions.SSLError as error:
            raise self._unsafe(request.url, error) from error
        except urllib3.exceptions.ConnectTimeoutError as error:  # also refused connections and unknown names
            raise SourceError(
                f"can not connect to {_shown(request.url)}: {_reason(error)}", help=_HELP
            ) from error
        except (urllib3.exceptions.ProxyError, urllib3.exceptions.LocationValueError) as error:
            raise SourceError(f"can not reach {_shown(request.url)}: {_reason(error)}", help=_HELP) from error
        except urllib3.exceptions.HTTPError as error:
            raise _BrokenError(_reason(error)) from error
        return Response(answer, request.url)

    def _unsafe(self, url: str, error: Exception) -> SourceError:
        host = urlsplit(url).netloc
        return _UnsafeError(
            f"the connection to {host} is not safe: {error.args[0]}",
            help=f"put the certificate of its authority into {self._settings.certificates}/{host}/, "
            "or add the host to LAYERC_INSECURE_REGISTRIES if you mean to trust it unseen",
        )

    def _pool(self, url: str) -> urllib3.PoolManager:
        parts = urlsplit(url)
        key = (parts.scheme, parts.netloc)
        if key not in self._pools:
            self._pools[key] = self._new_pool(parts.scheme, parts.netloc, parts.hostname or "")
        return self._pools[key]

    def _new_pool(self, scheme: str, host: str, name: str) -> urllib3.PoolManager:
        import urllib3

        timeout = urllib3.Timeout(connect=self._settings.connect_seconds, read=self._settings.read_seconds)
        context = self._tls(host) if scheme == "https" else None
        proxy = self._proxies.get(scheme)
        if proxy and not is_loopback(host) and not self._bypasses(name, host):
            user = urlsplit(proxy)
            pair = f"{unquote(user.username)}:{unquote(user.password or '')}" if user.username else None
            ours = urllib3.make_headers(proxy_basic_auth=pair)
            return urllib3.ProxyManager(
                proxy, timeout=timeout, maxsize=8, ssl_context=context, proxy_headers=ours
            )
        return urllib3.PoolManager(timeout=timeout, maxsize=8, ssl_context=context)

    def _bypasses(self, name: str, host: str) -> bool:
        bypass = urllib.request.proxy_bypass_environment  # type: ignore[attr-defined]
        return bool(bypass(host, self._no_proxy) or bypass(name, self._no_proxy))

    def _tls(self, host: str) -> ssl.SSLContext:
        import urllib3

        context = ssl.create_default_context()
        directory = os.path.join(self._settings.certificates, host)
        try:
            for authority in sorted(glob.glob(os.path.join(glob.escape(directory), "*.crt"))):
                context.load_verify_locations(cafile=authority)
            for ours in sorted(glob.glob(os.path.join(glob.escape(directory), "*.cert"))):
                context.load_cert_chain(ours, f"{ours.removesuffix('.cert')}.key")
        except (OSError, ssl.SSLError) as error:
            raise SourceError(f"a certificate in {directory} can not be used: {error}") from error
        if self._settings.trusts(host):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            # The user asked for it; the library would warn at every request.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        return context


class _BrokenError(ConnectionError):
    """The connection was made and broke."""


class _UnsafeError(SourceError):
    """No safe connection could be made."""


_HELP = "check the name and the network; HTTP_PROXY, HTTPS_PROXY and NO_PROXY are honoured"


def is_loopback(host: str) -> bool:
    """Whether ``host`` (with or without a port) is this machine.

    >>> is_loopback("127.0.0.1:5000"), is_loopback("[::1]:80"), is_loopback("example.com")
    (True, True, False)
    """
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _with_scheme(request: Request, scheme: str) -> Request:
    url = f"{scheme}:{request.url.partition(':')[2]}"
    return Request(request.method, url, request.headers, request.body)


def _shown(url: str) -> str:
    """A URL for a message: queries may hold signatures, so they are left out."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _reason(error: Exception) -> str:
    """The innermost cause, without the library's wrapping."""
    text = str(error)
    return text.rpartition(">: ")[2] or type(error).__name__


def _retry_after(headers: Mapping[str, str]) -> float:
    value = headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else 0.0


def _proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """The proxy of each scheme. ``HTTP_PROXY`` in capitals is ignored inside a CGI program, as elsewhere."""
    found: dict[str, str] = {}
    for scheme in ("http", "https"):
        upper = "" if scheme == "http" and "REQUEST_METHOD" in environ else f"{scheme.upper()}_PROXY"
        proxy = environ.get(f"{scheme}_proxy") or environ.get(upper) or environ.get("all_proxy") or ""
        if proxy:
            found[scheme] = proxy if "://" in proxy else f"http://{proxy}"
    return found
