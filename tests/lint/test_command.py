"""``layerc lint`` and ``layerc rules``: files, configs, baselines, the cache, and what comes out."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from layerc.compiler.lint import Category, Finding, Rule, Severity, Subject
from layerc.grammar.source import Span
from layerc.runtime.cli.findings.table import FORMATS
from layerc.runtime.cli.main import main
from layerc.runtime.lint import around as around_module

BAD = "FROM alpine:3.20 AS Build\n"
SCHEMA = Path(__file__).parent / "sarif-schema-2.1.0.json"


def run(*words: str) -> int:
    return main(["lint", *words])


def found(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """Place and code of each finding."""
    code = run("--format", "json", "--fail-level", "style", *words)
    document = json.loads(capsys.readouterr().out)
    assert code == (1 if document["findings"] else 0)
    return [f"{each['file']}:{each['line']} {each['code']}" for each in document["findings"]]


# --- files -------------------------------------------------------------------------------------------


def test_directories_hold_dockerfiles(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("b/Dockerfile", "a/api.Dockerfile", "a/Containerfile.dev", "Dockerfile", "a/Dockerfile.md"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(BAD)
    for name in ("node_modules/x/Dockerfile", "vendored/Dockerfile", "a/Dockerfile.dockerignore"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(BAD)
    (folder / ".layerc.toml").write_text('[lint]\nexclude = ["vendored"]\n')
    names = ["Dockerfile", "a/Containerfile.dev", "a/api.Dockerfile", "b/Dockerfile"]
    assert found(capsys) == [f"{name}:1 StageNameCasing" for name in names]
    assert found(capsys, "-j", "4", "b", "a/api.Dockerfile", "b/Dockerfile", "vendored/Dockerfile") == [
        f"{name}:1 StageNameCasing" for name in ("b/Dockerfile", "a/api.Dockerfile", "vendored/Dockerfile")
    ]


def test_many_files_by_many_processes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(40):
        (folder / f"Dockerfile.{number:02}").write_text("\n" * number + BAD)
    expected = [f"Dockerfile.{number:02}:{number + 1} StageNameCasing" for number in range(40)]
    assert found(capsys, "--no-cache", "-j", "3") == expected
    assert found(capsys, "-j", "3") == expected
    assert found(capsys, "-j", "1") == expected


def test_standard_input(folder: Path, capfdbinary: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".layerc.toml").write_text('[lint]\nselect = ["StageNameCasing"]\n')
    give(monkeypatch, BAD.encode())
    assert run("--format", "tty", "--stdin-name", "x/Dockerfile", "-") == 0
    out = capfdbinary.readouterr().out
    assert out == b"x/Dockerfile:1:21 StageNameCasing style: Stage name 'Build' should be lowercase\n"
    give(monkeypatch, BAD.encode() + b"LABEL a=\xff\n")
    assert run("--fix", "-") == 0
    assert (
        capfdbinary.readouterr().out
        == BAD.lower().replace("from", "FROM").replace("as", "AS").encode() + b"LABEL a=\xff\n"
    )


def give(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["missing"], 4, "there is no file 'missing'"),
        (["--select", "StageNameCasin", "."], 2, "did you mean StageNameCasing?"),
        (["--severity", "StageNameCasing=bad"], 2, "is no severity"),
        (["--severity", "StageNameCasing"], 2, "write RULE=LEVEL"),
        (["--fail-level", "bad"], 2, "is no severity"),
        (["--format", "sariff"], 2, "did you mean sarif?"),
        (["--update-baseline"], 2, "needs --baseline"),
        (["--require-label", "a"], 2, "NAME:TYPE"),
        (["--require-label", "a:b"], 2, "is no type"),
        (["--baseline", "missing", "Dockerfile"], 4, "can not read missing"),
        (["--baseline", "Dockerfile", "Dockerfile"], 4, "is no baseline"),
        (["--config", "missing"], 4, "can not read"),
        (["-j", "x"], 2, "number of processes"),
        (["-o", "no/where", "Dockerfile"], 4, "can not write"),
    ],
)
def test_mistakes(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, told: str
) -> None:
    (folder / "Dockerfile").write_text(BAD)
    assert run(*words) == code
    assert told in capsys.readouterr().err


def test_a_file_that_can_not_be_linted_does_not_stop_the_rest(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b", "c"):
        (folder / name).mkdir()
        (folder / name / "Dockerfile").write_text(BAD)
    (folder / "b" / ".dockerignore").write_text("a[\n")
    for _ in range(2):
        assert run("--format", "tty", "-j", "2") == 4
        out, err = capsys.readouterr()
        assert [line.split(":")[0] for line in out.splitlines()] == ["a/Dockerfile", "c/Dockerfile"]
        assert "b/.dockerignore:1:1" in err


# --- configs -----------------------------------------------------------------------------------------


def test_the_nearest_config_counts_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a" / "b").mkdir(parents=True)
    for place in (".", "a", "a/b"):
        (folder / place / "Dockerfile").write_text(f"{BAD}CMD x && y\n")
    (folder / "pyproject.toml").write_text('[tool.layerc.lint]\nignore = ["StageNameCasing"]\n')
    (folder / "a" / "pyproject.toml").write_text("[tool.other]\n")
    (folder / "a" / "b" / ".hadolint.yaml").write_text("ignored: [DL3025]\n")
    expected = [
        "Dockerfile:2 JSONArgsRecommended",
        "a/Dockerfile:2 JSONArgsRecommended",
        "a/b/Dockerfile:1 StageNameCasing",
    ]
    assert found(capsys) == expected
    assert len(found(capsys, "--no-config")) == 6
    assert found(capsys, "--config", "a/b/.hadolint.yaml", "a") == [
        "a/Dockerfile:1 StageNameCasing",
        "a/b/Dockerfile:1 StageNameCasing",
    ]


def test_hadolints_config_as_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "Dockerfile").write_text(
        f'# hadolint ignore=DL3025\n{BAD}CMD x && y\nCMD z && y\nENTRYPOINT ["a"]\n'
    )
    (folder / ".hadolint.yml").write_text(
        """
