"""Access to one repository: answers a registry's challenge with Basic or a Bearer token.

Source: the distribution project's "Token Authentication Specification" and "OAuth2 Token Authentication".
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from ..errors import SourceError
from ..oci.documents import load_json
from .credentials import Credentials, Keychain
from .transport import Request, Settings, Transport

__all__ = ["Authorizer", "parse_challenges"]

_CLIENT = "layerc"
_TOKEN_SECONDS = 60
_MAX_ANSWER = 1 << 20
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'\s*({_WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_WORD}))\s*,?')
_SCHEME = re.compile(rf"\s*({_WORD})(?:\s+|$|,)")


def parse_challenges(header: str) -> list[tuple[str, dict[str, str]]]:
    """The challenges of a ``WWW-Authenticate`` header: scheme in lower case, parameters.

    >>> parse_challenges('Bearer realm="https://a/t",service="s", Basic realm=x')
    [('bearer', {'realm': 'https://a/t', 'service': 's'}), ('basic', {'realm': 'x'})]
    """
    found: list[tuple[str, dict[str, str]]] = []
    position = 0
    while position < len(header):
        if found and (match := _PARAMETER.match(header, position)):
            value = match[3] if match[2] is None else re.sub(r"\\(.)", r"\1", match[2])
            found[-1][1].setdefault(match[1].lower(), value)
        elif match := _SCHEME.match(header, position):
            found.append((match[1].lower(), {}))
        else:
            break
        position = match.end()
    return found


class Authorizer:
    """Gives the ``Authorization`` header for requests to one repository. Safe to use from several threads."""

    def __init__(
        self, transport: Transport, settings: Settings, keychain: Keychain, host: str, scope: str
    ) -> None:
        self._transport = transport
        self._settings = settings
        self._keychain = keychain
        self._host = host
        self._scope = scope
        self._lock = threading.Lock()
        self._header: str | None = None
        self._expires = 0.0

    def header(self) -> str | None:
        """What to send now, or none while nothing was asked of us."""
        with self._lock:
            return self._header if time.monotonic() < self._expires else None

    def answer(self, challenge: str, refused: str | None) -> str | None:
        """A header that answers ``challenge``, or none where we have nothing to answer with. ``refused`` is
        the header that was just sent in vain: when another thread got a new one meanwhile, it is given.

        Raises :class:`SourceError` where the token service refuses us.
        """
        with self._lock:
            if self._header is not None and self._header != refused and time.monotonic() < self._expires:
                return self._header
            self._header = None
            for scheme, parameters in sorted(parse_challenges(challenge), key=lambda one: one[0] != "bearer"):
                if scheme == "bearer" and "realm" in parameters:
                    self._header, seconds = self._token(parameters)
                    self._expires = time.monotonic() + seconds
                    return self._header
                if scheme == "basic" and (known := self._credentials()).username and known.basic() != refused:
                    self._header, self._expires = known.basic(), float("inf")
                    return self._header
            return None

    def help(self) -> str:
        """What a user can do when access was denied."""
        command = "docker login" if self._host.endswith("docker.io") else f"docker login {self._host}"
        login = f"log in with '{command}' if it is private"
        return "; ".join((login, *self._keychain.problems))

    def _credentials(self) -> Credentials:
        return self._keychain.find(self._host)

    def _token(self, parameters: Mapping[str, str]) -> tuple[str, float]:
        """Ask the token service that the registry names; header and life time in seconds."""
        realm = parameters["realm"]
        self._check_realm(realm)
        known = self._credentials()
        if known.registry_token:
            return f"Bearer {known.registry_token}", float("inf")
        scopes = sorted({self._scope, *parameters.get("scope", "").split()} - {""})
        fields = [("service", parameters["service"])] if "service" in parameters else []
        fields += [("scope", scope) for scope in scopes]
        request = self._token_request(realm, fields, known)
        with self._transport.send(request) as response:
            data = response.read_all(_MAX_ANSWER, "the answer of the token service")
            status = response.status
        if status != 200:
            who = f"as {known.username}" if known.username else "without a login"
            raise SourceError(
                f"{urlsplit(realm).netloc} refuses access to {self._scope.split(':')[1]} on {self._host} "
                f"{who} (HTTP {status})",
                help=self.help(),
            )
        answer = load_json(data, "the answer of the token service", _MAX_ANSWER)
        token = answer.get("token") or answer.get("access_token")
        if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
            raise SourceError(f"the token service {urlsplit(realm).netloc} gave no token")
        seconds = answer.get("expires_in")
        # A little earlier than it says: the clock runs while the token travels.
        return f"Bearer {token}", max(seconds if isinstance(seconds, int) else _TOKEN_SECONDS, 60) - 5

    @staticmethod
    def _token_request(realm: str, fields: list[tuple[str, str]], known: Credentials) -> Request:
        if known.identity_token:
            form = [
                ("grant_type", "refresh_token"),
                ("client_id", _CLIENT),
                ("refresh_token", known.identity_token),
                *((name, value) for name, value in fields if name != "scope"),
                ("scope", " ".join(value for name, value in fields if name == "scope")),
            ]
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            return Request("POST", realm, headers, urlencode(form).encode())
        if known.username:
            fields = [*fields, ("client_id", _CLIENT), ("account", known.username)]
        url = f"{realm}{'&' if urlsplit(realm).query else '?'}{urlencode(fields)}"
        return Request("GET", url, {"Authorization": known.basic()} if known.username else {})

    def _check_realm(self, realm: str) -> None:
        """A token service gets our password: it must be reached as safely as the registry itself."""
        parts = urlsplit(realm)
        safe = parts.scheme == "https" or (parts.scheme == "http" and self._settings.trusts(parts.netloc))
        if not safe or not parts.hostname:
            raise SourceError(
                f"{self._host} sends us to a token service without encryption: {realm[:200]}",
                help="add its host to LAYERC_INSECURE_REGISTRIES if you mean to trust it",
            )
