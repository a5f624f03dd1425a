"""``layerc compile``."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from layerc.compiler.graph.plan import LayerPlan
from layerc.runtime.cli.main import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAYERC_HOME", str(tmp_path / "store"))
    (tmp_path / "Dockerfile").write_text(
        "FROM debian:12 AS build\nRUN make\nFROM scratch\nCOPY --from=build /a /\n"
    )
    return tmp_path


def test_offline_needs_no_base_image_and_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "--offline"]) == 0
    captured = capsys.readouterr()
    plan = LayerPlan.from_document(json.loads(captured.out))
    assert [type(layer.operation).__name__ for layer in plan.layers] == ["Base", "Run", "Copy"]
    assert captured.err.startswith("warning: base images were not looked at: ")
    assert "debian:12" in captured.err


def test_offline_is_silent_without_base_images(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY a /\n")
    assert main(["compile", "--offline"]) == 0
    assert capsys.readouterr().err == ""


def test_resolved(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "root").mkdir()
    (folder / "root" / "file").write_text("x")
    assert main(["compile", "--build-context", "debian:12=root"]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["layers"][0]["operation"]["digest"].startswith("sha256:")
    assert captured.err == ""


def test_pictures(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "--offline", "--format", "mermaid"]) == 0
    assert capsys.readouterr().out.startswith("flowchart")
    assert main(["compile", "--offline", "--format", "dot"]) == 0
    assert capsys.readouterr().out.startswith("digraph")


def test_from_standard_input(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"FROM scratch\nCOPPY a /\n")))
    assert main(["compile", "--offline", "-"]) == 3
    assert "--> <stdin>:2:1" in capsys.readouterr().err


def test_warnings_of_the_compiler_are_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "Dockerfile").write_text("FROM scratch\nMAINTAINER me\n")
    assert main(["compile", "--offline"]) == 0
    assert capsys.readouterr().err.startswith("warning: Dockerfile:2: ")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["compile", "nowhere"], 4, "there is no directory 'nowhere'"),
        (["compile", "--format", "png"], 2, "invalid choice: 'png'"),
        (["compile", "--offline", "--target", "biuld"], 3, "biuld"),
    ],
)
def test_errors(
    words: list[str], code: int, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err


def test_formats_that_draw_are_documents_of_their_own(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, start in (("svg", "<svg "), ("html", "<!DOCTYPE html>")):
        assert main(["compile", "--offline", "--format", name]) == 0
        out = capsys.readouterr().out
        assert out.startswith(start)
        assert "RUN make" in out


@pytest.mark.root
def test_pictures_show_what_the_last_build_did(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "Dockerfile").write_text("FROM scratch\nWORKDIR /x\nCOPY a /\n")
    (folder / "a").write_text("1")
    assert main(["build", "-q", "."]) == 0
    (folder / "a").write_text("22")
    assert main(["build", "-q", "."]) == 0
    with open(folder / "Dockerfile", "a") as file:
        file.write("RUN later\n")
    capsys.readouterr()
    assert main(["compile", "--format", "html"]) == 0
    page = capsys.readouterr().out
    for text in ('class="box cached', 'class="box ran', 'class="box new', "a changed (content)"):
        assert text in page
    assert main(["compile", "--format", "dot"]) == 0
    assert "cached \u00b7 " in capsys.readouterr().out
    assert main(["compile", "--format", "dot", "--plain"]) == 0
    assert "cached" not in capsys.readouterr().out