failure-threshold: error
format: gnu
no-color: true
ignored:
  - DL3008
override:
  error: [DL4003]
  style:
    - DL3025
    - SC2086
trustedRegistries: docker.io
label-schema:
  author: text
  created: rfc3339
strict-labels: false
disable-ignore-pragma: true
"""
    )
    assert run() == 1
    first = "Dockerfile:3:1 MultipleInstructionsDisallowed error:"
    out = capsys.readouterr().out
    assert first in out
    assert "JSONArgsRecommended style:" in out
    assert run("--ignore", "DL4003") == 0
    assert run("--fail-level", "style", "--ignore", "DL4003") == 1


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        (".layerc.toml", "[lint]\nselct = []\n", "did you mean select?"),
        (".layerc.toml", "[lint]\nselect = 1\n", "no list of texts"),
        (".layerc.toml", "[lint]\nignore = ['DL999']\n", "there is no rule 'DL999'"),
        (".layerc.toml", "[lint\n", "line 1"),
        (".layerc.toml", "[lintt]\n", "unknown table"),
        (".layerc.toml", "lint = 1\n", "no table"),
        (".layerc.toml", "[lint]\nlabel-schema = {a = 'b'}\n", "is no type"),
        (".layerc.toml", "[lint.severity]\nDL3025 = 'bad'\n", "is no severity"),
        ("pyproject.toml", "[tool.layerc.lint]\nstrict-labels = 1\n", "neither true nor false"),
        (".hadolint.yaml", "ignore: [DL3008]\n", "did you mean ignored?"),
        (".hadolint.yaml", "ignored: {a: b}\n", "no list of texts"),
        (".hadolint.yaml", "- a\n", "no mapping"),
        (".hadolint.yaml", "a: [\n", "expected"),
        (
            ".hadolint.yaml",
            "ignored: !!python/object/apply:os.system [ls]\n",
            "could not determine a constructor",
        ),
        (".hadolint.yaml", "[" * 5000, "nested too deeply"),
        (".hadolint.yaml", "override: {bad: [DL3008]}\n", "is no severity"),
    ],
)
def test_bad_configs(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, told: str
) -> None:
    (folder / "Dockerfile").write_text(BAD)
    (folder / name).write_text(text)
    assert run() == 4
    error = capsys.readouterr().err
    assert told in error
    assert name in error


# --- fixes -------------------------------------------------------------------------------------------


def test_fix_writes_the_file_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "real"
    file.write_text(f"{BAD}CMD x")
    file.chmod(0o640)
    (folder / "Dockerfile").symlink_to("real")
    assert run("--diff", "Dockerfile") == 1
    diff = capsys.readouterr().out
    assert diff == (
        "--- a/Dockerfile\n+++ b/Dockerfile\n@@ -1,2 +1,2 @@\n"
        "-FROM alpine:3.20 AS Build\n+FROM alpine:3.20 AS build\n CMD x\n\\ No newline at end of file\n"
    )
    assert file.read_text() == f"{BAD}CMD x"
    assert run("--fix", "Dockerfile") == 1
    assert "1 finding in 1 file: 1 warning; 1 fixed; 1 with --unsafe-fixes" in capsys.readouterr().out
    assert file.read_text() == "FROM alpine:3.20 AS build\nCMD x"
    assert run("--unsafe-fixes", "Dockerfile") == 0
    assert file.read_text() == 'FROM alpine:3.20 AS build\nCMD ["x"]'
    assert file.stat().st_mode & 0o777 == 0o640
    assert (folder / "Dockerfile").is_symlink()
    assert run("--diff", "Dockerfile") == 0
    assert sorted(os.listdir(folder)) == ["Dockerfile", "real"]


def test_a_diff_can_be_applied(folder: Path, capfdbinary: Any) -> None:
    data = b"FROM alpine:3.20 AS A\r\nLABEL a=\xff\nLABEL b=\x0c\nFROM scratch AS B"
    (folder / "Dockerfile").write_bytes(data)
    assert run("--diff") == 1
    diff = capfdbinary.readouterr().out
    subprocess.run(["git", "apply", "-"], input=diff, check=True, cwd=folder)
    assert (folder / "Dockerfile").read_bytes() == data.replace(b"AS A", b"AS a").replace(b"AS B", b"AS b")


# --- baselines and the cache -------------------------------------------------------------------------


def test_a_baseline_hides_what_was_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "Dockerfile"
    file.write_text(BAD + BAD)
    assert run("--baseline", "known.json", "--update-baseline") == 0
    assert capsys.readouterr().out == "known.json: 3 findings\n"
    assert found(capsys, "--baseline", "known.json") == []
    file.write_text("\n\n" + BAD + BAD + "FROM alpine:3.20 AS Other\n")
    assert found(capsys, "--baseline", "known.json") == ["Dockerfile:5 StageNameCasing"]
    file.write_text(BAD + BAD + BAD)
    assert len(found(capsys, "--baseline", "known.json", "--select", "StageNameCasing")) == 1
    (folder / ".layerc.toml").write_text('[lint]\nbaseline = "known.json"\n')
    assert len(found(capsys, "--select", "StageNameCasing")) == 1


def test_results_are_remembered_by_all_that_they_are_made_of(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / "Dockerfile"
    file.write_text(f"{BAD}COPY dist /\n")
    first = found(capsys)
    assert first == ["Dockerfile:1 StageNameCasing"]
    with monkeypatch.context() as patch:
        patch.setattr("layerc.runtime.lint.run.lint", None)  # who lints again, fails
        assert found(capsys) == first
        (folder / "Copy.Dockerfile").write_text(file.read_text())
        assert found(capsys) == ["Copy.Dockerfile:1 StageNameCasing", *first]
    (folder / "Copy.Dockerfile").unlink()
    assert found(capsys, "--ignore", "style") == []
    (folder / ".dockerignore").write_text("dist\n")
    assert found(capsys) == [*first, "Dockerfile:2 CopyIgnoredFile"]
    (folder / "Dockerfile.dockerignore").write_text("other\n")
    assert found(capsys) == first


def test_facts_are_looked_at_again(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule that counts the context's files, below all others."""

    def check(subject: Subject) -> Iterator[Finding]:
        files = [file.path for file in subject.facts.contexts.get("", ())]
        yield Finding(Span(0, 4), f"{files} {[commit.paths for commit in subject.facts.commits]}")

    rule = Rule("LC199", "counting", Severity.ERROR, Category.CACHE, "0", check, None)
    monkeypatch.setattr("layerc.compiler.lint.rules.RULES", (rule,))
    monkeypatch.setattr("layerc.compiler.lint.rules.BY_ID", {"LC199": rule})

    def told() -> str:
        around_module._gather.cache_clear()
        around_module._stamp.cache_clear()
        around_module._repository.cache_clear()
        run("--format", "tty", "-j", "1")
        return capsys.readouterr().out.partition("error: ")[2].strip()

    (folder / "Dockerfile").write_text("FROM scratch\nCOPY a /\n")
    assert told() == "[] []", "the context is guessed, and has no a"
    (folder / "a").write_text("a")
    assert told() == "['Dockerfile', 'a'] []"
    with monkeypatch.context() as patch:
        patch.setattr("layerc.runtime.lint.run.lint", None)
        assert told() == "['Dockerfile', 'a'] []"
    (folder / ".dockerignore").write_text("Dockerfile\n")
    assert told() == "['.dockerignore', 'a'] []"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (
        ["init", "-q"],
        ["commit", "-q", "-m", "-", "--allow-empty"],
        ["add", "a"],
        ["commit", "-qm", "a"],
    ):
        subprocess.run([*git, *words], check=True, cwd=folder)
    assert told().endswith("[('a',)]")


