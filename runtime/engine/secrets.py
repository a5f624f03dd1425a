"""Values of secrets: read when they are needed, kept nowhere."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..errors import InputError
from .request import Secret

__all__ = ["Credentials", "secret_value"]

_MOST = 500 * 1024  # BuildKit's limit


def secret_value(secret: Secret) -> bytes:
    """Raises :class:`InputError` where its file or variable can not be read."""
    if secret.env:
        value = os.environb.get(os.fsencode(secret.env))
        if value is None:
            raise InputError(f"secret {secret.id!r}: the environment has no {secret.env}")
        return value
    try:
        with open(secret.source, "rb") as file:
            return file.read(_MOST + 1)[:_MOST]
    except OSError as error:
        raise InputError(f"secret {secret.id!r}: can not read {secret.source}: {error.strerror}") from error


class Credentials:
    """``Authorization`` headers that secrets of a build give for servers, by the names that BuildKit knows:
    ``GIT_AUTH_HEADER`` and ``GIT_AUTH_TOKEN``, either also with ``.HOST``, and ``HTTP_AUTH_HEADER_HOST`` and
    ``HTTP_AUTH_TOKEN_HOST``. All methods raise :class:`InputError` for a secret that can not be read.
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._secrets = {secret.id: secret for secret in secrets}

    def git(self, remote: str) -> str | None:
        """The header for a git remote, or none. What is for its host comes first; the port is part of it."""
        # Imported here: most builds ask no git server.
        from base64 import b64encode
        from urllib.parse import urlsplit

        host = urlsplit(remote).netloc.rpartition("@")[2]
        for suffix in (f".{host}", ""):
            header = self._text(f"GIT_AUTH_HEADER{suffix}")
            if header is not None:
                return header
            token = self._text(f"GIT_AUTH_TOKEN{suffix}")
            if token is not None:
                pair = f"x-access-token:{token}".encode("utf-8", "surrogateescape")
                return f"basic {b64encode(pair).decode()}"
        return None

    def http(self, host: str) -> str | None:
        """The header for a host (without its port), or none. Where both are given the token counts."""
        token = self._text(f"HTTP_AUTH_TOKEN_{host}")
        return self._text(f"HTTP_AUTH_HEADER_{host}") if token is None else f"Bearer {token}"

    def _text(self, name: str) -> str | None:
        """The secret's value in one line: a file's last line end is no part of it."""
        secret = self._secrets.get(name)
        if secret is None:
            return None
        text = secret_value(secret).decode("utf-8", "surrogateescape").rstrip("\r\n")
        if "\n" in text or "\r" in text or "\0" in text:
            raise InputError(
                f"secret {name!r} has more than one line", help="it is sent in one line of a request"
            )
        return text
