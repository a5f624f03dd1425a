"""What PATH and ``-f`` mean together: which is read where, and what does not fit."""

from __future__ import annotations

import gzip
import io
import os
import pty
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from layerc.grammar.errors import LayercError
from layerc.runtime.cli.context import Definition, find_definition
from layerc.runtime.engine.request import StreamContext, UrlContext
from layerc.runtime.errors import InputError, UsageError

TEXT = "FROM scratch\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def give(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """``data`` on standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def text(found: Definition) -> str | None:
    return None if found.dockerfile is None else found.dockerfile.text


def archive() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.add("app/Dockerfile", "Dockerfile")
    return out.getvalue()


def test_a_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_definition("app", None)
    assert (found.context, text(found), found.dockerfile_path) == ("app", TEXT, "app/Dockerfile")
    give(monkeypatch, b"FROM b\n")
    found = find_definition("app", "-")
    assert (found.context, text(found), found.dockerfile_path) == ("app", "FROM b\n", None)
    found = find_definition("app", "https://example.com/D")
    assert found == Definition("app", dockerfile_name="https://example.com/D")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/app.git#main:sub",
        "https://example.com/app.tar",
        "http://example.com/",
        "git://example.com/app",
        "ssh://git@example.com/app",
        "git@example.com:app",
        "github.com/me/app",
        "https://example.com/app.git?unknown=1",
    ],
)
def test_a_url(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_definition(url, None) == Definition(UrlContext(url))
    assert find_definition(url, "sub/D") == Definition(UrlContext(url), dockerfile_name="sub/D")
    found = find_definition(url, str(folder / "app/Dockerfile"))
    assert (found.context, text(found)) == (UrlContext(url), TEXT)
    give(monkeypatch, b"FROM b\n")
    assert text(find_definition(url, "-")) == "FROM b\n"


def test_a_directory_comes_before_a_url_of_that_name(folder: Path) -> None:
    (folder / "github.com" / "me").mkdir(parents=True)
    (folder / "github.com" / "me" / "Dockerfile").write_text(TEXT)
    assert find_definition("github.com/me", None).context == "github.com/me"


@pytest.mark.parametrize(
    ("url", "ssh"),
    [
        ("git@example.com:app", True),
        ("ssh://example.com/app", True),
        ("https://git@example.com/app.git", False),
        ("github.com/me/app", False),
        ("https://example.com/app.tar", False),
        ("https://example.com/app.git?unknown=1", False),
    ],
)
def test_who_needs_an_agent(url: str, ssh: bool) -> None:
    assert find_definition(url, None).needs_ssh is ssh


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_an_archive_on_standard_input_is_a_context(
    pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = pack(archive())
    give(monkeypatch, data)
    found = find_definition("-", "sub/D")
    assert isinstance(found.context, StreamContext)
    assert found.context.head + found.context.stream.read() == data
    assert (found.dockerfile, found.dockerfile_name) == (None, "sub/D")


@pytest.mark.parametrize("data", [b"FROM a\n", b"#" * 5000 + b"\nFROM a\n", b"\0" * 600, b"\x1f\x8b"])
def test_all_else_on_standard_input_is_a_dockerfile(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, data)
    found = find_definition("-", None)
    assert found.context is None
    assert found.dockerfile is not None
    assert found.dockerfile.to_bytes() == data


@pytest.mark.parametrize(
    ("path", "file", "data", "kind", "message"),
    [
        ("-", "x", b"FROM a\n", UsageError, "standard input is a Dockerfile and no archive"),
        ("-", "-", b"FROM a\n", UsageError, "standard input can not be both"),
        ("-", None, b"", InputError, "standard input is empty"),
        ("app", "sub/D", b"", InputError, "can not read sub/D"),
        ("https://example.com/a.git", "/missing", b"", InputError, "can not read /missing"),
        ("file:///app", None, b"", InputError, "there is no directory 'file:///app'"),
    ],
)
def test_refused(
    path: str,
    file: str | None,
    data: bytes,
    kind: type[LayercError],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    give(monkeypatch, data)
    with pytest.raises(kind, match=message):
        find_definition(path, file)


@pytest.mark.parametrize("words", [["-"], ["-f", "-", "."], ["-f", "-", "https://example.com/a.git"]])
def test_a_terminal_is_not_read(words: list[str]) -> None:
    master, terminal = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "layerc", "compile", "--offline", *words],
            stdin=terminal,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    finally:
        os.close(master)
        os.close(terminal)
    assert done.returncode == 2
    assert "standard input is a terminal" in done.stderr


@pytest.mark.root
def test_an_archive_is_compiled_from_standard_input(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "layerc",
            "compile",
            "--format",
            "mermaid",
            "--offline",
            "--store",
            tmp_path / "s",
            "-",
        ],
        input=archive(),
        capture_output=True,
        check=True,
    )
    assert done.stdout.startswith(b"flowchart")
