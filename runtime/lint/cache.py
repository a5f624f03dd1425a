"""Results of earlier runs, by all that they were made of. A damaged entry is one that is not there."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from hashlib import blake2b
from typing import Any

from ... import __version__
from ...compiler.lint.finding import Edit, Estimate, Finding, Fix
from ...compiler.lint.rule import Severity
from ...compiler.lint.runner import Found, place
from ...grammar.source import SourceFile, Span

__all__ = ["ResultCache", "cache_directory"]

_KEPT = 30 * 24 * 3600  # seconds
_PARTS = ("grammar", "compiler", "runtime/lint")


def cache_directory() -> str:
    """``$XDG_CACHE_HOME/layerc/lint``, else ``~/.cache/layerc/lint``."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "layerc", "lint")


class ResultCache:
    """Entries are files in ``directory``, named by a digest of their key and of the linter's own code.

    Where the directory can not be used, nothing is remembered.
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory

    @cached_property
    def _version(self) -> bytes:
        """What the linter is made of: its version, and each of its files with size and time."""
        digest = blake2b(__version__.encode(), digest_size=16)
        package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        for part in _PARTS:
            for root, directories, files in os.walk(os.path.join(package, part)):
                directories[:] = sorted(name for name in directories if name != "__pycache__")
                for name in sorted(files):
                    status = os.stat(os.path.join(root, name))
                    digest.update(f"{root}/{name}:{status.st_size}:{status.st_mtime_ns}\n".encode())
        return digest.digest()

    def _path(self, key: Sequence[str]) -> str:
        digest = blake2b(self._version, digest_size=24)
        for part in key:
            data = part.encode("utf-8", "surrogateescape")
            digest.update(b"%d:" % len(data) + data)
        name = digest.hexdigest()
        return os.path.join(self.directory, name[:2], name[2:])

    def find(
        self, key: Sequence[str], source: SourceFile, stamp: Callable[[], str]
    ) -> tuple[tuple[Found, ...], int] | None:
        """The findings in ``source``, and how many its comments ignore, or none if that is not known. ``stamp`` is
        asked for what the rules may have looked at besides, if they did.
        """
        try:
            with open(self._path(key), "rb") as file:
                check, _, data = file.read().partition(b"\n")
            if check != _check(data):
                return None
            document = json.loads(data)
            if document["stamp"] is not None and (not document["stamp"] or document["stamp"] != stamp()):
                return None
            return tuple(_found(entry, source) for entry in document["found"]), document["ignored"]
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            return None

    def add(self, key: Sequence[str], found: Sequence[Found], ignored: int, stamp: str | None) -> None:
        """Remember a result; ``stamp`` is none where the rules looked at nothing else."""
        path = self._path(key)
        entries = [_entry(each) for each in found]
        data = json.dumps({"found": entries, "ignored": ignored, "stamp": stamp}).encode()
        temporary = f"{path}.{os.getpid()}"
        with suppress(OSError):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(temporary, "wb") as file:
                file.write(_check(data) + b"\n" + data)
            os.replace(temporary, path)

    def tidy(self) -> None:
        """Remove old entries: of one folder each day, so that it never takes long."""
        now = time.time()
        folder = os.path.join(self.directory, f"{int(now // 86400) % 256:02x}")
        with suppress(OSError):
            for entry in os.scandir(folder):
                if entry.stat().st_mtime < now - _KEPT:
                    os.unlink(entry.path)


def _check(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).hexdigest().encode()


def _entry(found: Found) -> list[Any]:
    finding = found.finding
    fixes = [[fix.title, [[*edit.span, edit.text] for edit in fix.edits], fix.safe] for fix in finding.fixes]
    own = None if finding.severity is None else int(finding.severity)
    estimate = None if finding.estimate is None else list(finding.estimate)
    return [
        *(found.rule.id, int(found.severity), *finding.span, finding.message, finding.help),
        *(estimate, fixes, finding.code, own, finding.equivalents),
    ]


def _found(entry: list[Any], source: SourceFile) -> Found:
    from ...compiler.lint.rules import BY_ID

    rule, severity, start, end, message, help_, estimate, fixes, code, own, equivalents = entry
    finding = Finding(
        Span(start, end),
        message,
        help_,
        None if estimate is None else Estimate(*estimate),
        tuple(
            Fix(title, tuple(Edit(Span(first, last), text) for first, last, text in edits), safe)
            for title, edits, safe in fixes
        ),
        code,
        None if own is None else Severity(own),
        tuple(equivalents),
    )
    return place(source, BY_ID[rule], finding, Severity(severity))
