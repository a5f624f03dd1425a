"""Platforms: ``os/architecture[/variant]``, read as containerd does it."""

from __future__ import annotations

import re
from typing import NamedTuple, Self

from .suggest import suggestion

__all__ = ["Platform", "parse_platform"]

_OS = re.compile(r"([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%-]*)(?:\+[A-Za-z0-9_.%+-]*)?\))?", re.ASCII)
_PART = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
_SYSTEMS = frozenset(
    (
        *("aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js"),
        *("linux", "nacl", "netbsd", "openbsd", "plan9", "solaris", "windows", "zos"),
    )
)
_ARCHITECTURES = frozenset(
    (
        *("386", "amd64", "amd64p32", "arm", "armbe", "arm64", "arm64be", "loong64", "riscv", "riscv64"),
        *("mips", "mipsle", "mips64", "mips64le", "mips64p32", "mips64p32le", "ppc", "ppc64", "ppc64le"),
        *("s390", "s390x", "sparc", "sparc64", "wasm"),
    )
)
_IMPLIED = {"i386": ("386", ""), "armhf": ("arm", "v7"), "armel": ("arm", "v6")}
_ALIASES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64"}
_VARIANTS = {
    ("amd64", "v1"): "",
    ("arm64", "8"): "",
    ("arm64", "v8"): "",
    ("arm64", "v8.0"): "",
    ("arm64", "9"): "v9",
    ("arm64", "9.0"): "v9",
    ("arm64", "v9.0"): "v9",
    ("arm", ""): "v7",
    ("arm", "5"): "v5",
    ("arm", "6"): "v6",
    ("arm", "7"): "v7",
    ("arm", "8"): "v8",
}


class Platform(NamedTuple):
    """An operating system, a processor architecture and its variant; ``os_features`` (Windows has them) are what
    an image asks of its system.
    """

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""
    os_features: tuple[str, ...] = ()

    def __str__(self) -> str:
        version = f"({self.os_version})" if self.os_version else ""
        return "/".join(part for part in (self.os + version, self.architecture, self.variant) if part)

    def normalized(self) -> Self:
        """The same platform under its usual names: ``linux/aarch64/v8`` is ``linux/arm64``."""
        system = "darwin" if self.os.lower() == "macos" else self.os.lower()
        architecture, variant = _architecture(self.architecture, self.variant)
        return self._replace(os=system, architecture=architecture, variant=variant)


def _architecture(name: str, variant: str) -> tuple[str, str]:
    name, variant = name.lower(), variant.lower()
    if name in _IMPLIED:
        return _IMPLIED[name]
    name = _ALIASES.get(name, name)
    return name, _VARIANTS.get((name, variant), variant)


def parse_platform(text: str, local: Platform) -> Platform:
    """Read ``text``; what it leaves out is that of ``local``. Raises ``ValueError``.

    >>> str(parse_platform("arm64", Platform("linux", "amd64")))
    'linux/arm64'
    """
    parts = text.split("/")
    if len(parts) > 3:
        raise ValueError(f"{text!r} has more than three parts")
    system = _OS.fullmatch(parts[0])
    if system is None or not all(_PART.fullmatch(part) for part in parts[1:]):
        raise ValueError(f"{text!r} has a part that is no name" if text else "it is empty")
    os_name = Platform(system[1], "").normalized().os
    version = system[2] or ""
    if len(parts) == 1:
        if os_name in _SYSTEMS:
            return Platform(os_name, local.architecture, local.variant, version)
        architecture, variant = _architecture(parts[0], "")
        if architecture not in _ARCHITECTURES:
            like = suggestion(text, sorted(_SYSTEMS | _ARCHITECTURES))
            hint = f"; {like}" if like else ""
            raise ValueError(f"{text!r}: unknown operating system or architecture{hint}")
        return Platform(local.os, architecture, "" if (architecture, variant) == ("arm", "v7") else variant)
    architecture, variant = _architecture(parts[1], parts[2] if len(parts) == 3 else "")
    if len(parts) == 2 and (architecture, variant) == ("arm", "v7"):
        variant = ""
    if len(parts) == 3 and architecture == "arm64" and not variant:
        variant = "v8"
    return Platform(os_name, architecture, variant, version)
