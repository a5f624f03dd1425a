"""Registries on loopback: Debian's docker-registry, and small servers that misbehave as they are told."""

import base64
import contextlib
import json
import os
import socket
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

# User anna, password secret.
HTPASSWD = "anna:$2b$04$FN9Kr3vdOstNgbaUTSdJMeCFzspZ636pmhnUunQ6Ii5FnL3ylm1ra"


@dataclass(frozen=True)
class Seen:
    """A request that came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """What to send back. ``cut``: after so many bytes of the body the connection is cut."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None


class Scripted:
    """An HTTP server whose answers a function decides; it keeps what it saw."""

    def __init__(self, answer: Callable[[Seen], Answer]) -> None:
        self.seen: list[Seen] = []
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                seen = Seen(self.command, self.path, dict(self.headers), body)
                script.seen.append(seen)
                reply = answer(seen)
                self.send_response(reply.status)
                for key, value in reply.headers.items():
                    self.send_header(key, value)
                if "Content-Length" not in reply.headers:
                    self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(reply.body[: reply.cut])
                if reply.cut is not None:
                    self.wfile.flush()
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True

            do_GET = do_HEAD = do_POST = handle_one  # noqa: N815  # the names that the library calls

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def docker_registry(directory: Path, extra: str = "", http: str = "") -> Iterator[str]:
    """Debian's registry, with its data in ``directory``; its host and port."""
    port = free_port()
    config = directory / "config.yml"
    config.write_text(
        "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {directory}/data}}, delete: {{enabled: true}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}', {http}}}\n{extra}"
    )
    with open(directory / "log", "wb") as log:
        words = ["docker-registry", "serve", str(config)]
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL", "REGISTRY"))}
        process = subprocess.Popen(words, stdout=log, stderr=log, env=clean)
    try:
        for _ in range(500):
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                break
            assert process.poll() is None, (directory / "log").read_text()
            time.sleep(0.02)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TokenService:
    """A token service that a registry trusts: signs what it is asked for, for anna with her password."""

    def __init__(self, directory: Path, name: str = "tokens") -> None:
        self.key, self.certificate = directory / "key.pem", directory / "cert.pem"
        self.refresh = "the-identity-token"
        words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        words += ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
        words += ["-keyout", str(self.key), "-out", str(self.certificate)]
        subprocess.run(words, check=True, capture_output=True)

    def answer(self, seen: Seen) -> Answer:
        """As the specification of token authentication has it."""
        if seen.method == "POST":
            query = urllib.parse.parse_qs(seen.body.decode())
            allowed = query.get("refresh_token") == [self.refresh]
        else:
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(seen.path).query)
            basic = f"Basic {base64.b64encode(b'anna:secret').decode()}"
            allowed = seen.headers.get("Authorization") == basic
        if not allowed:
            return Answer(401)
        access = []
        for scope in query.get("scope", []):
            kind, name, actions = scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        token = self._sign({"access": access, "aud": "registry", "iss": "tokens", "sub": "anna"})
        return Answer(200, json.dumps({"token": token, "expires_in": 300}).encode())

    def _sign(self, claims: dict[str, object]) -> str:
        lines = self.certificate.read_text().splitlines()
        header = {"typ": "JWT", "alg": "RS256", "x5c": ["".join(lines[1:-1])]}
        now = int(time.time())
        claims = {**claims, "iat": now, "nbf": now - 10, "exp": now + 300, "jti": os.urandom(8).hex()}
        text = ".".join(b64(json.dumps(part).encode()) for part in (header, claims))
        words = ["openssl", "dgst", "-sha256", "-sign", str(self.key)]
        signature = subprocess.run(words, input=text.encode(), check=True, capture_output=True).stdout
        return f"{text}.{b64(signature)}"


class Tunnel:
    """A proxy that leads every ``CONNECT`` to one place, whatever it asks for."""

    def __init__(self, target: str) -> None:
        self.target = (target.partition(":")[0], int(target.partition(":")[2]))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        self.threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for one in self.sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        for one in self.sockets:
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                head = b""
                while b"\r\n\r\n" not in head:
                    head += near.recv(4096)
                near.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                far = socket.create_connection(self.target)
                self.sockets += [near, far]
                for pair in ((near, far), (far, near)):
                    self.threads.append(threading.Thread(target=self._pump, args=pair, daemon=True))
                    self.threads[-1].start()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
