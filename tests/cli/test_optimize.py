"""``layerc optimize``."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from layerc.compiler.optimize import manager
from layerc.compiler.optimize.passes import PASSES, Pass
from layerc.compiler.optimize.rewrite import Rewrite
from layerc.runtime.cli.main import main

TEXT = "FROM scratch AS old\nCOPY a /\n\nFROM scratch\nENV A=1\n# twice\nENV A=1\nCOPY a /\n"
AFTER = "FROM scratch AS old\nCOPY a /\n\nFROM scratch\nENV A=1\nCOPY a /\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAYERC_HOME", str(tmp_path / "store"))
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "a").write_text("a")
    (tmp_path / "context" / "Dockerfile").write_text(TEXT)
    return tmp_path


def test_prints_the_dockerfile(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["optimize", "context"]) == 0
    captured = capsys.readouterr()
    assert captured.out == AFTER
    assert captured.err == "1 change, 1 left alone; --explain tells more\n"
    assert (folder / "context" / "Dockerfile").read_text() == TEXT


def test_explains_in_comments_and_says_what_was_left_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["optimize", "--explain", "context"]) == 0
    captured = capsys.readouterr()
    assert captured.out == AFTER.replace(
        "\nCOPY a /\n", "\n# layerc optimize: removed ENV A=1: line 5 says the same\nCOPY a /\n"
    ).replace("# layerc optimize: removed ENV A=1: line 5 says the same\n", "", 1)
    assert "left alone: lines 1-2: not done: remove the stage old (prune-stages)" in captured.err
    assert "-O2 removes it" in captured.err


def test_a_diff_that_patch_takes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "context" / "Dockerfile").write_bytes(TEXT.replace("\n", "\r\n").encode() + b"ENV A=1")
    assert main(["optimize", "--diff", "context"]) == 0
    (folder / "diff").write_bytes(capsys.readouterr().out.encode())
    subprocess.run(["patch", "--binary", "context/Dockerfile", "diff"], check=True, stdout=subprocess.DEVNULL)
    expected = AFTER.replace("\n", "\r\n").encode().removesuffix(b"\r\n")
    assert (folder / "context" / "Dockerfile").read_bytes() == expected


def test_writes_through_links_and_keeps_the_mode(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    real = folder / "real"
    (folder / "context" / "Dockerfile").rename(real)
    real.chmod(0o640)
    (folder / "context" / "Dockerfile").symlink_to(real)
    assert main(["optimize", "--write", "context"]) == 0
    assert capsys.readouterr().out == ""
    assert real.read_text() == AFTER
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert (folder / "context" / "Dockerfile").is_symlink()
    assert sorted(os.listdir(folder)) == ["context", "real", "store"]
    before = real.stat()
    assert main(["optimize", "--write", "context"]) == 0
    assert real.stat().st_ino == before.st_ino, "written though nothing changed"


def test_check_is_for_ci(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["optimize", "--check", "--explain", "context"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "change: line 7: removed ENV A=1 (prune-steps): line 5 says the same" in captured.err
    (folder / "context" / "Dockerfile").write_text(AFTER)
    assert main(["optimize", "--check", "context"]) == 0


def test_levels(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["optimize", "-O0", "context"]) == 0
    assert capsys.readouterr().out == TEXT
    assert main(["optimize", "-O2", "context"]) == 0
    assert capsys.readouterr().out == AFTER.partition("\n\n")[2]


def test_passes_by_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["optimize", "--skip", "prune-steps", "context"]) == 0
    assert capsys.readouterr().out == TEXT
    assert main(["optimize", "--only", "prune-stages", "context"]) == 0
    assert capsys.readouterr().out == TEXT
    assert main(["optimize", "--only", "prune-step", "context"]) == 2
    assert "did you mean prune-steps?" in capsys.readouterr().err
    assert main(["optimize", "--only", "prune-named-stages", "context"]) == 2
    assert "add -O2" in capsys.readouterr().err


def test_what_a_pass_did_can_be_looked_at(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["optimize", "--print-after", "all", "context"]) == 0
    err = capsys.readouterr().err
    assert "--- before prune-steps\n+++ after prune-steps\n" in err
    assert "-# twice\n-ENV A=1\n" in err


def test_report_for_programs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["optimize", "--json", "context"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "layerc.optimize/1"
    assert document["dockerfile"] == AFTER
    assert document["changes"][0]["pass"] == "prune-steps"
    assert document["changes"][0]["lines"] == [7, 7]
    assert document["refusals"][0]["needed"] == "-O2 removes it"
    assert document["problems"] == []


def test_plan_of_what_came_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["optimize", "--format", "plan", "context"]) == 0
    optimised = json.loads(capsys.readouterr().out)
    (folder / "context" / "Dockerfile").write_text(AFTER)
    assert main(["compile", "context"]) == 0
    assert json.loads(capsys.readouterr().out) == optimised


def test_standard_input(
    folder: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    for arguments, code in ((["-"], 0), (["--write", "-"], 2)):
        monkeypatch.setattr(
            sys, "stdin", io.TextIOWrapper(io.BytesIO(b"FROM scratch\nENV \xff=1\nENV \xff=1\n"))
        )
        assert main(["optimize", *arguments]) == code
    captured = capsysbinary.readouterr()
    assert captured.out == b"FROM scratch\nENV \xff=1\n"
    assert b"--write needs a Dockerfile on this machine" in captured.err


def test_an_archive_that_is_piped_in_is_not_built_twice(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = subprocess.run(["tar", "-C", "context", "-c", "."], check=True, stdout=subprocess.PIPE).stdout
    for arguments, code in ((["-"], 0), (["--verify", "-"], 2)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(archive)))
        assert main(["optimize", *arguments]) == code
    captured = capsys.readouterr()
    assert captured.out == AFTER
    assert "--verify builds twice" in captured.err


def test_mistakes_of_the_user(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "layers.toml").write_text("[[layer]]\nname = 'a'\n")
    assert main(["optimize", "-f", "layers.toml", "context"]) == 2
    assert "layerc optimize rewrites Dockerfiles" in capsys.readouterr().err
    (folder / "context" / "Dockerfile").write_text("FROM scratch\nCOPY --from=9 /a /\n")
    assert main(["optimize", "context"]) == 3
    assert "Dockerfile:2:" in capsys.readouterr().err
    assert main(["optimize", "--target", "nowhere", "context"]) == 3
    assert main(["optimize", "missing"]) == 4


def test_base_images_that_are_not_looked_at_are_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "context" / "Dockerfile").write_text("FROM debian:12\nUSER root\n")
    assert main(["optimize", "--offline", "context"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "FROM debian:12\nUSER root\n"
    assert "not known: the environment, user and triggers of docker.io/library/debian:12" in captured.err


def test_our_own_bugs_are_loud_and_harmless(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = Pass(
        "bad", "", 1, lambda draft, facts: Rewrite(draft.append(draft.stages[1], draft.step("USER x")))
    )
    monkeypatch.setattr(manager.optimize, "__kwdefaults__", {**manager.optimize.__kwdefaults__, "passes": (bad, *PASSES)})  # fmt: skip
    assert main(["optimize", "context"]) == 0
    captured = capsys.readouterr()
    assert captured.out == AFTER
    assert "bug in layerc: the pass bad went wrong" in captured.err
    assert "bug in layerc" not in captured.out


@pytest.mark.root
def test_verify_builds_both(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["optimize", "--verify", "--write", "context"]) == 0
    assert (folder / "context" / "Dockerfile").read_text() == AFTER
    assert "equal: 1 entry (1 file) and the config" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "start"), [("svg", "<svg "), ("html", "<!DOCTYPE html>")])
def test_draws_the_steps_before_and_after(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, start: str
) -> None:
    assert main(["optimize", "--format", name, "context"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(start)
    for text in ("before", "after", "1 step before, 1 after", "COPY"):
        assert text in out
