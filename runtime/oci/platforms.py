"""Platforms of documents and of this machine: to and from JSON, and which image runs where.

Names and their normal form are the compiler's; matching is that of containerd's "only" comparer.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ...compiler import platforms as names
from ..errors import UsageError

__all__ = ["Platform", "host_platform", "parse_platform"]


class Platform(names.Platform):
    """What an image runs on, as a document or a user says it; ``normalized`` gives the usual names.

    >>> str(Platform("Linux", "aarch64", "v8").normalized())
    'linux/arm64'
    """

    __slots__ = ()

    def accepted(self) -> Iterator[Platform]:
        """The platforms that an image may be for to run here, the best first.

        amd64 v3 takes v3, v2, plain amd64, then 386; arm v7 takes v7, v6, v5; arm64 takes older versions of
        arm64, then 32-bit arm from v8 down.
        """
        own = self.normalized()
        if own.architecture == "arm64":
            yield from (
                own._replace(variant=variant).normalized() for variant in _arm64_variants(own.variant)
            )
            own = own._replace(architecture="arm", variant="v8")
        yield own
        level = int(own.variant[1:]) if re.fullmatch(r"v[0-9]{1,2}", own.variant) else 0
        if own.architecture == "arm":
            yield from (own._replace(variant=f"v{older}") for older in range(level - 1, 4, -1))
        if own.architecture == "amd64":
            yield from (own._replace(variant=f"v{older}").normalized() for older in range(level - 1, 0, -1))
            yield own._replace(architecture="386", variant="")

    def rank(self, offered: Platform) -> int | None:
        """How well an image for ``offered`` fits here (0 is best), or none where it does not run."""
        wanted = offered.normalized()
        if not set(wanted.os_features) <= set(self.os_features):
            return None
        for rank, candidate in enumerate(self.accepted()):
            if _triple(candidate) == _triple(wanted):
                return rank
        return None

    def to_document(self) -> dict[str, Any]:
        """The OCI platform object."""
        document: dict[str, Any] = {"architecture": self.architecture, "os": self.os}
        if self.os_version:
            document["os.version"] = self.os_version
        if self.os_features:
            document["os.features"] = list(self.os_features)
        if self.variant:
            document["variant"] = self.variant
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Platform:
        """Read an OCI platform object (of an index or a config); raises ``ValueError`` where it is none."""
        system, architecture, variant, version = (
            document.get(key) or "" for key in ("os", "architecture", "variant", "os.version")
        )
        features = document.get("os.features") or []
        texts = (system, architecture, variant, version)
        if not isinstance(features, list) or not all(isinstance(text, str) for text in (*texts, *features)):
            raise ValueError("a platform's fields must be strings")
        return cls(system, architecture, variant, version, tuple(features))


def _triple(platform: Platform) -> tuple[str, str, str]:
    return platform.os, platform.architecture, platform.variant


def _arm64_variants(variant: str) -> list[str]:
    """``variant`` and what it can run: v9.x includes v9 and v8 up to v8.(x + 5)."""
    match = re.fullmatch(r"v([89])(?:\.([0-9]))?", variant or "v8")
    if match is None:
        return [variant]
    major, minor = int(match[1]), int(match[2] or 0)
    nines = [f"v9.{older}" for older in range(minor, -1, -1)] if major == 9 else []
    eights = range(minor + 5 if major == 9 else minor, -1, -1)
    return nines + [f"v8.{older}" for older in eights]


def parse_platform(text: str) -> Platform:
    """What ``--platform`` takes, normalised; the half that it leaves out is this machine's.

    Raises :class:`UsageError`.

    >>> str(parse_platform("linux/x86_64"))
    'linux/amd64'
    """
    try:
        parsed = names.parse_platform(text, host_platform())
    except ValueError as error:
        raise UsageError(
            f"not a platform: {error}", help="write os/architecture[/variant], for example linux/arm64"
        ) from None
    return Platform(parsed.os, parsed.architecture, parsed.variant, parsed.os_version).normalized()


def host_platform() -> Platform:
    """This machine's platform."""
    machine = os.uname()
    name = machine.machine.lower()
    if arm := re.fullmatch(r"armv([5-8]).*", name):
        return Platform(machine.sysname, "arm", f"v{arm[1]}").normalized()
    renamed = {"i486": "386", "i586": "386", "i686": "386", "loongarch64": "loong64"}
    return Platform(machine.sysname, renamed.get(name, name)).normalized()