def test_a_damaged_cache_is_none(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (folder / "Dockerfile").write_text(BAD)
    first = found(capsys)
    (entry,) = (path for path in (tmp_path / "cache").rglob("*") if path.is_file())
    whole = entry.read_bytes()
    for data in (b"", whole[:-3], whole.replace(b"style", b"stile", 1), b"\xff" * 50, b"x\n[]"):
        entry.write_bytes(data)
        assert found(capsys) == first
        assert entry.read_bytes() == whole
    entry.unlink()
    entry.mkdir()
    assert found(capsys) == first


# --- outputs -----------------------------------------------------------------------------------------

HOSTILE = (
    b"FROM alpine:3.20 AS Base\n"
    b"WORKDIR B\xc3\xa4se\xff\n"
    b"# \x1b[2J\n"
    b'ENV A "x]]><&%0A" \n'
    b'CMD "\x07 </failure>\n'
    b"RUN a &&\\\n\n\n  b\n"
    b"EXPOSE 80/TCP\n"
)


@pytest.mark.parametrize("form", [name for name, *_ in FORMATS])
def test_formats(folder: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a &,'%.Dockerfile").write_bytes(HOSTILE)
    (folder / "bad.Dockerfile").write_text("FORM x\n")
    (folder / "good.Dockerfile").write_text("FROM alpine:3.20\n")
    assert run("--format", form) == 1
    out = capsys.readouterr().out
    out.encode()
    assert "\x1b" not in out
    CHECKS[form](out)
    assert run("--format", form, "--select", "LC001", "good.Dockerfile") == 0
    CHECKS_EMPTY.get(form, lambda text: None)(capsys.readouterr().out)
    assert run("--format", form, "-o", "out", "--no-cache") == 1
    assert (folder / "out").read_text() == out


def check_json(out: str) -> None:
    document = json.loads(out)
    assert document["schema"] == "layerc.lint/1"
    assert len(document["files"]) == 3
    first = document["findings"][-1]
    assert first["file"] == "bad.Dockerfile"
    assert first["equivalents"] == ["DL1000"]


def check_sarif(out: str) -> None:
    document = json.loads(out)
    jsonschema.Draft4Validator(json.loads(SCHEMA.read_text())).validate(document)
    (log,) = document["runs"]
    assert len(log["artifacts"]) == 3
    for result in log["results"]:
        assert log["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    assert any("fixes" in result for result in log["results"])


def check_gitlab(out: str) -> None:
    issues = json.loads(out)
    assert {issue["severity"] for issue in issues} <= {"info", "minor", "major", "critical", "blocker"}
    assert len({issue["fingerprint"] for issue in issues}) == len(issues) > 3


def check_github(out: str) -> None:
    assert out.startswith("::")
    assert "file=a &%2C'%25.Dockerfile," in out
    assert out.count("\n") == out.count("::") / 2


def check_checkstyle(out: str) -> None:
    tree = ET.fromstring(out)
    assert [file.get("name") for file in tree] == ["a &,'%.Dockerfile", "bad.Dockerfile", "good.Dockerfile"]
    assert tree[1][0].get("source") == "LC001"


def check_junit(out: str) -> None:
    tree = ET.fromstring(out)
    assert int(tree.get("tests", "")) == len(list(tree.iter("testcase")))
    assert int(tree.get("failures", "")) == len(list(tree.iter("failure"))) > 3


def check_human(out: str) -> None:
    assert "bad.Dockerfile:1:1" in out
    assert "^^^^" in out
    assert "see docs/rules/LC001.md" in out
    assert out.splitlines()[-1].endswith("can be fixed with --fix")


def check_tty(out: str) -> None:
    assert "bad.Dockerfile:1:1 LC001 error: " in out


CHECKS = {
    "human": check_human,
    "tty": check_tty,
    "json": check_json,
    "sarif": check_sarif,
    "gitlab": check_gitlab,
    "github": check_github,
    "checkstyle": check_checkstyle,
    "junit": check_junit,
}
CHECKS_EMPTY = {
    "sarif": lambda out: jsonschema.Draft4Validator(json.loads(SCHEMA.read_text())).validate(json.loads(out)),
    "human": lambda out: pytest.fail(out) if out != "no findings in 1 file\n" else None,
    "tty": lambda out: pytest.fail(out) if out else None,
    "checkstyle": ET.fromstring,
    "junit": ET.fromstring,
    "gitlab": json.loads,
}


def test_levels_and_exit_codes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "Dockerfile").write_text(BAD)
    assert run() == 0, "a finding of style is below the default level"
    assert run("--fail-level", "style") == 1
    assert run("--severity", "style=error") == 1
    assert run("--severity", "style=error", "--fail-level", "never") == 0
    assert run("--severity", "style=error,StageNameCasing=style") == 0
    assert "style:" in capsys.readouterr().out


# --- layerc rules ------------------------------------------------------------------------------------


def test_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules"]) == 0
    assert "StageNameCasing" in capsys.readouterr().out
    assert main(["rules", "DL4000"]) == 0
    assert capsys.readouterr().out.startswith("# MaintainerDeprecated: maintainer-deprecated\n")
    assert main(["rules", "--json", "LC00"]) == 0
    assert [rule["id"] for rule in json.loads(capsys.readouterr().out)] == ["LC001", "LC002", "LC003"]
    assert main(["rules", "StageNameCasin"]) == 2
    assert "did you mean StageNameCasing?" in capsys.readouterr().err


def test_pages_are_current() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        ["python", "scripts/make_rule_pages.py", "--check"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    assert done.stdout == ""
    assert done.returncode == 0


def test_heavy_modules_stay_out(folder: Path) -> None:
    (folder / "Dockerfile").write_text(BAD)
    code = (
        "import sys; from layerc.runtime.cli.main import main; main(['lint', '--no-cache']);"
        "print(*{'lark', 'networkx', 'rich', 'yaml', 'docker', 'sqlite3', 'multiprocessing', 'tomllib'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder
    )
    assert done.stdout.splitlines()[-1] == ""
