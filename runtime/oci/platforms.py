"""Platforms: ``os/architecture[/variant]``, normalised and matched as containerd does it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError

__all__ = ["Platform", "host_platform", "parse_platform"]

_PART = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
_OS_ALIASES = {"macos": "darwin"}
# Other names of an architecture: (name, variant); a variant of none keeps the one given.
_ARCHITECTURE_ALIASES: dict[str, tuple[str, str | None]] = {
    "i386": ("386", ""),
    "x86_64": ("amd64", None),
    "x86-64": ("amd64", None),
    "aarch64": ("arm64", None),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
    "powerpc64le": ("ppc64le", None),
    "loongarch64": ("loong64", None),
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
    "386 amd64 amd64p32 arm armbe arm64 arm64be loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le "
    "ppc ppc64 ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm".split()
)
_SYSTEMS = frozenset(
    "aix android darwin dragonfly freebsd illumos ios js linux netbsd openbsd plan9 solaris wasip1 windows "
    "zos".split()
)


@dataclass(frozen=True, slots=True)
class Platform:
    """What an image runs on. Build with :func:`parse_platform` or :meth:`normalized`."""

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
        variant = _VARIANT_ALIASES.get((name, variant), variant)
        return Platform(_OS_ALIASES.get(system, system), name, variant, self.os_version, self.os_features)

    def matching_order(self) -> tuple[Platform, ...]:
        """The platforms that an image may be for to run here, the best first.

        An arm v7 machine takes v7, v6 and v5; an amd64 v3 machine takes v3, v2 and plain amd64; an arm64
        machine takes arm64, then 32-bit arm from v8 down (as containerd's "only" matcher says).
        """
        own = self.normalized()
        found = [own]
        if own.architecture == "amd64" and (level := _level(own.variant)) > 1:
            found += [_variant(own, f"v{n}") for n in range(level - 1, 1, -1)] + [_variant(own, "")]
        if own.architecture == "arm" and (level := _level(own.variant)) > 5:
            found += [_variant(own, f"v{n}") for n in range(level - 1, 4, -1)]
        if own.architecture == "arm64":
            if own.variant:
                found += [_variant(own, "")]
            found += [Platform(own.os, "arm", f"v{n}", own.os_version) for n in range(8, 4, -1)]
        if own.os == "linux" and own.architecture == "amd64":
            found += [Platform(own.os, "386", "", own.os_version)]
        return tuple(found)

    def accepts(self, other: Platform) -> int | None:
        """How well an image for ``other`` fits (0 is best), or none where it does not run here."""
        offered = other.normalized()
        for rank, wanted in enumerate(self.matching_order()):
            same = (wanted.os, wanted.architecture, wanted.variant)
            if same == (offered.os, offered.architecture, offered.variant):
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
        texts = [document.get(key, "") for key in ("os", "architecture", "variant", "os.version")]
        features = document.get("os.features") or []
        if not isinstance(features, list) or not all(isinstance(text, str) for text in (*texts, *features)):
            raise ValueError("a platform's fields must be strings")
        return cls(*texts, tuple(features))


def _level(variant: str) -> int:
    """``v3`` → 3; anything else is 0."""
    return int(variant[1:]) if re.fullmatch(r"v[0-9]", variant) else 0


def _variant(platform: Platform, variant: str) -> Platform:
    return Platform(platform.os, platform.architecture, variant, platform.os_version)


def parse_platform(text: str) -> Platform:
    """``os[/architecture[/variant]]`` or a bare architecture, as ``--platform`` takes it, normalised.

    What is not given is this machine's. Raises :class:`UsageError`.

    >>> parse_platform("linux/x86_64")
    Platform(os='linux', architecture='amd64', variant='', os_version='', os_features=())
    """
    parts = text.strip().split("/")
    parts[0], version = _split_version(parts[0])
    if len(parts) > 3 or not all(_PART.fullmatch(part) for part in parts):
        raise UsageError(
            f"not a platform: {text!r}", help="write os/architecture[/variant], for example linux/arm64"
        )
    if len(parts) > 1:
        return Platform(parts[0], parts[1], parts[2] if len(parts) == 3 else "", version).normalized()
    host = host_platform()
    system = parts[0].lower()
    if _OS_ALIASES.get(system, system) in _SYSTEMS:
        variant = host.variant if host.architecture != "arm" or host.variant != "v7" else ""
        return Platform(system, host.architecture, variant, version).normalized()
    named = Platform(host.os, parts[0]).normalized()
    if named.architecture not in _ARCHITECTURES:
        raise UsageError(
            f"{text!r} is neither an operating system nor an architecture that is known",
            help="write os/architecture[/variant], for example linux/arm64",
        )
    return named


def _split_version(text: str) -> tuple[str, str]:
    """``windows(10.0.17763)`` → system and its version."""
    match = re.fullmatch(r"([A-Za-z0-9_.-]+)\(([A-Za-z0-9_.-]*)\)", text, re.ASCII)
    return (match[1], match[2]) if match else (text, "")


def host_platform() -> Platform:
    """This machine's platform."""
    system = os.uname()
    machine = system.machine.lower()
    arm = re.fullmatch(r"armv([5-8]).*", machine)
    if arm:
        return Platform(system.sysname, "arm", f"v{min(int(arm[1]), 7)}").normalized()
    if re.fullmatch(r"i[3-6]86", machine):
        machine = "386"
    return Platform(system.sysname, machine).normalized()
