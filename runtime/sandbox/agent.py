"""An SSH agent's socket for a step: with the owner and mode asked for, connected to the user's own agent."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading

__all__ = ["AgentProxy"]

_CHUNK = 1 << 16


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
            _relay(caller, agent)


def _relay(one: socket.socket, other: socket.socket) -> None:
    """Copy both ways until either side ends."""
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in selector.select():
                source = key.fileobj
                assert isinstance(source, socket.socket)
                data = source.recv(_CHUNK)
                if not data:
                    return
                key.data.sendall(data)
