"""The image config as a frozen value, to and from the OCI document.

Source: OCI image spec, "Image Configuration"; the fields that Docker adds (Healthcheck, OnBuild, Shell,
ArgsEscaped) are those of moby/docker-image-spec.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

__all__ = ["Collections", "Healthcheck", "HistoryItem", "ImageConfig", "rfc3339"]

Pairs = tuple[tuple[str, str], ...]


class Healthcheck(NamedTuple):
    """``HEALTHCHECK``: ``test`` as in the document (``["NONE"]``, ``["CMD", …]``, ``["CMD-SHELL", …]``);
    durations in nanoseconds, zero where not given.
    """

    test: tuple[str, ...]
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


class HistoryItem(NamedTuple):
    """One line of an image's history. ``created`` (RFC 3339) is none until the image is assembled."""

    created_by: str = ""
    empty_layer: bool = False
    comment: str = ""
    author: str = ""
    created: str | None = None


class ImageConfig(NamedTuple):
    """What ``docker inspect`` shows under Config, and the platform.

    ``env`` keeps its order. ``cmd``, ``entrypoint`` and ``shell`` are none where unset. ``extra`` holds the
    fields of a base image's documents that we do not know, as JSON texts by name, so that they survive.
    """

    architecture: str = ""
    os: str = "linux"
    variant: str = ""
    os_version: str = ""
    author: str = ""
    env: Pairs = ()
    user: str = ""
    workdir: str = ""
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    shell: tuple[str, ...] | None = None
    labels: Pairs = ()
    exposed_ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    healthcheck: Healthcheck | None = None
    stop_signal: str = ""
    onbuild: tuple[str, ...] = ()
    args_escaped: bool = False
    extra: Pairs = ()
    extra_top: Pairs = ()

    def with_(self, **changes: Any) -> Self:
        """A copy with ``changes``."""
        return self._replace(**changes)

    def to_document(self) -> dict[str, Any]:
        """The OCI document without ``rootfs``, ``history`` and ``created``; absent where empty."""
        fields: dict[str, Any] = {
            "User": self.user,
            "ExposedPorts": {port: {} for port in sorted(self.exposed_ports)},
            "Env": [f"{key}={value}" for key, value in self.env],
            "Healthcheck": None if self.healthcheck is None else _healthcheck_document(self.healthcheck),
            "ArgsEscaped": self.args_escaped,
            "Volumes": {volume: {} for volume in sorted(self.volumes)},
            "WorkingDir": self.workdir,
            "OnBuild": list(self.onbuild),
            "Labels": dict(sorted(self.labels)),
            "StopSignal": self.stop_signal,
        }
        # An empty list differs from an absent one here: `CMD []` unsets what a base image says.
        unsettable = {"Entrypoint": self.entrypoint, "Cmd": self.cmd, "Shell": self.shell}
        config = {key: json.loads(value) for key, value in self.extra}
        config |= {key: value for key, value in fields.items() if value}
        config |= {key: list(value) for key, value in unsettable.items() if value is not None}
        top = {"variant": self.variant, "os.version": self.os_version, "author": self.author}
        document: dict[str, Any] = {key: json.loads(value) for key, value in self.extra_top}
        document |= {"architecture": self.architecture, "os": self.os, "config": config}
        return document | {key: value for key, value in top.items() if value}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> ImageConfig:
        """Read an OCI or Docker config document; what it lacks is empty."""
        config = dict(document.get("config") or {})
        top = {key: value for key, value in document.items() if key not in _KNOWN_TOP}
        return cls(
            architecture=document.get("architecture", ""),
            os=document.get("os", "linux"),
            variant=document.get("variant", ""),
            os_version=document.get("os.version", ""),
            author=document.get("author", ""),
            env=tuple(_split_env(item) for item in config.pop("Env", None) or ()),
            user=config.pop("User", "") or "",
            workdir=config.pop("WorkingDir", "") or "",
            entrypoint=_maybe_tuple(config.pop("Entrypoint", None)),
            cmd=_maybe_tuple(config.pop("Cmd", None)),
            shell=_maybe_tuple(config.pop("Shell", None)),
            labels=tuple(sorted((config.pop("Labels", None) or {}).items())),
            exposed_ports=tuple(sorted(config.pop("ExposedPorts", None) or ())),
            volumes=tuple(sorted(config.pop("Volumes", None) or ())),
            healthcheck=_healthcheck(config.pop("Healthcheck", None)),
            stop_signal=config.pop("StopSignal", "") or "",
            onbuild=tuple(config.pop("OnBuild", None) or ()),
            args_escaped=bool(config.pop("ArgsEscaped", False)),
            extra=_json_pairs(config),
            extra_top=_json_pairs(top),
        )


class Collections(NamedTuple):
    """The parts of a config that grow line by line, while they grow: N lines cost N."""

    env: dict[str, str]
    labels: dict[str, str]
    exposed_ports: set[str]
    volumes: set[str]
    onbuild: list[str]

    @classmethod
    def of(cls, config: ImageConfig) -> Self:
        """Those of ``config``."""
        return cls(
            dict(config.env),
            dict(config.labels),
            set(config.exposed_ports),
            set(config.volumes),
            list(config.onbuild),
        )

    def copy(self) -> Self:
        """The same values, to grow on their own."""
        return type(self)(
            self.env.copy(),
            self.labels.copy(),
            self.exposed_ports.copy(),
            self.volumes.copy(),
            self.onbuild.copy(),
        )

    def into(self, config: ImageConfig) -> ImageConfig:
        """``config`` with these."""
        return config.with_(
            env=tuple(self.env.items()),
            labels=tuple(sorted(self.labels.items())),
            exposed_ports=tuple(sorted(self.exposed_ports)),
            volumes=tuple(sorted(self.volumes)),
            onbuild=tuple(self.onbuild),
        )


_KNOWN_TOP = frozenset(
    ("architecture", "os", "variant", "os.version", "author", "config", "rootfs", "history", "created")
)
_HEALTH_FIELDS = (
    ("Interval", "interval"),
    ("Timeout", "timeout"),
    ("StartPeriod", "start_period"),
    ("StartInterval", "start_interval"),
    ("Retries", "retries"),
)


def rfc3339(seconds: float) -> str:
    """A Unix time as the image spec writes it (RFC 3339, UTC). Raises ``ValueError`` beyond the years 1 to 9999."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, OSError) as error:
        raise ValueError(f"{seconds} is out of range: {error}") from error


def _json_pairs(values: Mapping[str, Any]) -> Pairs:
    return tuple((key, json.dumps(values[key], sort_keys=True)) for key in sorted(values))


def _maybe_tuple(value: list[str] | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(value)


def _split_env(item: str) -> tuple[str, str]:
    key, _, value = item.partition("=")
    return key, value


def _healthcheck(value: Mapping[str, Any] | None) -> Healthcheck | None:
    if not value:
        return None
    fields = {ours: int(value.get(theirs, 0)) for theirs, ours in _HEALTH_FIELDS}
    return Healthcheck(tuple(value.get("Test") or ()), **fields)


def _healthcheck_document(check: Healthcheck) -> dict[str, Any]:
    document: dict[str, Any] = {"Test": list(check.test)} if check.test else {}
    return document | {
        theirs: getattr(check, ours) for theirs, ours in _HEALTH_FIELDS if getattr(check, ours)
    }
