"""``layerc parse``."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest

from layerc.runtime.cli.main import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good").write_text("FROM a\nRUN b\n")
    (tmp_path / "bad").write_text("FROM a\nRNU b\n")
    return tmp_path


def output(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_one_object_a_file_in_order(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", "good", "missing", "bad", "good"]) == 3
    first, missing, bad, last = output(capsys)
    assert first == last
    assert first["file"] == "good"
    assert missing == {
        "file": "missing",
        "error": {"message": "can not read the file: No such file or directory", "help": None},
    }
    assert isinstance(bad["error"], dict)
    assert (bad["error"]["line"], bad["error"]["column"]) == (2, 1)


def test_files_from_a_list(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = os.fsdecode(b"od\xff d")
    (folder / odd).write_text("FROM odd\n")
    (folder / "list").write_bytes(b"good\r\n\nod\xff d\n")
    assert main(["parse", "--files-from", "list", "good"]) == 0
    assert [item["file"] for item in output(capsys)] == ["good", "good", odd]


def test_a_list_on_standard_input(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"good\ngood")))
    assert main(["parse", "--files-from", "-"]) == 0
    assert [item["file"] for item in output(capsys)] == ["good", "good"]


def test_a_dockerfile_on_standard_input(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"FROM x")))
    assert main(["parse", "-"]) == 0
    (item,) = output(capsys)
    assert item["file"] == "-"


@pytest.mark.parametrize("name", ["", "no\0name", "."])
def test_names_that_are_no_files(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", name, "good"]) == 3
    first, second = output(capsys)
    assert isinstance(first["error"], dict)
    assert str(first["error"]["message"]).startswith("can not read the file")
    assert second["file"] == "good"


def test_the_tree_is_harmless_to_terminals(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "evil").write_text("FROM a\nRUN echo \x1b[2J\u202e\nENV a=\x9b1A\n")
    assert main(["parse", "--tree", "evil", "bad", "good"]) == 3
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x9b" not in out
    assert "\u202e" not in out
    assert "2 | RNU b" in out


def test_wrong_use(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse"]) == 2
    assert main(["parse", "--tree", "--json", "good"]) == 2
    assert main(["parse", "--files-from", "nowhere"]) == 4
    assert "can not read nowhere: No such file" in capsys.readouterr().err
