"""EXPOSE: the ports that a container listens on."""

from __future__ import annotations

import ipaddress
from typing import Final, Self

from ..gotext import format_list
from ..site import Site
from ..stage import Stage
from ..suggest import suggestion
from .command import Command

__all__ = ["Expose"]

_PROTOCOLS = ("tcp", "udp", "sctp")
_LAST_PORT = 65535
_HELP = f"a port from 0 to {_LAST_PORT}, or a range such as 8000-8010"


class Expose(Command):
    """``[ip:][host-port:]port[-port][/protocol]`` words, sorted; address and host port are checked only."""

    def __init__(self, site: Site, words: tuple[str, ...]) -> None:
        super().__init__(site)
        self.words: Final = words

    @classmethod
    def read(cls, site: Site) -> Self:
        """``EXPOSE port …``."""
        return cls(site, tuple(sorted(site.instruction.args)))

    def apply(self, stage: Stage) -> None:
        """Add the ports, one by one, to the image config."""
        specs = [spec for word in self.words for spec in stage.expand_words(self.site, word)]
        ports = [port for spec in specs for port in self._ports(stage, spec)]
        stage.collected.exposed_ports.update(ports)
        stage.record(f"EXPOSE {format_list(ports)}")

    def _ports(self, stage: Stage, spec: str) -> list[str]:
        address, host_ports, rest = _split(spec)
        ports, _, protocol = rest.partition("/")
        if not ports:
            raise self.site.error(f'invalid port: "{spec}": no port specified', help=_HELP, at=spec)
        if (protocol or "tcp").lower() not in _PROTOCOLS:
            raise self.site.error(
                f'invalid port: "{spec}": invalid proto: {protocol}',
                help=suggestion(protocol, _PROTOCOLS) or f"one of {', '.join(_PROTOCOLS)}",
                at=spec,
            )
        stage.checks.port_format(self.site, spec, protocol, plain=not (address or host_ports))
        self._check_address(address)
        first, last = self._range("containerPort", ports)
        if host_ports:
            host_first, host_last = self._range("hostPort", host_ports)
            if last != first and last - first != host_last - host_first:
                raise self.site.error(
                    f"invalid ranges specified for container and host Ports: {ports} and {host_ports}",
                    help="EXPOSE needs no host ports: drop them",
                    at=spec,
                )
        return [f"{port}/{(protocol or 'tcp').lower()}" for port in range(first, last + 1)]

    def _check_address(self, address: str) -> None:
        bare = address[1:-1] if address.startswith("[") and address.endswith("]") else address
        try:
            if bare:
                ipaddress.ip_address(bare)
        except ValueError:
            raise self.site.error(
                f"invalid IP address: {address}", help="EXPOSE needs no address: drop it", at=address
            ) from None

    def _range(self, what: str, text: str) -> tuple[int, int]:
        first, dash, last = text.partition("-")
        numbers = [_port(first), _port(last) if dash else _port(first)]
        if None in numbers or numbers != sorted(numbers, key=lambda number: number or 0):
            raise self.site.error(f"invalid {what}: {text}", help=_HELP, at=text)
        return numbers[0] or 0, numbers[1] or 0


def _split(spec: str) -> tuple[str, str, str]:
    parts = spec.rsplit(":", 2)
    address, host, port = ["", "", *parts][-3:]
    return address, host, port


def _port(text: str) -> int | None:
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()):
        return None
    value = int(text)
    return value if 0 <= value <= _LAST_PORT else None
