"""Is this JSON object an image config? Source: OCI image spec, "Image Configuration", and its JSON Schema.

Checked by code instead of a schema engine: it runs on every base image, before anything in it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import SourceError
from .digests import is_digest

__all__ = ["check_config"]

Check = Callable[[Any], bool]


def check_config(document: Mapping[str, Any], what: str) -> None:
    """Raises :class:`SourceError` with the first field that is wrong; absent fields and null are fine where
    the specification lets them be absent.
    """
    for required in ("architecture", "os"):
        if not isinstance(document.get(required), str) or not document[required]:
            raise SourceError(f"{what} does not say its {required}")
    rootfs = document.get("rootfs")
    if not isinstance(rootfs, Mapping) or rootfs.get("type") != "layers":
        raise SourceError(f"{what} has no rootfs of type layers")
    diff_ids = rootfs.get("diff_ids") or []
    if not _texts(diff_ids) or not all(is_digest(diff_id) for diff_id in diff_ids):
        raise SourceError(f"{what} has a list of diff IDs that are not digests")
    _check_fields(document, _TOP, what)
    _check_fields(document.get("config") or {}, _CONFIG, what)
    healthcheck = (document.get("config") or {}).get("Healthcheck") or {}
    _check_fields(healthcheck, _HEALTHCHECK, what)
    history = document.get("history") or []
    for item in history:
        _check_fields(item, _HISTORY, what)


def _check_fields(document: Mapping[str, Any], checks: Mapping[str, Check], what: str) -> None:
    for key, check in checks.items():
        value = document.get(key)
        if value is not None and not check(value):
            raise SourceError(f"{what} is malformed: the value of {key} has the wrong type")


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _text_map(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(item, str) for item in value.values())


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, Mapping) for item in value)


_TOP: dict[str, Check] = {
    "created": _text,
    "author": _text,
    "variant": _text,
    "os.version": _text,
    "os.features": _texts,
    "config": _object,
    "history": _objects,
}
_CONFIG: dict[str, Check] = {
    "User": _text,
    "ExposedPorts": _object,
    "Env": _texts,
    "Entrypoint": _texts,
    "Cmd": _texts,
    "Volumes": _object,
    "WorkingDir": _text,
    "Labels": _text_map,
    "StopSignal": _text,
    "Healthcheck": _object,
    "ArgsEscaped": _flag,
    "OnBuild": _texts,
    "Shell": _texts,
}
_HEALTHCHECK: dict[str, Check] = {
    "Test": _texts,
    "Interval": _integer,
    "Timeout": _integer,
    "StartPeriod": _integer,
    "StartInterval": _integer,
    "Retries": _integer,
}
_HISTORY: dict[str, Check] = {
    "created": _text,
    "created_by": _text,
    "author": _text,
    "comment": _text,
    "empty_layer": _flag,
}
