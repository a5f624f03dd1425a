"""``/etc/hosts`` and ``/etc/resolv.conf`` as a step sees them."""

from __future__ import annotations

from collections.abc import Iterable

from .process import Pairs

__all__ = ["HOSTNAME", "hosts", "resolver"]

HOSTNAME = "buildkitsandbox"  # BuildKit's: files that a step makes may hold it

_LOOPBACK = "127.0.0.1"
_DEFAULT_SERVERS = ("8.8.8.8", "8.8.4.4", "2001:4860:4860::8888", "2001:4860:4860::8844")


def hosts(extra: Pairs, hostname: str = "") -> bytes:
    """The hosts file, with ``extra`` (name, address) at its end. The address ``host-gateway`` is that of the
    machine: its own loopback, for a step with a network shares the machine's.
    """
    lines = [f"127.0.0.1\tlocalhost {hostname or HOSTNAME}", "::1\tlocalhost ip6-localhost ip6-loopback"]
    lines += [f"{_LOOPBACK if address == 'host-gateway' else address}\t{name}" for name, address in extra]
    return "".join(f"{line}\n" for line in lines).encode()


def resolver(host: str, *, host_network: bool) -> bytes:
    """The resolver's configuration, made of the machine's own (``host``).

    Without the host's network its loopback servers can not be reached and are left out; where none is left,
    public ones stand in.
    """
    lines = [line.split() for line in host.splitlines() if line.strip() and line[0] not in "#;"]
    servers = [words[1] for words in lines if words[0] == "nameserver" and len(words) > 1]
    if not host_network:
        servers = [server for server in servers if not _is_loopback(server)]
    rest = [" ".join(words) for words in lines if words[0] != "nameserver"]
    return _text([*(f"nameserver {server}" for server in servers or _DEFAULT_SERVERS), *rest])


def _is_loopback(server: str) -> bool:
    return server.startswith("127.") or server.partition("%")[0] == "::1"


def _text(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
