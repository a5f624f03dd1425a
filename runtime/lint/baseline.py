"""Baselines: findings that were there when the linter came, and are not told again.

A finding is known by its file, its code, its message and the text of its line, so that lines may move. Of several
that are equal, as many as the baseline counts are left out.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256

from ...compiler.lint.runner import Found
from ..errors import InputError
from .run import FileResult

__all__ = ["Baseline", "fingerprints"]

_SCHEMA = "layerc.lint-baseline/1"


def fingerprints(name: str, found: Sequence[Found]) -> list[str]:
    """One for each finding in the file ``name``, all different: equal ones are numbered."""
    seen: Counter[str] = Counter()
    made: list[str] = []
    for each in found:
        plain = _plain(name, each)
        made.append(sha256(f"{plain}\0{seen[plain]}".encode("utf-8", "surrogateescape")).hexdigest()[:32])
        seen[plain] += 1
    return made


def _plain(name: str, found: Found) -> str:
    return "\0".join((name, found.code, found.finding.message, " ".join(found.where.text.split())))


class Baseline:
    """The baseline in the file ``path``; names of files in it are relative to its directory."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._directory = os.path.dirname(os.path.abspath(path))

    def _name(self, result: FileResult) -> str:
        if result.name == "-":
            return result.source.name
        return os.path.relpath(os.path.abspath(result.name), self._directory).replace(os.sep, "/")

    def load(self) -> frozenset[str]:
        """The fingerprints in it. Raises :class:`InputError`."""
        advice = "write it with --update-baseline"
        try:
            with open(self.path, "rb") as file:
                document = json.load(file)
            if document["schema"] != _SCHEMA:
                raise ValueError(f"its schema is {document['schema']!r}")
            return frozenset(entry["fingerprint"] for entry in document["findings"])
        except OSError as error:
            raise InputError(f"can not read {self.path}: {error.strerror}", help=advice) from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(f"{self.path} is no baseline: {error}", help=advice) from error

    def left(self, result: FileResult, known: frozenset[str]) -> FileResult:
        """``result`` without what is known."""
        prints = fingerprints(self._name(result), result.found)
        found = tuple(each for each, own in zip(result.found, prints, strict=True) if own not in known)
        return result._replace(found=found)

    def write(self, results: Iterable[FileResult]) -> int:
        """Make what is found now the baseline; how many findings that are. Raises :class:`InputError`."""
        entries = [
            {
                "fingerprint": own,
                "file": self._name(result),
                "rule": each.code,
                "line": each.where.line,
                "message": each.finding.message,
            }
            for result in results
            for each, own in zip(result.found, fingerprints(self._name(result), result.found), strict=True)
        ]
        entries.sort(key=lambda entry: (entry["file"], entry["line"], entry["rule"], entry["fingerprint"]))
        text = json.dumps({"schema": _SCHEMA, "findings": entries}, indent=1) + "\n"
        try:
            with open(f"{self.path}.new", "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(f"{self.path}.new", self.path)
        except OSError as error:
            raise InputError(f"can not write {self.path}: {error.strerror}") from error
        return len(entries)
