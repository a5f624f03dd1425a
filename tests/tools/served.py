"""Things that builds fetch, served on this machine: files over HTTP, git repositories with git's own daemon."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

__all__ = ["WHEN", "Web", "git", "serve_git", "serve_web"]

WHEN = 1_234_567_890  # when commits are made
_ENVIRON = {
    "PATH": os.environ["PATH"],
    "HOME": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_AUTHOR_DATE": f"{WHEN} +0000",
    "GIT_COMMITTER_DATE": f"{WHEN} +0000",
}


def git(directory: Path, *arguments: str | Path) -> str:
    """What ``git`` prints, run in ``directory`` with nobody's configuration."""
    settings = ["-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always"]
    done = subprocess.run(
        ["git", *settings, *map(str, arguments)],
        cwd=directory,
        env=_ENVIRON,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@contextmanager
def serve_git(directory: Path) -> Iterator[str]:
    """The URL below which ``git daemon`` serves the repositories in ``directory``."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [
        "git",
        "daemon",
        "--export-all",
        "--reuseaddr",
        f"--base-path={directory}",
        "--listen=127.0.0.1",
    ]
    daemon = subprocess.Popen(
        [*command, f"--port={port}", directory], env=_ENVIRON, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(100):
            with socket.socket() as client:
                if not client.connect_ex(("127.0.0.1", port)):
                    break
            time.sleep(0.05)
        yield f"git://127.0.0.1:{port}"
    finally:
        daemon.terminate()
        daemon.wait()


@dataclass
class Web:
    """A server: its ``url``; ``requests`` are the method, path, ``Authorization`` and status of each request."""

    url: str
    requests: list[tuple[str, str, str, int]] = field(default_factory=list)


@contextmanager
def serve_web(directory: Path, required: str = "") -> Iterator[Web]:
    """Serve the files in ``directory`` with ETags. What begins with ``/private/`` is only given to requests
    with ``required`` as their ``Authorization``.
    """
    web = Web("")
    handler = type("Handler", (_Handler,), {"root": directory, "web": web, "required": required})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    web.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    root: ClassVar[Path]
    web: ClassVar[Web]
    required: ClassVar[str]

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        file = self.root / path.lstrip("/")
        given = self.headers.get("Authorization", "")
        status, content, etag = 404, b"", ""
        if path.startswith("/private/") and given != self.required:
            status = 401
        elif file.is_file():
            content = file.read_bytes()
            etag = f'"{hashlib.sha256(content).hexdigest()}"'
            status = 304 if self.headers.get("If-None-Match") == etag else 200
        self.web.requests.append((self.command, path, given, status))
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="test"')
        if etag:
            self.send_header("ETag", etag)
        body = content if status == 200 else b""
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Nothing: the requests are in ``web``."""
