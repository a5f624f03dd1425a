"""``--ssh``: the agents that steps and git may ask to sign, by id. Keys never enter a step, a layer or a log."""

from __future__ import annotations

import os
import stat
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING

from ..errors import InputError, UsageError
from .request import SshForward

if TYPE_CHECKING:
    from .key_agent import KeyAgent

__all__ = ["SshAgents"]

_MOST_KEY = 100 * 1024  # BuildKit's limit
_LOCKED_PEM = (b"ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED")
_OPENSSH = b"-----BEGIN OPENSSH PRIVATE KEY-----"
_MAGIC = b"openssh-key-v1\0"
_NO_CIPHER = b"\0\0\0\4none"


class SshAgents:
    """What was handed in with ``--ssh``. Threads may share it.

    Everything is checked at once; the agent that serves key files is started when somebody asks for it.
    Raises :class:`UsageError`, :class:`InputError`.
    """

    def __init__(self, forwarded: Sequence[SshForward], environ: Mapping[str, str] = os.environ) -> None:
        self._sockets: dict[str, str] = {}
        self._keys: dict[str, tuple[bytes, ...]] = {}
        self._names: dict[str, tuple[str, ...]] = {}
        self._running: list[KeyAgent] = []
        self._lock = Lock()
        for item in forwarded:
            if item.id in self._names:
                raise UsageError(f"--ssh {item.id} is there twice", help="give each agent an id of its own")
            self._names[item.id] = item.paths
            self._add(item, environ)

    def _add(self, item: SshForward, environ: Mapping[str, str]) -> None:
        paths = item.paths or (environ.get("SSH_AUTH_SOCK", ""),)
        if not paths[0]:
            raise InputError(
                f"--ssh {item.id}: no agent is running: SSH_AUTH_SOCK is not set",
                help=f"start one with eval $(ssh-agent) and ssh-add, or name a key: --ssh {item.id}=FILE",
            )
        sockets = [path for path in paths if _is_socket(path, item.id)]
        if not sockets:
            self._keys[item.id] = tuple(_read_key(path, item.id) for path in paths)
        elif len(paths) == 1:
            self._sockets[item.id] = paths[0]
        else:
            raise UsageError(
                f"--ssh {item.id}: an agent's socket stands alone: {sockets[0]}",
                help="give one socket, or key files, and a second id for what is left",
            )

    def socket(self, agent: str) -> str | None:
        """The socket of agent ``agent``; none if it was not handed in. Raises :class:`InputError` for a key
        that can not be used, :class:`EnvironmentLackError` where there is no ssh-agent to serve keys.
        """
        with self._lock:
            if agent in self._keys and agent not in self._sockets:
                # Imported here: most builds start no programs.
                from .key_agent import KeyAgent

                running = KeyAgent()
                self._running.append(running)
                for path, key in zip(self._names[agent], self._keys[agent], strict=True):
                    running.add(path, key)
                self._sockets[agent] = running.path
            return self._sockets.get(agent)

    def close(self) -> None:
        """End the agents that were started."""
        with self._lock:
            for agent in self._running:
                agent.close()
            self._running.clear()


def _is_socket(path: str, agent: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError as error:
        raise InputError(f"--ssh {agent}: can not read {path}: {error.strerror}") from error


def _read_key(path: str, agent: str) -> bytes:
    try:
        with open(path, "rb") as file:
            key = file.read(_MOST_KEY)
    except OSError as error:
        raise InputError(f"--ssh {agent}: can not read {path}: {error.strerror}") from error
    if b"PRIVATE KEY-----" not in key:
        raise InputError(
            f"--ssh {agent}: {path} is neither a private key nor an agent's socket",
            help="name the private key, not the .pub file beside it" if path.endswith(".pub") else None,
        )
    if _is_locked(key):
        raise InputError(
            f"--ssh {agent}: {path} is protected by a passphrase",
            help=f"load it into an agent with ssh-add {path}, and forward that: --ssh {agent}",
        )
    return key


def _is_locked(key: bytes) -> bool:
    if any(mark in key for mark in _LOCKED_PEM):
        return True
    _, found, body = key.partition(_OPENSSH)
    if not found:
        return False
    try:
        content = b64decode(b"".join(body.partition(b"-----END")[0].split()))
    except Base64Error:
        return False  # ssh-add says what is wrong with it
    return content.startswith(_MAGIC) and not content.startswith(_NO_CIPHER, len(_MAGIC))
