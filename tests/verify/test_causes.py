"""What kind of difference it is, by path and content: each rule with what it takes and what it leaves."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
from pathlib import Path

import pytest

from layerc.runtime.engine.verify.causes import RULES, UNKNOWN, Pair, cause_of, title_of


def cause(path: str, before: bytes, after: bytes, aspects: tuple[str, ...] = ("content",)) -> str:
    return cause_of(Pair(path, aspects, lambda: before, lambda: after))


def bytecode(time: int, body: bytes, flags: int = 0) -> bytes:
    return b"\xa7\r\r\n" + struct.pack("<III", flags, time, 99) + body


def zipped(year: int, content: str = "x") -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a", (year, 1, 1, 0, 0, 0)), content)
    return data.getvalue()


def library(time: int, body: bytes = b"code") -> bytes:
    header = f"{'a.o/':<16}{time:<12}{0:<6}{0:<6}{644:<8}{len(body):<10}`\n"
    return b"!<arch>\n" + header.encode() + body


CASES = [
    ("time", "f", b"", b"", ("time",)),
    ("bytecode-time", "a/b.pyc", bytecode(1, b"code"), bytecode(2, b"code")),
    ("bytecode", "a/b.pyc", bytecode(1, b"code"), bytecode(2, b"edoc")),
    ("bytecode", "a/b.pyc", bytecode(1, b"code", flags=1), bytecode(2, b"code", flags=1)),  # a hash, no time
    ("gzip-header", "doc.gz", gzip.compress(b"x", mtime=1), gzip.compress(b"x", mtime=2)),
    (UNKNOWN, "doc.gz", gzip.compress(b"x", mtime=1), gzip.compress(b"y", mtime=1)),
    (UNKNOWN, "doc.gz", b"\x1f\x8bcut", b"\x1f\x8bcot"),
    ("zip-times", "a.jar", zipped(2001), zipped(2002)),
    (UNKNOWN, "a.jar", zipped(2001), zipped(2001, "y")),
    (UNKNOWN, "a.jar", b"PK", b"PK\xff"),
    ("ar-times", "lib.a", library(1), library(2)),
    (UNKNOWN, "lib.a", library(1), library(1, b"edoc")),
    ("account-order", "etc/passwd", b"a:x:1\nb:x:2\n", b"b:x:2\na:x:1\n"),
    (UNKNOWN, "etc/passwd", b"a:x:1\n", b"a:x:7\n"),
    ("password-day", "etc/shadow", b"a:!:19000:0\n", b"a:!:19001:0\n"),
    (UNKNOWN, "etc/shadow", b"a:!:19000:0\n", b"a:*:19000:0\n"),
    ("identity", "etc/machine-id", b"1", b"2"),
    ("identity", "etc/ssh/ssh_host_rsa_key.pub", b"1", b"2"),
    ("log", "var/log/apt/history.log", b"1", b"2"),
    ("log", "root/.npm/_logs/x", b"", b"", ("added",)),
    ("log", "app/server.log", b"1", b"2"),
    ("package-database", "var/lib/dpkg/status", b"1", b"2"),
    ("package-database", "usr/lib/python3/site-packages/six-1.dist-info/RECORD", b"1", b"2"),
    ("package-database", "app/node_modules/.package-lock.json", b"1", b"2"),
    ("package-database", "lib/apk/db/installed", b"1", b"2"),
    ("package-database", "var/lib/rpm/rpmdb.sqlite", b"1", b"2"),
    ("cache", "var/cache/ldconfig/aux-cache", b"1", b"2"),
    ("cache", "root/.cache/pip/x", b"", b"", ("removed",)),
    ("moments", "build.txt", b"at 2026-11-21T08:15:00Z, v1", b"at 2026-11-22 09:15:01Z, v1"),
    ("moments", "build.txt", b"Sat Nov 21 08:15:00 UTC 2026", b"Sun Nov 22 18:15:00 UTC 2026"),
    ("moments", "build.txt", b"1763712000\n", b"1763712999\n"),
    (UNKNOWN, "build.txt", b"at 2026-11-21, v1", b"at 2026-11-22, v2"),
    ("line-order", "list", b"a\nb\n", b"b\na\n"),
    (UNKNOWN, "list", b"a\nb\n", b"b\nb\n"),
    (UNKNOWN, "program", b"\0a\n", b"\0b\n"),
    (UNKNOWN, "mode", b"same", b"same", ("mode",)),
]


@pytest.mark.parametrize(
    ("expected", "path", "before", "after", "aspects"), [(*c, ("content",))[:5] for c in CASES]
)
def test_cause(expected: str, path: str, before: bytes, after: bytes, aspects: tuple[str, ...]) -> None:
    assert cause(path, before, after, aspects) == expected


def test_every_rule_has_a_case_and_a_title() -> None:
    assert {rule.name for rule in RULES} <= {case[0] for case in CASES}
    assert all(title_of(rule.name) for rule in RULES)
    assert title_of(UNKNOWN) == ""


def test_the_schema_lists_the_causes() -> None:
    schema = json.loads((Path(__file__).parents[2] / "docs" / "verify.schema.json").read_text())
    listed = schema["$defs"]["difference"]["properties"]["cause"]["enum"]
    assert listed == [*(rule.name for rule in RULES), UNKNOWN]
