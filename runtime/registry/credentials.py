"""Who we are at a registry: the user's Docker configuration.

Read as the docker command does: ``$DOCKER_CONFIG/config.json`` (else ``~/.docker/config.json``), with the
credential programs that it names (``credHelpers`` for one host, ``credsStore`` for all) before ``auths``.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import SourceError
from ..oci.documents import load_json

__all__ = ["Credentials", "Keychain"]

_HUB_KEY = "https://index.docker.io/v1/"
_HUB_HOSTS = ("docker.io", "index.docker.io", "registry-1.docker.io")
_HELPER_SECONDS = 60
# What a credential program prints when it works and knows nothing.
_NOT_FOUND = "credentials not found in native keychain"
_TOKEN_USER = "<token>"  # noqa: S105 - the user name that marks a token, not a password


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a password, or an identity token that is exchanged for access, or a ready access token.

    Its ``repr`` shows no secret.
    """

    username: str = ""
    password: str = ""
    identity_token: str = ""
    registry_token: str = ""

    def __repr__(self) -> str:
        return f"Credentials(username={self.username!r}, …)"

    def __bool__(self) -> bool:
        return bool(self.username or self.identity_token or self.registry_token)

    def basic(self) -> str:
        """The value of an ``Authorization`` header."""
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


class Keychain:
    """Credentials by host. The configuration is read when the first registry asks who we are.

    ``problems`` collects what kept us from reading credentials: a missing program must not stop a pull that
    needs none, but belongs into the message when access is denied.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._config: dict[str, Any] | None = None
        self.problems: list[str] = []

    def find(self, host: str) -> Credentials:
        """Credentials for ``host`` (with its port); empty ones where there are none.

        Raises :class:`SourceError` for a configuration that is no JSON object.
        """
        config = self._load()
        key = _HUB_KEY if host in _HUB_HOSTS else host
        helper = _text(_object(config, "credHelpers").get(key)) or _text(config.get("credsStore"))
        if helper and (found := self._ask(helper, key)):
            return found
        return _from_file(_object(config, "auths"), key)

    def _load(self) -> dict[str, Any]:
        if self._config is None:
            directory = self._environ.get("DOCKER_CONFIG") or os.path.join(self._home(), ".docker")
            path = os.path.join(directory, "config.json")
            try:
                with open(path, "rb") as file:
                    self._config = load_json(file.read(), path)
            except FileNotFoundError:
                self._config = {}
            except OSError as error:
                self.problems.append(f"can not read {path}: {error.strerror}")
                self._config = {}
        return self._config

    def _home(self) -> str:
        return self._environ.get("HOME") or os.path.expanduser("~")

    def _ask(self, helper: str, key: str) -> Credentials:
        """Run ``docker-credential-<helper> get``."""
        program = f"docker-credential-{helper}"
        if os.sep in helper:
            self.problems.append(f"{helper!r} is not the name of a credential program")
            return Credentials()
        try:
            answer = subprocess.run(
                [program, "get"],
                input=key.encode(),
                capture_output=True,
                timeout=_HELPER_SECONDS,
                check=False,
                env=dict(self._environ),
            )
        except FileNotFoundError:
            self.problems.append(f"the Docker configuration names {program}, which is not installed")
            return Credentials()
        except (OSError, subprocess.TimeoutExpired) as error:
            self.problems.append(f"{program} could not be run: {error}")
            return Credentials()
        if answer.returncode != 0:
            said = (answer.stdout or answer.stderr).decode(errors="replace").strip()
            if _NOT_FOUND not in said:
                self.problems.append(f"{program} failed: {said[:200]}")
            return Credentials()
        return self._read_answer(program, answer.stdout)

    def _read_answer(self, program: str, output: bytes) -> Credentials:
        try:
            answer = json.loads(output)
            user, secret = answer["Username"], answer["Secret"]
        except (ValueError, KeyError, TypeError):
            self.problems.append(f"{program} gave an answer that can not be read")
            return Credentials()
        if user == _TOKEN_USER:
            return Credentials(identity_token=secret)
        return Credentials(user, secret)


def _object(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = config.get(key)
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _from_file(auths: Mapping[str, Any], key: str) -> Credentials:
    """The entry for ``key``; entries are also found by their host alone (``https://host/v1/``)."""
    entry = auths.get(key)
    if not isinstance(entry, Mapping):
        host = _host_of(key)
        entry = next((auths[other] for other in auths if _host_of(other) == host), None)
    if not isinstance(entry, Mapping):
        return Credentials()
    user, password = _text(entry.get("username")), _text(entry.get("password"))
    if auth := _text(entry.get("auth")):
        user, password = _decode(auth)
    return Credentials(user, password, _text(entry.get("identitytoken")), _text(entry.get("registrytoken")))


def _host_of(key: str) -> str:
    return key.removeprefix("https://").removeprefix("http://").partition("/")[0]


def _decode(auth: str) -> tuple[str, str]:
    try:
        user, colon, password = base64.b64decode(auth, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        colon = ""
    if not colon:
        raise SourceError(
            "the Docker configuration has an entry in auths that can not be read",
            help="log in again with 'docker login'",
        )
    return user, password.rstrip("\0")
