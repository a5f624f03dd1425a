"""Platforms: ``os[(version+features)]/architecture[/variant]``, read and matched as containerd does it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from ..errors import UsageError

__all__ = ["Platform", "host_platform", "parse_platform"]

_PART = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
_SYSTEM = re.compile(
    r"(?P<os>[A-Za-z0-9_-]+)(?:\((?P<version>[A-Za-z0-9_.%-]*)(?P<features>(?:\+[A-Za-z0-9_.%-]+)*)\))?",
    re.ASCII,
)
_SYSTEM_ALIASES = {"macos": "darwin"}
# Other names of an architecture, and the variant that the name implies (none: it says nothing of it).
_ARCHITECTURE_ALIASES: dict[str, tuple[str, str | None]] = {
    "i386": ("386", ""),
    "x86_64": ("amd64", None),
    "x86-64": ("amd64", None),
    "aarch64": ("arm64", None),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
_VARIANT_ALIASES = {
    ("amd64", "v1"): "",
    ("arm64", "8"): "",
    ("arm64", "v8"): "",
    ("arm64", "v8.0"): "",
    ("arm64", "9"): "v9",
    ("arm64", "9.0"): "v9",
    ("arm64", "v9.0"): "v9",
    ("arm", ""): "v7",
    ("arm", "7"): "v7",
    ("arm", "5"): "v5",
    ("arm", "6"): "v6",
    ("arm", "8"): "v8",
}
_ARCHITECTURES = frozenset(
    (
        *("386", "amd64", "amd64p32", "arm", "armbe", "arm64", "arm64be", "loong64", "riscv", "riscv64"),
        *("mips", "mipsle", "mips64", "mips64le", "mips64p32", "mips64p32le", "ppc", "ppc64", "ppc64le"),
        *("s390", "s390x", "sparc", "sparc64", "wasm"),
    )
)
_SYSTEMS = frozenset(
    (
        *(
            "aix",
            "android",
            "darwin",
            "dragonfly",
            "freebsd",
            "hurd",
            "illumos",
            "ios",
            "js",
            "linux",
            "nacl",
        ),
        *("netbsd", "openbsd", "plan9", "solaris", "windows", "zos"),
    )
)
_HELP = "write os/architecture[/variant], for example linux/arm64"


@dataclass(frozen=True, slots=True)
class Platform:
    """What an image runs on, as a document or a user says it; :meth:`normalized` gives the usual names."""

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""
    os_features: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def normalized(self) -> Platform:
        """The same platform under its usual names.

        >>> str(Platform("Linux", "aarch64", "v8").normalized())
        'linux/arm64'
        """
        system = self.os.lower()
        name, variant = self.architecture.lower(), self.variant.lower()
        name, implied = _ARCHITECTURE_ALIASES.get(name, (name, None))
        variant = variant if implied is None else implied
        return replace(
            self,
            os=_SYSTEM_ALIASES.get(system, system),
            architecture=name,
            variant=_VARIANT_ALIASES.get((name, variant), variant),
        )

    def accepted(self) -> Iterator[Platform]:
        """The platforms that an image may be for to run here, the best first.

        amd64 v3 takes v3, v2, plain amd64, then 386; arm v7 takes v7, v6, v5; arm64 takes older versions of
        arm64, then 32-bit arm from v8 down.
        """
        own = self.normalized()
        if own.architecture == "arm64":
            yield from (
                replace(own, variant=variant).normalized() for variant in _arm64_variants(own.variant)
            )
            own = replace(own, architecture="arm", variant="v8")
        yield own
        level = int(own.variant[1:]) if re.fullmatch(r"v[0-9]+", own.variant) else 0
        if own.architecture == "arm":
            yield from (replace(own, variant=f"v{older}") for older in range(level - 1, 4, -1))
        if own.architecture == "amd64":
            yield from (replace(own, variant=f"v{older}").normalized() for older in range(level - 1, 0, -1))
            yield replace(own, architecture="386", variant="")

    def rank(self, offered: Platform) -> int | None:
        """How well an image for ``offered`` fits here (0 is best), or none where it does not run."""
        wanted = offered.normalized()
        if not set(wanted.os_features) <= set(self.os_features):
            return None
        for rank, candidate in enumerate(self.accepted()):
            if _names(candidate) == _names(wanted):
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


def _names(platform: Platform) -> tuple[str, str, str]:
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
    """What ``--platform`` takes, normalised.

    A lone operating system or architecture gets this machine's other half. Raises :class:`UsageError`.

    >>> str(parse_platform("linux/x86_64"))
    'linux/amd64'
    """
    system, *rest = text.split("/")
    match = _SYSTEM.fullmatch(system)
    if match is None or len(rest) > 2 or not all(_PART.fullmatch(part) for part in rest):
        raise UsageError(f"not a platform: {text!r}", help=_HELP)
    features = tuple(sorted(unquote(feature) for feature in (match["features"] or "").split("+")[1:]))
    parsed = Platform(match["os"], "", "", unquote(match["version"] or ""), features).normalized()
    if rest:
        return replace(parsed, architecture=rest[0], variant="".join(rest[1:])).normalized()
    host = host_platform()
    if parsed.os in _SYSTEMS:
        return replace(parsed, architecture=host.architecture, variant=host.variant)
    named = Platform(host.os, system).normalized()
    if named.architecture not in _ARCHITECTURES:
        raise UsageError(
            f"{text!r} is neither an operating system nor an architecture that is known", help=_HELP
        )
    return named


def host_platform() -> Platform:
    """This machine's platform."""
    machine = os.uname()
    name = machine.machine.lower()
    if arm := re.fullmatch(r"armv([5-8]).*", name):
        return Platform(machine.sysname, "arm", f"v{arm[1]}").normalized()
    renamed = {"i486": "386", "i586": "386", "i686": "386", "loongarch64": "loong64"}
    return Platform(machine.sysname, renamed.get(name, name)).normalized()
