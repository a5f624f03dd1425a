"""``layerc build --call`` and ``--check``: what is printed, where, and what the process exits with."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from layerc.runtime.cli.call import Call, parse_call
from layerc.runtime.cli.main import main
from layerc.runtime.errors import UsageError

WRONG = "FROM scratch AS Base\n# SIZE in bytes\nARG SIZE=1\nENV a \\\n  b\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "context").mkdir()
    monkeypatch.chdir(tmp_path / "context")
    monkeypatch.setenv("LAYERC_HOME", str(tmp_path / "store"))
    monkeypatch.setenv("NO_COLOR", "1")
    Path("Dockerfile").write_text(WRONG)
    return tmp_path


def test_check_for_people(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--check"]) == 1
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out == (
        "warning: Stage name 'Base' should be lowercase\n"
        " --> Dockerfile:1\n"
        "  |\n"
        "1 | FROM scratch AS Base\n"
        "rule: StageNameCasing: Stage names should be lowercase\n"
        "      https://docs.docker.com/go/dockerfile/rule/stage-name-casing/\n"
        "\n"
        'warning: "ENV key=value" should be used instead of legacy "ENV key value" format\n'
        " --> Dockerfile:4\n"
        "  |\n"
        "4 | ENV a \\\n"
        "5 |   b\n"
        "rule: LegacyKeyValueFormat: Legacy key/value format with whitespace separator should not be used\n"
        "      https://docs.docker.com/go/dockerfile/rule/legacy-key-value-format/\n"
        "\n"
        "2 warnings found\n"
    )


def test_check_for_programs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--call=check,format=json"]) == 1
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    (source,) = document["sources"]
    assert base64.b64decode(source["data"]).decode() == WRONG
    assert (source["filename"], source["language"]) == ("Dockerfile", "Dockerfile")
    assert [warning["ruleName"] for warning in document["warnings"]] == [
        "StageNameCasing",
        "LegacyKeyValueFormat",
    ]
    assert printed.err == ""


def test_nothing_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("Dockerfile").write_text("FROM scratch\n")
    assert main(["build", "--call", "lint"]) == 0
    assert capsys.readouterr().out == "no warnings found\n"


def test_warnings_that_are_no_failure(folder: Path) -> None:
    assert main(["build", "--call=check,ignorestatus=true"]) == 0


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_error_comes_after_the_warnings(
    folder: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    Path("Dockerfile").write_text("FROM scratch AS Base\nCOPY ${x:?missing} /b\n")
    assert main(["build", f"--call=check,format={form}"]) == 3
    printed = capsys.readouterr()
    assert "StageNameCasing" in printed.out
    assert ("x: missing" in printed.out) == (form == "json")
    assert printed.err.startswith("error: ")
    assert "--> Dockerfile:2:" in printed.err


def test_a_base_that_can_not_be_had(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("Dockerfile").write_text("FROM localhost:1/none AS Base\nCMD x\n")
    assert main(["build", "--call=check,format=json", "--progress=quiet"]) == 4
    document = json.loads(capsys.readouterr().out)
    assert [warning["ruleName"] for warning in document["warnings"]] == ["StageNameCasing"]
    assert document["buildError"]["location"] == {"ranges": [{"start": {"line": 1}, "end": {"line": 1}}]}


def test_errors_that_are_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--build-arg", "BUILDKIT_DOCKERFILE_CHECK=skip=StageNameCasing;error=true"]
    assert main(["build", "--check", *arguments]) == 3
    assert "error: lint violation found for rules: LegacyKeyValueFormat\n" in capsys.readouterr().err
    assert main(["build", "--check", *arguments[:1], "BUILDKIT_DOCKERFILE_CHECK=skip=all;error=true"]) == 0


def test_ignored_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("Dockerfile").write_text("FROM scratch\nCOPY secret /\n")
    Path(".dockerignore").write_text("secret\n")
    assert main(["build", "--check"]) == 1
    assert 'Attempting to Copy file "secret" that is excluded' in capsys.readouterr().out


def test_outline(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--call=outline", "--build-arg", "SIZE=7"]) == 0
    assert capsys.readouterr().out == (
        "TARGET: base\n\nBUILD ARG   VALUE   LINE   DESCRIPTION\nSIZE        7       3      in bytes\n"
    )
    assert main(["build", "--call=outline,format=json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert base64.b64decode(document["sources"][0]).decode() == WRONG


def test_targets_need_no_store_and_no_image(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("Dockerfile").write_text("# a: is no description\n# a is one\nFROM ${X:-nowhere} AS a\nFROM a\n")
    assert main(["build", "--call", "targets"]) == 0
    assert capsys.readouterr().out == (
        "TARGET      BASE            DESCRIPTION\na           ${X:-nowhere}   is one\n(default)   a\n"
    )
    assert not (folder / "store").exists()


def test_nothing_that_a_terminal_obeys_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("Dockerfile").write_text(
        "# a \x1b[2Jtold\nFROM scratch AS a\nENV x\x1b[2J $\x1b\nARG a=\x1b[2J\nWORKDIR \x1b\n"
    )
    for method in ("check", "outline", "targets"):
        main(["build", f"--call={method}"])
        assert "\x1b" not in capsys.readouterr().out


def test_a_plan_has_no_answers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile"]) == 0
    Path("plan.json").write_text(capsys.readouterr().out)
    assert main(["build", "--check", "-f", "plan.json"]) == 2
    assert "this is a compiled plan" in capsys.readouterr().err


def test_methods() -> None:
    assert parse_call("build") is None
    assert parse_call("targets") == Call("targets")
    assert parse_call("format=json,check,ignorestatus=1") == Call("check", "json", ignore_status=True)
    for text in (
        "",
        "chek",
        "check,format=xml",
        "check,outline",
        "check,ignorestatus=x",
        "check,colour=1",
        "format=json",
    ):
        with pytest.raises(UsageError, match="--call"):
            parse_call(text)
    with pytest.raises(UsageError) as error:
        parse_call("outlin")
    assert error.value.help == "did you mean --call=outline?"


@pytest.mark.root
def test_a_build_ends_with_what_the_checks_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):  # a plan that is remembered warns, too
        assert main(["build", "--progress=plain"]) == 0
        assert capsys.readouterr().err.endswith(
            "2 warnings found (layerc build --check explains them):\n"
            " - StageNameCasing: Stage name 'Base' should be lowercase (Dockerfile:1)\n"
            ' - LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format '
            "(Dockerfile:4)\n\n"
        )


@pytest.mark.root
def test_a_build_that_fails_warns_too_and_sees_an_edited_ignore_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("Dockerfile").write_text("FROM scratch\nCOPY a /\n")
    Path("a").write_text("x")
    assert main(["build", "--progress=plain"]) == 0
    assert "CopyIgnoredFile" not in capsys.readouterr().err
    Path(".dockerignore").write_text("a\n")
    assert main(["build", "--progress=plain"]) != 0
    printed = capsys.readouterr().err
    assert printed.index("1 warning found") < printed.index("CopyIgnoredFile") < printed.index("error: ")


def test_no_dockerfile_at_all(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("Dockerfile").write_text("FROM scratch AS a\nCOYP a b\n")
    assert main(["build", "--call=check,format=json"]) == 3
    printed = capsys.readouterr()
    assert json.loads(printed.out)["buildError"]["message"] == "unknown instruction COYP"
    assert "did you mean COPY?" in printed.err
