"""What kinds of differences there are, told by a file's path and content.

A rule is a name, a title for people, and a question to a :class:`Pair`. The first rule that says yes names the
cause. A cause is an explanation, not an excuse: only a second build of A can excuse an entry.
"""

from __future__ import annotations

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

__all__ = ["RULES", "UNKNOWN", "Pair", "Rule", "cause_of", "title_of"]

UNKNOWN = "unknown"
_MOST = 1 << 24  # bytes of a file that are unpacked to look into it


class Pair:
    """An entry that differs, as rules see it: its path, in what it differs, and (read when asked for, empty where
    it is no file or a large one) what is in it.
    """

    def __init__(
        self,
        path: str,
        aspects: tuple[str, ...],
        read_before: Callable[[], bytes],
        read_after: Callable[[], bytes],
    ) -> None:
        self.path = path
        self.aspects = aspects
        self._read = (read_before, read_after)

    @cached_property
    def contents(self) -> tuple[bytes, bytes]:
        """What is in the file in A and in B."""
        return self._read[0](), self._read[1]()

    @cached_property
    def texts(self) -> tuple[str, str] | None:
        """The same as texts; none where one is no text."""
        if not self.is_content or any(b"\0" in content for content in self.contents):
            return None
        try:
            before, after = (content.decode() for content in self.contents)
        except UnicodeDecodeError:
            return None
        return before, after

    @property
    def is_content(self) -> bool:
        """Whether it is a file on both sides, and what is in it differs."""
        return "content" in self.aspects

    def begin_with(self, mark: bytes) -> bool:
        """Whether both contents do."""
        return self.is_content and all(content.startswith(mark) for content in self.contents)


class Rule(NamedTuple):
    """One kind of difference."""

    name: str
    title: str
    applies: Callable[[Pair], bool]


def cause_of(pair: Pair) -> str:
    """The name of the first rule that applies, else ``unknown``."""
    return next((rule.name for rule in RULES if rule.applies(pair)), UNKNOWN)


def title_of(cause: str) -> str:
    """How people call a cause; empty for the unknown one."""
    return next((rule.title for rule in RULES if rule.name == cause), "")


# --- by path -----------------------------------------------------------------------------------------


def _below(*patterns: str) -> re.Pattern[str]:
    """Paths that one of these patterns (of whole components) begins."""
    return re.compile(rf"(?:{'|'.join(patterns)})(?:/|\Z)")


_LOGS = _below(r"var/log", r"(?:root|home/[^/]+)/\.npm/_logs", r"(?:.*/)?[^/]+\.log")
_PACKAGES = _below(
    *(r"var/lib/dpkg", r"var/lib/apt", r"var/cache/apt", r"var/cache/debconf", r"var/lib/ucf"),
    *(r"var/lib/rpm", r"usr/lib/sysimage/rpm", r"var/lib/(?:dnf|yum)", r"var/cache/(?:dnf|yum|libdnf5)"),
    *(r"lib/apk", r"usr/lib/apk", r"etc/apk", r"var/cache/apk", r"var/lib/pacman", r"var/cache/pacman"),
    *(r"(?:.*/)?[^/]+\.(?:dist|egg)-info/(?:RECORD|direct_url\.json|INSTALLER|REQUESTED)",),
    *(r"(?:.*/)?node_modules/(?:\.package-lock\.json|\.yarn-integrity|\.yarn-state\.yml|\.modules\.yaml)",),
)
_CACHES = _below(
    *(r"etc/ld\.so\.cache", r"var/cache", r"(?:root|home/[^/]+)/\.(?:cache|npm|yarn|gradle|m2|cargo|bundle)"),
    *(
        r"(?:.*/)?\.(?:pytest_cache|mypy_cache|ruff_cache|eslintcache)",
        r"(?:root|home/[^/]+)/go/pkg/mod/cache",
    ),
)
_IDENTITIES = _below(
    *(r"etc/machine-id", r"var/lib/dbus/machine-id", r"var/lib/systemd/random-seed", r"etc/hostid"),
    *(r"etc/ssh/ssh_host_[^/]+_key(?:\.pub)?", r"etc/ssl/(?:certs|private)/ssl-cert-snakeoil\.[^/]+"),
)
_ACCOUNTS = _below(r"etc/(?:passwd|group|shadow|gshadow|subuid|subgid)-?")
_BYTECODE = re.compile(r".*\.py[co]")


def _log(pair: Pair) -> bool:
    return _LOGS.match(pair.path) is not None


def _package_database(pair: Pair) -> bool:
    return _PACKAGES.match(pair.path) is not None


