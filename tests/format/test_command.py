"""``layerc fmt``: which files, what is written, exit codes."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from layerc.runtime.cli.main import main
from layerc.runtime.errors import InputError
from layerc.runtime.lint.write import write_back

BAD = "from a\nrun   b \n"
GOOD = "FROM a\nRUN   b\n".replace("   ", " ")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NO_COLOR", "1")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


def test_files_of_a_directory(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in (
        "Dockerfile",
        "api/app.Dockerfile",
        "Dockerfile.md",
        "node_modules/Dockerfile",
        "old/Dockerfile",
    ):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(BAD)
    (folder / ".layerc.toml").write_text('[lint]\nexclude = ["old"]\n')
    assert main(["fmt"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == ["formatted Dockerfile", "formatted api/app.Dockerfile"]
    assert captured.err == "2 of 2 files changed\n"
    assert (folder / "Dockerfile").read_text() == (folder / "api/app.Dockerfile").read_text() == GOOD
    assert (folder / "old/Dockerfile").read_text() == BAD
    assert main(["fmt"]) == 0
    assert capsys.readouterr() == ("", "0 of 2 files changed\n")


def test_check_and_diff_write_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "Dockerfile").write_text(BAD)
    (folder / "a.Dockerfile").write_text(GOOD)
    assert main(["fmt", "--check"]) == 1
    assert capsys.readouterr() == ("would format Dockerfile\n", "1 of 2 files would change\n")
    assert main(["fmt", "--check", "--quiet"]) == 1
    assert capsys.readouterr() == ("", "")
    assert main(["fmt", "--check", "a.Dockerfile"]) == 0
    assert main(["fmt", "--diff", "a.Dockerfile"]) == 0
    capsys.readouterr()
    assert main(["fmt", "--diff"]) == 1
    patch = capsys.readouterr().out
    assert (folder / "Dockerfile").read_text() == BAD
    subprocess.run(["patch", "-p1"], input=patch, text=True, check=True, cwd=folder, capture_output=True)
    assert (folder / "Dockerfile").read_text() == GOOD


def feed(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_standard_input(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    feed(monkeypatch, b"from a\r\nlabel  a=\xff\r\n")
    assert main(["fmt", "-"]) == 0
    assert capsysbinary.readouterr() == (b"FROM a\r\nLABEL a=\xff\r\n", b"")
    feed(monkeypatch, BAD.encode())
    assert main(["fmt", "--check", "-", "--stdin-name", "api/Dockerfile"]) == 1
    assert capsysbinary.readouterr() == (b"would format api/Dockerfile\n", b"")
    feed(monkeypatch, b"FORM a\n")
    assert main(["fmt", "-"]) == 3
    captured = capsysbinary.readouterr()
    assert captured.out == b""
    assert b"<stdin>:1:1" in captured.err


def test_what_is_wrong_with_one_file_keeps_no_other(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "Dockerfile").write_text("FROM a\nRUM b\n")
    (folder / "b.Dockerfile").write_text(BAD)
    assert main(["fmt", "Dockerfile", "b.Dockerfile"]) == 3
    captured = capsys.readouterr()
    assert "Dockerfile:2:1" in captured.err
    assert captured.out == "formatted b.Dockerfile\n"
    assert (folder / "Dockerfile").read_text() == "FROM a\nRUM b\n"
    (folder / "Dockerfile").write_text("")
    (folder / "empty").mkdir()
    assert main(["fmt", "--check", "Dockerfile", "b.Dockerfile"]) == 3
    assert main(["fmt", "nowhere"]) == 4
    assert main(["fmt", "empty"]) == 0
    assert "no Dockerfile in empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--check", "--diff"], ["-", "Dockerfile"], ["--chekc"], ["--config", "a", "--no-config"]]
)
def test_wrong_use(folder: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fmt", *words]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_modes_owners_and_links(folder: Path) -> None:
    outside = folder.parent / "outside.Dockerfile"
    outside.write_text(BAD)
    path = folder / "Dockerfile"
    path.write_text(BAD)
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 1234, 2345)
    before = path.stat()
    (folder / "link.Dockerfile").symlink_to(outside)
    assert main(["fmt", "."]) == 0
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert path.read_text() == GOOD
    assert outside.read_text() == BAD, "a link that a directory holds leads nowhere"
    assert main(["fmt", "link.Dockerfile"]) == 0
    assert (folder / "link.Dockerfile").is_symlink()
    assert outside.read_text() == GOOD
    assert sorted(os.listdir(folder)) == ["Dockerfile", "link.Dockerfile"]


def test_a_file_that_changed_meanwhile_stays(folder: Path) -> None:
    (folder / "Dockerfile").write_text(GOOD)
    with pytest.raises(InputError, match="changed meanwhile"):
        write_back("Dockerfile", BAD.encode(), b"x")
    assert os.listdir(folder) == ["Dockerfile"]
    assert (folder / "Dockerfile").read_text() == GOOD


def test_heavy_modules_stay_out(folder: Path) -> None:
    (folder / "Dockerfile").write_text(BAD)
    code = (
        "import sys; from layerc.runtime.cli.main import main; main(['fmt']);"
        "print(*{'lark', 'networkx', 'rich', 'yaml', 'docker', 'sqlite3', 'multiprocessing', 'tomllib'} & sys.modules.keys(),"
        "*(name for name in sys.modules if name.startswith('layerc.compiler.lint.rules')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder
    )
    assert done.stdout.splitlines()[-1] == ""
