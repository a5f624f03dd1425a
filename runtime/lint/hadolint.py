"""hadolint's config, read as it is: ``.hadolint.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...compiler.lint.rule import Severity
from ...compiler.lint.settings import Choice, Settings
from ...compiler.suggest import suggestion
from .config import LintConfig, label_schema

__all__ = ["read_hadolint"]

_KEYS = (
    *("failure-threshold", "format", "formats", "ignored", "label-schema", "no-color", "no-fail", "override"),
    *("strict-labels", "disable-ignore-pragma", "trustedRegistries", "verbose"),
)
#: hadolint's names of formats that we call otherwise.
_FORMATS = {"codeclimate": "gitlab", "gitlab_codeclimate": "gitlab", "gnu": "tty", "tty": "tty"}
_ANY = ("ignore", "none")


def read_hadolint(path: str, data: bytes) -> LintConfig:  # noqa: ARG001  # the shape of all readers
    """The same in our terms. Raises ``ValueError``."""
    table = _document(data)
    for key in table:
        if key not in _KEYS:
            meant = suggestion(str(key), _KEYS)
            raise ValueError(f"unknown key {key!r}{f'; {meant}' if meant else ''}")
    override = table.get("override") or {}
    if not isinstance(override, dict):
        raise ValueError("override is no mapping")
    severity = {word: Severity.of(str(level)) for level in override for word in _list(override, level)}
    choice = Choice(
        ignore=_list(table, "ignored"), severity=severity, pragmas=not _switch(table, "disable-ignore-pragma")
    )
    schema = table.get("label-schema") or {}
    if not isinstance(schema, dict):
        raise ValueError("label-schema is no mapping")
    settings = Settings(
        _list(table, "trustedRegistries"),
        label_schema({str(label): str(kind).lower() for label, kind in schema.items()}),
        _switch(table, "strict-labels"),
    )
    formats = (*_list(table, "formats"), *_list(table, "format"))
    return LintConfig(
        choice,
        settings,
        None if _switch(table, "no-fail") else _threshold(table.get("failure-threshold")),
        _FORMATS.get(formats[-1], formats[-1]) if formats else "",
        False if _switch(table, "no-color") else None,
    )


def _document(data: bytes) -> Mapping[str, Any]:
    import yaml

    try:
        document = yaml.safe_load(data)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ValueError("it is no mapping")
    return document


def _threshold(value: Any) -> Severity:
    """hadolint fails at ``ignore`` and ``none`` for whatever it reports."""
    if value is None:
        return Severity.INFO
    return Severity.STYLE if value in _ANY else Severity.of(str(value))


def _list(table: Mapping[Any, Any], key: Any) -> tuple[str, ...]:
    """A list of texts; one text stands for a list of one."""
    value = table.get(key)
    if value is None:
        return ()
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in items):
        raise ValueError(f"{key} is no list of texts")
    return tuple(items)


def _switch(table: Mapping[str, Any], key: str) -> bool:
    value = table.get(key)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise ValueError(f"{key} is neither true nor false")
    return value
