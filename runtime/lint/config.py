"""What a file is linted with: the nearest config, and what the command line adds.

In each directory from the file's upwards, the first of these counts, alone: ``.layerc.toml`` (table ``lint``),
``pyproject.toml`` (if it has ``[tool.layerc.lint]``), ``.hadolint.yaml`` and ``.hadolint.yml`` (as they are).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ...compiler.lint.rule import Severity
from ...compiler.lint.settings import Choice, Settings
from ...compiler.suggest import suggestion
from ..errors import InputError

__all__ = ["Configs", "LintConfig", "load_config", "read_settings"]

_LARGEST = 1 << 20
_NEVER = "never"


class LintConfig(NamedTuple):
    """``fail_level`` is the least severity that makes the command fail (none: nothing does). ``exclude`` are
    patterns of paths below ``root``, the config's directory. ``format`` and ``baseline`` are empty where unset.
    """

    choice: Choice = Choice()
    settings: Settings = Settings()
    fail_level: Severity | None = Severity.INFO
    format: str = ""
    colour: bool | None = None
    exclude: tuple[str, ...] = ()
    baseline: str = ""
    path: str = ""

    @property
    def root(self) -> str:
        """The directory of the config file."""
        return os.path.dirname(self.path)


class Configs:
    """Finds the config of each directory, and reads each once. ``fixed`` stands for all of them."""

    def __init__(self, fixed: LintConfig | None = None) -> None:
        self._fixed = fixed
        self._known: dict[str, LintConfig] = {}

    def of(self, path: str) -> LintConfig:
        """The config of the file ``path``. Raises :class:`InputError` for one that can not be used."""
        if self._fixed is not None:
            return self._fixed
        return self._of_directory(os.path.dirname(os.path.abspath(path)))

    def _of_directory(self, directory: str) -> LintConfig:
        known = self._known.get(directory)
        if known is None:
            known = _load_in(directory)
            if known is None:
                parent = os.path.dirname(directory)
                known = LintConfig() if parent == directory else self._of_directory(parent)
            self._known[directory] = known
        return known


def _load_in(directory: str) -> LintConfig | None:
    for name in _READERS:
        path = os.path.join(directory, name)
        if os.path.isfile(path) and (config := load_config(path)) is not None:
            return config
    return None


def load_config(path: str) -> LintConfig | None:
    """The config that ``path`` holds; none for a pyproject.toml without one. Raises :class:`InputError`."""
    try:
        with open(path, "rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise InputError(f"can not read {path}: {error.strerror}") from error
    if len(data) > _LARGEST:
        raise InputError(f"{path} is larger than {_LARGEST >> 20} MiB", help="is it a config of the linter?")
    name = os.path.basename(path)
    reader = _READERS.get(name) or (_read_hadolint if name.endswith((".yaml", ".yml")) else _read_own)
    if name == "pyproject.toml" and b"layerc" not in data:
        return None
    try:
        config = reader(path, data)
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InputError(f"{path}: {why}", help="docs/linting.md has all keys") from error
    return None if config is None else config._replace(path=os.path.abspath(path))


def _toml(data: bytes) -> dict[str, Any]:
    import tomllib

    return tomllib.loads(data.decode("utf-8"))


def _read_own(path: str, data: bytes) -> LintConfig:
    document = _toml(data)
    table = document.get("lint", {})
    if unknown := document.keys() - {"lint"}:
        raise ValueError(f"unknown table {min(unknown)!r}: the linter's is called lint")
    return _from_table(path, table)


def _read_pyproject(path: str, data: bytes) -> LintConfig | None:
    tool = _toml(data).get("tool")
    table = tool.get("layerc") if isinstance(tool, dict) else None
    lint = table.get("lint") if isinstance(table, dict) else None
    return None if lint is None else _from_table(path, lint)


def _read_hadolint(path: str, data: bytes) -> LintConfig:
    from .hadolint import read_hadolint

    return read_hadolint(path, data)


_READERS: Mapping[str, Callable[[str, bytes], LintConfig | None]] = MappingProxyType(
    {
        ".layerc.toml": _read_own,
        "pyproject.toml": _read_pyproject,
        ".hadolint.yaml": _read_hadolint,
        ".hadolint.yml": _read_hadolint,
    }
)


# --- our own keys ------------------------------------------------------------------------------------

_KEYS = (
    *("select", "extend-select", "ignore", "severity", "pragmas", "fail-level", "format", "exclude"),
    *("baseline", "trusted-registries", "label-schema", "strict-labels"),
)


def _from_table(path: str, table: Any) -> LintConfig:
    if not isinstance(table, dict):
        raise ValueError("lint is no table")
    for key in table:
        if key not in _KEYS:
            meant = suggestion(key, _KEYS)
            raise ValueError(f"unknown key {key!r}{f'; {meant}' if meant else ''}")
    severity = {word: Severity.of(name) for word, name in _texts_by_name(table, "severity").items()}
    choice = Choice(
        _texts(table, "select"),
        _texts(table, "extend-select"),
        _texts(table, "ignore"),
        severity,
        _switch(table, "pragmas", default=True),
    )
    baseline = _text(table, "baseline")
    return LintConfig(
        choice,
        read_settings(table),
        fail_level(_text(table, "fail-level") or Severity.INFO.word),
        _text(table, "format"),
        None,
        _texts(table, "exclude"),
        os.path.join(os.path.dirname(os.path.abspath(path)), baseline) if baseline else "",
    )


def read_settings(table: Mapping[str, Any]) -> Settings:
    """The values of rules in a table of the config. Raises ``ValueError``."""
    return Settings(
        _texts(table, "trusted-registries"),
        label_schema(_texts_by_name(table, "label-schema")),
        _switch(table, "strict-labels", default=False),
    )


LABEL_TYPES = ("text", "rawtext", "url", "semver", "hash", "rfc3339", "spdx", "email")


def label_schema(schema: Mapping[str, str]) -> Mapping[str, str]:
    """``schema`` with its types checked. Raises ``ValueError``."""
    for label, kind in schema.items():
        if kind not in LABEL_TYPES:
            raise ValueError(f"label {label!r}: {kind!r} is no type; there are {', '.join(LABEL_TYPES)}")
    return schema


def fail_level(word: str) -> Severity | None:
    """A severity, or ``never``. Raises ``ValueError``."""
    return None if word == _NEVER else Severity.of(word)


def _texts(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = table.get(key, ())
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"{key} is no list of texts")
    return tuple(value)


def _texts_by_name(table: Mapping[str, Any], key: str) -> dict[str, str]:
    value = table.get(key, {})
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise ValueError(f"{key} is no table of texts")
    return value


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise ValueError(f"{key} is no text")
    return value


def _switch(table: Mapping[str, Any], key: str, *, default: bool) -> bool:
    value = table.get(key, default)
    if not isinstance(value, bool):
        raise ValueError(f"{key} is neither true nor false")
    return value