def _cache(pair: Pair) -> bool:
    return _CACHES.match(pair.path) is not None


def _identity(pair: Pair) -> bool:
    return _IDENTITIES.match(pair.path) is not None


def _bytecode(pair: Pair) -> bool:
    return _BYTECODE.fullmatch(pair.path) is not None


# --- by content --------------------------------------------------------------------------------------


def _time_only(pair: Pair) -> bool:
    return pair.aspects == ("time",)


def _bytecode_time(pair: Pair) -> bool:
    """Python notes the time and size of the source in bytes 8 to 16 (PEP 552), after a version and flags of 0."""
    if not _bytecode(pair) or not pair.is_content:
        return False
    before, after = pair.contents
    return len(before) > 16 and before[:8] + before[16:] == after[:8] + after[16:] and not any(before[4:8])


def _gzip(pair: Pair) -> bool:
    """Equal when unpacked: the header holds a time and a name (RFC 1952)."""
    if not pair.begin_with(b"\x1f\x8b"):
        return False
    try:
        before, after = (gzip.GzipFile(fileobj=io.BytesIO(data)).read(_MOST) for data in pair.contents)
    except (OSError, EOFError, zlib.error):
        return False
    return before == after and len(before) < _MOST


def _zip(pair: Pair) -> bool:
    """Equal members in equal order: the directory holds a time for each."""
    if not pair.begin_with(b"PK"):
        return False
    try:
        before, after = (zipfile.ZipFile(io.BytesIO(data)).infolist() for data in pair.contents)
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return False
    return [(item.filename, item.CRC, item.file_size, item.external_attr) for item in before] == [
        (item.filename, item.CRC, item.file_size, item.external_attr) for item in after
    ]


def _ar(pair: Pair) -> bool:
    """A static library whose members differ in times and owners only (``ar`` without ``D``)."""
    if not pair.begin_with(b"!<arch>\n"):
        return False
    before, after = (_AR_HEADER.sub(rb"\1\2", content) for content in pair.contents)
    return before == after


# Name (16), time (12), owner (6), group (6), mode (8), size (10), end.
_AR_HEADER = re.compile(rb"([ -~]{16})[0-9 ]{24}([0-7 ]{8}[0-9 ]{10}`\n)")
_MOMENTS = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T _]\d\d[:.-]?\d\d(?:[:.-]?\d\d(?:[.,]\d+)?)?)?"  # 2026-11-21T08:15:00.1
    r"|(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? +)?(?:\d{1,2} +)?"
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.? +\d{1,4}(?:,? +\d{4})?"
    r"|\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?|\b1\d{9}(?:\d{3}|\d{6}|\d{9})?\b|\b20\d{6}(?:\d{6})?\b"
    r"|(?<=[0-9T ])[AP]M\b"
)


def _account_order(pair: Pair) -> bool:
    return _ACCOUNTS.match(pair.path) is not None and _same_lines(pair)


def _password_day(pair: Pair) -> bool:
    """The third field of ``/etc/shadow`` is the day of the last change."""
    if pair.path not in ("etc/shadow", "etc/shadow-") or pair.texts is None:
        return False
    before, after = (
        sorted([*line.split(":")[:2], *line.split(":")[3:]] for line in text.splitlines())
        for text in pair.texts
    )
    return before == after


def _same_lines(pair: Pair) -> bool:
    if pair.texts is None:
        return False
    before, after = (sorted(text.splitlines()) for text in pair.texts)
    return before == after


def _moments(pair: Pair) -> bool:
    """Equal texts but for dates and times of day."""
    if pair.texts is None:
        return False
    before, after = (_MOMENTS.sub("", text) for text in pair.texts)
    return before == after


# What is sure comes before what is only likely.
RULES: tuple[Rule, ...] = (
    Rule("time", "time stamp", _time_only),
    Rule("bytecode-time", "Python bytecode: the time of its source", _bytecode_time),
    Rule("gzip-header", "gzip: the time or name in its header", _gzip),
    Rule("zip-times", "zip: times of members", _zip),
    Rule("ar-times", "static library: times or owners of members", _ar),
    Rule("account-order", "accounts in another order", _account_order),
    Rule("password-day", "day of the last change of a password", _password_day),
    Rule("identity", "identity or key, made up anew each time", _identity),
    Rule("log", "log file", _log),
    Rule("package-database", "package manager's records", _package_database),
    Rule("cache", "cache", _cache),
    Rule("bytecode", "Python bytecode", _bytecode),
    Rule("moments", "dates or times in a text", _moments),
    Rule("line-order", "lines in another order", _same_lines),
)
