"""What other tools run: the hooks of .pre-commit-hooks.yaml and the scripts of action.yml."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from layerc.runtime.cli.main import main
from layerc.runtime.lint.files import is_dockerfile

ROOT = Path(__file__).parents[2]
HOOKS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
BAD = "from alpine:3.20\nRUN   a\nCMD x\nCMD y\n"
GOOD = 'FROM alpine:3.20\nRUN a\nCMD ["y"]\n'
NAMES = (
    *("Dockerfile", "Dockerfile.dev", "api.Dockerfile", "a/b/dockerfile", "Containerfile", "x-Dockerfile"),
    *(
        "Dockerfile-alpine",
        "Dockerfile.md",
        "Dockerfile.dockerignore",
        ".dockerignore",
        "Dockerfiles",
        "a.py",
    ),
    *("Dockerfile.orig", "Dockerfile/x.py", "docker/Dockerfile"),
)


def environment(folder: Path) -> dict[str, str]:
    binaries = str(Path(sys.executable).parent)
    cache = {"XDG_CACHE_HOME": str(folder / "cache")}
    return os.environ | cache | {"PATH": f"{binaries}:{os.environ['PATH']}", "NO_COLOR": "1"}


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_hook(hook: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        chosen = bool(re.search(hook["files"], name)) and not re.search(hook["exclude"], name)
        assert chosen == is_dockerfile(name.rpartition("/")[2]), name

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(text: str) -> int:
        (tmp_path / "Dockerfile").write_text(text)
        program, *words = shlex.split(hook["entry"])
        assert program == "layerc"
        return main([*words, "Dockerfile"])

    assert run(GOOD) == 0
    assert (tmp_path / "Dockerfile").read_text() == GOOD
    # A hook fails where it tells something, or where it changed a file: the latter the tool sees by itself.
    code = run(BAD)
    assert code == 1 or (tmp_path / "Dockerfile").read_text() != BAD


def test_action(tmp_path: Path) -> None:
    names = list(ACTION["inputs"])
    assert names == ["paths", "options", "sarif", "format"]
    scripts = [step for step in ACTION["runs"]["steps"] if "layerc " in step.get("run", "")]
    assert [step["run"].count("layerc ") for step in scripts] == [2, 1]

    def run(text: str, **inputs: str) -> list[int]:
        (tmp_path / "Dockerfile").write_text(text)
        values = {name: each["default"] for name, each in ACTION["inputs"].items()} | inputs
        codes = []
        for step in scripts:
            given = {
                name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda match: values[match[1]], text)
                for name, text in step["env"].items()
            }
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                cwd=tmp_path,
                env=environment(tmp_path) | given,
                check=False,
                capture_output=True,
            )
            codes.append(done.returncode)
        return codes

    assert run(GOOD) == [0, 0]
    assert run(BAD, sarif="out.sarif", options="--fail-level style") == [1, 1]
    assert (tmp_path / "out.sarif").stat().st_size
    assert run(GOOD, paths="$(touch pwned) `touch pwned` ; touch pwned") != [0, 0]
    assert not (tmp_path / "pwned").exists()
