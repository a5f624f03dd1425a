"""``layerc parse``."""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from layerc.runtime.cli.main import main

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good").write_text("FROM a\nRUN b\n")
    (tmp_path / "bad").write_text("FROM a\nRNU b\n")
    return tmp_path


def output(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_one_object_a_file_in_order(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", "good", "missing", "bad", "good"]) == 3
    first, missing, bad, last = output(capsys)
    assert first == last
    assert first["file"] == "good"
    assert missing == {
        "file": "missing",
        "error": {
            "message": "can not read the file: No such file or directory",
            "line": None,
            "column": None,
            "end_column": None,
            "help": None,
        },
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


TEXT = """\
FROM a
ENV old  one two
LABEL k='v w' l=m
COPY --chown=1 --link ["a", "b"]
ONBUILD RUN --network=none <<-E cat
\tbody
E
RUN a \\
  b
"""


def test_the_form_of_a_tree(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "all").write_text(TEXT)
    assert main(["parse", "--json", "all"]) == 0
    heredoc = {"name": "E", "expand": True, "chomp": True, "content": "\tbody\n"}
    trigger = {
        "keyword": "RUN",
        "flags": ["--network=none"],
        "json": False,
        "args": ["<<-E cat"],
        "heredocs": [heredoc],
        "onbuild": None,
    }

    def line(start: int, end: int, keyword: str, *args: str, **others: object) -> dict[str, object]:
        plain = {"flags": [], "json": False, "args": list(args), "heredocs": [], "onbuild": None}
        return {"keyword": keyword, "start": start, "end": end, **plain, **others}

    assert output(capsys) == [
        {
            "file": "all",
            "instructions": [
                line(1, 1, "FROM", "a"),
                line(2, 2, "ENV", "old", "one two"),
                line(3, 3, "LABEL", "k", "'v w'", "l", "m"),
                line(4, 4, "COPY", "a", "b", flags=["--chown=1", "--link"], json=True),
                line(5, 7, "ONBUILD", heredocs=[heredoc], onbuild=trigger),
                line(8, 9, "RUN", "a   b"),
            ],
        }
    ]


def test_the_schema(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads((ROOT / "docs" / "parse.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    (folder / "all").write_text(TEXT)
    corpus = sorted(str(path) for path in (ROOT / "corpus").glob("*/*/Dockerfile"))
    assert main(["parse", "all", "missing", "bad", *corpus]) == 3
    items = output(capsys)
    assert len(items) == len(corpus) + 3
    for item in items:
        validator.validate(item)
    items[0]["instructions"][4]["onbuild"]["start"] = 1
    assert not validator.is_valid(items[0])
    assert not validator.is_valid({"file": "x"})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("FROM a\n".encode("utf-16"), "this is not UTF-8 text"),
        ("FROM a\n".encode("utf-16-be"), "this is not UTF-8 text"),
        (b"", "the file has no instruction"),
        (b"\0" * 1000, "this is not UTF-8 text"),
        (b"\x7fELF\2\1\1" + bytes(range(1, 256)), "unknown instruction"),
        (b"\0" * 100_000, "line is longer"),
        (b"\xef\xbb\xbfFROM a\n", None),
        (b"# caf\xe9\r\nFROM a\r\nRUN \xe9\0", None),
    ],
    ids=["utf-16", "utf-16-be", "empty", "nuls", "program", "long", "mark", "latin-1"],
)
def test_odd_files_are_entries(
    data: bytes, message: str | None, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "odd").write_bytes(data)
    assert main(["parse", "odd", "good"]) == (0 if message is None else 3)
    odd, good = output(capsys)
    assert "instructions" in good
    if message is None:
        assert "instructions" in odd
    else:
        assert isinstance(odd["error"], dict)
        assert odd["error"]["message"].startswith(message)


def test_a_file_without_end_is_an_entry(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", "/dev/zero", "good"]) == 3
    endless, good = output(capsys)
    assert isinstance(endless["error"], dict)
    assert endless["error"]["message"] == "the file is larger than 128 MiB"
    assert "instructions" in good


def layerc(*words: str, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "layerc", "parse", *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options)


def test_answers_come_at_once(folder: Path) -> None:
    with layerc("--files-from", "-", cwd=folder) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for name in (b"good", b"bad", b"good"):
            process.stdin.write(name + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["file"] == name.decode()
        process.stdin.close()
        assert process.wait() == 3


def test_several_processes_give_the_same(folder: Path) -> None:
    for number in range(300):
        (folder / f"f{number}").write_text(f"FROM a{number}\n" + "RUN x\n" * (number % 7))
    (folder / "list").write_text("".join(f"f{number}\n" for number in range(300)) + "bad\nmissing\n")
    single = layerc("--files-from", "list", cwd=folder).communicate()[0]
    assert single.count(b"\n") == 302
    process = layerc("--files-from", "list", "--jobs", "2", cwd=folder)
    assert process.communicate()[0] == single
    assert process.returncode == 3


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_reader_that_leaves_is_no_error(jobs: str, folder: Path) -> None:
    (folder / "list").write_text("good\n" * 20_000)
    with layerc("--files-from", "list", "-j", jobs, cwd=folder, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["file"] == "good"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


def test_a_file_that_does_not_fit_into_memory_is_an_entry(folder: Path) -> None:
    (folder / "large").write_bytes(b"FROM a\n" + b"RUN echo a\n" * 1_000_000)
    limit = 300 << 20
    process = layerc(
        "large",
        "good",
        cwd=folder,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    large, good = map(json.loads, process.communicate()[0].splitlines())
    assert large["error"]["message"] == "the file is too large for this machine's memory"
    assert "instructions" in good


def test_wrong_use(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse"]) == 2
    assert main(["parse", "--tree", "--json", "good"]) == 2
    assert main(["parse", "--jobs", "many", "good"]) == 2
    assert main(["parse", "--files-from", "nowhere"]) == 4
    assert "can not read nowhere: No such file" in capsys.readouterr().err
