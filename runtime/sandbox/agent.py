"""An SSH agent's socket for a step: with the owner and mode asked for, connected to the user's own agent.

A step may list keys and have something signed. All else (adding and removing keys, locking, extensions) is
refused, as BuildKit does: the agent is the user's, and lives on after the build. The protocol is that of
draft-miller-ssh-agent: messages of a length (4 bytes, big-endian), a type (1 byte) and the rest.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading

__all__ = ["AgentProxy"]

_LIST_KEYS, _SIGN = b"\x0b", b"\x0d"
_ALLOWED = (_LIST_KEYS, _SIGN)
_FAILURE = b"\0\0\0\1\5"
_MOST = 256 * 1024  # bytes of a message, as in OpenSSH


class AgentProxy:
    """Listens at ``path`` and connects each caller with the socket ``target``, until it is closed."""

    def __init__(self, path: str, target: str, *, mode: int, uid: int, gid: int) -> None:
        self._target = target
        self._closing = False
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._server.bind(path)
            os.chown(path, uid, gid)
            os.chmod(path, mode)
            self._server.listen()
        except OSError:
            self._server.close()
            raise
        self._thread = threading.Thread(target=self._serve, name="layerc-ssh", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; connections end with their step."""
        self._closing = True
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.close()

    def _serve(self) -> None:
        while not self._closing:
            try:
                caller, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(caller,), name="layerc-ssh", daemon=True).start()

    def _connect(self, caller: socket.socket) -> None:
        with caller, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as agent, contextlib.suppress(OSError):
            agent.connect(self._target)
            while (request := _message(caller)) is not None:
                if request[:1] not in _ALLOWED:
                    caller.sendall(_FAILURE)
                    continue
                agent.sendall(_framed(request))
                answer = _message(agent)
                if answer is None:
                    return
                caller.sendall(_framed(answer))


def _framed(message: bytes) -> bytes:
    return len(message).to_bytes(4, "big") + message


def _message(source: socket.socket) -> bytes | None:
    """The next message, or none at the end or where something else than an agent or its client speaks."""
    size = int.from_bytes(_exactly(source, 4), "big")
    if not 0 < size <= _MOST:
        return None
    message = _exactly(source, size)
    return message if len(message) == size else None


def _exactly(source: socket.socket, size: int) -> bytes:
    """``size`` bytes, or fewer at the end."""
    data = bytearray()
    while len(data) < size and (more := source.recv(size - len(data))):
        data += more
    return bytes(data)
